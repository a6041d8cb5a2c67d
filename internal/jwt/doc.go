// Package jwt verifies, fetches keys for, and signs JSON Web Tokens. It owns
// go-jose.
//
// It decides nothing about claims: issuers, audiences, times and types of
// provider are compared by its callers. It never verifies with a shared secret,
// never accepts an unsigned or an encrypted token, never takes a key from a
// token, and never prints one.
//
// It follows RFC 7515, 7517, 7518, 7519, RFC 8725 (best current practices) and
// RFC 9068. Sizes are in bytes.
package jwt
