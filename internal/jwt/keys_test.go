package jwt_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
)

// Keys are made once: an RSA key costs a tenth of a second.
var (
	rsaPrivate = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaKey     = sync.OnceValue(func() *jwt.SigningKey {
		return must(jwt.FromPEM(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaPrivate())})))
	})
	ecKey = sync.OnceValue(func() *jwt.SigningKey { return must(jwt.GenerateEC()) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func rsaPublic() *rsa.PublicKey { return &rsaPrivate().PublicKey }

func sign(t testing.TB, k *jwt.SigningKey, header map[string]any, claims any) string {
	t.Helper()
	token, err := k.Sign(header, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
