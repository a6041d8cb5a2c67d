package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/klammhq/klamm/internal/fault"
)

// SigningKey is a private key with a certificate of its own, for emulators and
// for our own issuers. It signs RS256, ES256/384/512 or EdDSA by its kind.
type SigningKey struct {
	Kid string // the RFC 7638 thumbprint unless changed, before the first use

	alg         string
	private     crypto.Signer
	public      Key
	certificate *x509.Certificate
}

// GenerateRSA makes an RSA key; bits from 2048.
func GenerateRSA(bits int) (*SigningKey, error) {
	if bits < minRSABits {
		return nil, fault.New(fault.Invalid, "an RSA key of %d bits, expected at least %d", bits, minRSABits)
	}
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fault.New(fault.Internal, "no RSA key can be made").Because(err)
	}
	return newSigningKey(private)
}

// GenerateEC makes a P-256 key, which is made and signs in microseconds.
func GenerateEC() (*SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.New(fault.Internal, "no EC key can be made").Because(err)
	}
	return newSigningKey(private)
}

// FromPEM reads a private RSA or EC key: PKCS #8, PKCS #1 or SEC 1.
func FromPEM(text []byte) (*SigningKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fault.New(fault.Malformed, "there is no PEM block, expected a private key")
	}
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
		func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
	} {
		if private, err := parse(block.Bytes); err == nil {
			if signer, ok := private.(crypto.Signer); ok {
				return newSigningKey(signer)
			}
		}
	}
	return nil, fault.New(fault.Malformed, "the PEM block %q holds no private RSA or EC key", brief(block.Type))
}

func newSigningKey(private crypto.Signer) (*SigningKey, error) {
	public, err := NewKey("", private.Public())
	if err != nil {
		return nil, err
	}
	sum, err := (&jose.JSONWebKey{Key: public.public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the key has no thumbprint").Because(err)
	}
	k := &SigningKey{Kid: base64.RawURLEncoding.EncodeToString(sum), alg: public.algs[0], private: private, public: public}
	if public.allows("RS256") {
		k.alg = "RS256" // the one of RSA's six that every client knows
	}
	if k.certificate, err = selfSigned(private, k.Kid); err != nil {
		return nil, fault.New(fault.Internal, "no certificate can be made for the key").Because(err)
	}
	return k, nil
}

func selfSigned(private crypto.Signer, name string) (*x509.Certificate, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
