package entra

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
)

// certificate is a registered one, read.
type certificate struct {
	id           string
	x5t, x5tS256 string // thumbprints, base64url
	begins, ends time.Time
	key          jwt.Key
}

// newCertificate reads c, which gets an id when it has none.
func newCertificate(c *Certificate, at string) (certificate, error) {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, format, args...).At(at + ", certificate").Mend("give the PEM of one certificate with an RSA key, as openssl req -x509 makes it")
	}
	block, rest := pem.Decode([]byte(c.PEM))
	if block == nil || block.Type != "CERTIFICATE" {
		return certificate{}, wrong("this does not begin with the PEM of a certificate")
	}
	if strings.Contains(c.PEM, "PRIVATE KEY") {
		return certificate{}, wrong("this holds a private key, expected the certificate alone")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return certificate{}, wrong("a second PEM block follows, expected one certificate")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return certificate{}, wrong("the certificate cannot be read")
	}
	if _, ok := parsed.PublicKey.(*rsa.PublicKey); !ok {
		return certificate{}, wrong("the certificate's key is %s, expected RSA", parsed.PublicKeyAlgorithm)
	}
	if c.ID == "" {
		c.ID = newUUID()
	}
	key, err := jwt.NewKey(c.ID, parsed.PublicKey)
	if err != nil {
		return certificate{}, wrong("%v", err)
	}
	return certificate{c.ID, jwt.X5T(parsed), jwt.X5TS256(parsed), parsed.NotBefore, parsed.NotAfter, key}, nil
}

// named reports whether every thumbprint in the token's header is this
// certificate's. MSAL for Go writes them in base64 with padding, others in
// base64url.
func (c certificate) named(token *jwt.Token) bool {
	plain := strings.NewReplacer("+", "-", "/", "_", "=", "")
	sha1, sha256 := plain.Replace(token.X5T), plain.Replace(token.X5TS256)
	return (sha1 == "" || sha1 == c.x5t) && (sha256 == "" || sha256 == c.x5tS256) && sha1+sha256 != ""
}
