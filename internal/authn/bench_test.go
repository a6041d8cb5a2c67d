package authn_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
)

var rsaSigner = sync.OnceValue(func() *jwt.SigningKey {
	k, err := jwt.GenerateRSA(2048)
	if err != nil {
		panic(err)
	}
	return k
})

// bench is a token of 1.3 KB, as Entra's are, and an authenticator for it. The
// filter is the literal true, so that CEL takes no part.
func bench(b *testing.B) (*authn.Authenticator, iam.Credential) {
	s := snapshot()
	setFilter(s, "pool-orders", "true")
	key := rsaSigner().Public()
	c := claims("aio", strings.Repeat("k", 20), "appidacr", "1", "azpacr", "1", "idp", entraV2, "rh", strings.Repeat("0.", 20), "uti", strings.Repeat("u", 22), "xms_ftd", strings.Repeat("x", 40))
	token, err := rsaSigner().Sign(map[string]any{"typ": "JWT"}, c)
	if err != nil {
		b.Fatal(err)
	}
	if len(token) < 1300 || len(token) > 1400 {
		b.Fatalf("the token has %d bytes, want 1.3 KB", len(token))
	}
	return compile(b, s, jwt.NewStatic(key), authn.Options{CacheSize: 2}), credential(token, "pool-orders")
}

// BenchmarkRawRSA is the floor: one RS256 verification over as many bytes.
func BenchmarkRawRSA(b *testing.B) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(strings.Repeat("x", 950))
	sum := sha256.Sum256(text)
	signature, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		sum := sha256.Sum256(text)
		if err := rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyCold is all that a token costs that was not seen before: form,
// keys that stand twice, type, Entra's claims, times, audience, signature. None
// of these checks can be switched off.
func BenchmarkVerifyCold(b *testing.B) {
	a, c := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		a.Forget()
		if err := a.Verify(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyWarm is what a token costs that another connection has shown:
// its hash, its times, its provider and its key.
func BenchmarkVerifyWarm(b *testing.B) {
	a, c := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Verify(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoginCold is a whole login with a token that was not seen before.
func BenchmarkLoginCold(b *testing.B) {
	a, c := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		a.Forget()
		if _, _, err := a.Authenticate(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoginWarm is a whole login with a token that was seen before.
func BenchmarkLoginWarm(b *testing.B) {
	a, c := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := a.Authenticate(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
}
