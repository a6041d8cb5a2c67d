package jwt

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"github.com/klammhq/klamm/internal/fault"
)

// X5T is the SHA-1 thumbprint of a certificate, base64url. SHA-1 is RFC 7517's
// choice (section 4.8); it names the certificate and protects nothing.
func X5T(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// X5TS256 is the SHA-256 thumbprint of a certificate, base64url.
func X5TS256(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// KeyFromPEM reads the first certificate or public key of a PEM text. The id of
// a certificate's key is its [X5T], that of a bare key is empty.
func KeyFromPEM(text []byte) (Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return Key{}, fault.New(fault.Malformed, "there is no PEM block, expected a certificate or a public key")
	}
	if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
		return NewKey(X5T(certificate), certificate.PublicKey)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return Key{}, fault.New(fault.Malformed, "the PEM block %q holds neither a certificate nor a public key", brief(block.Type)).Because(err)
	}
	return NewKey("", public)
}
