// Package jwt verifies, fetches keys for, and signs JSON Web Tokens. It owns
// go-jose. It decides nothing about claims: issuers, audiences and times are
// compared by its callers.
//
// It follows RFC 7515, 7517, 7519, RFC 8725 (best current practices) and RFC 9068.
package jwt
