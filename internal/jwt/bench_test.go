package jwt_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// entraToken is a v2 access token of 1.3 KB, RS256, as Entra makes them.
func entraToken(b *testing.B) secret.String {
	b.Helper()
	token := sign(b, rsaKey(), map[string]any{"typ": "JWT"}, map[string]any{
		"aud": "be587d08-a466-45e9-a02a-dfdda6b4c765", "iss": "https://login.microsoftonline.com/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0",
		"iat": 1790000000, "nbf": 1790000000, "exp": 1790086400, "aio": strings.Repeat("k2RgYEh4", 10),
		"azp": "0f8fad5b-d9cb-469f-a165-70867728950e", "azpacr": "2", "oid": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		"rh": strings.Repeat("1.AXkAcg", 8), "roles": []string{"Kafka.Write", "Kafka.Read"}, "sub": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		"tid": "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6", "uti": "qGbHY0sLhE2QkVYl0Q4AAA", "ver": "2.0", "idtyp": "app",
		"xms_ftd": strings.Repeat("ftdftd", 8),
	})
	return secret.New(token)
}

func BenchmarkVerifyCold(b *testing.B) {
	token, key := entraToken(b), rsaKey().Public()
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := jwt.Parse(token)
		if err != nil {
			b.Fatal(err)
		}
		if err := parsed.Verify(key); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(token.Len()), "B/token")
}

// BenchmarkRawRSA is the floor of BenchmarkVerifyCold: the signature alone.
func BenchmarkRawRSA(b *testing.B) {
	text := entraToken(b).Reveal()
	end := strings.LastIndexByte(text, '.')
	digest := sha256.Sum256([]byte(text[:end]))
	signature, err := base64.RawURLEncoding.DecodeString(text[end+1:])
	if err != nil {
		b.Fatal(err)
	}
	public := rsaPublic()
	b.ReportAllocs()
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	token := entraToken(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jwt.Parse(token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyEC is the same work with ES256.
func BenchmarkVerifyEC(b *testing.B) {
	key := ecKey().Public()
	token := secret.New(sign(b, ecKey(), nil, map[string]any{"iss": "https://id.example", "exp": 1790086400}))
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := jwt.Parse(token)
		if err != nil {
			b.Fatal(err)
		}
		if err := parsed.Verify(key); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRemoteKey is a lookup in keys at hand, on the way of every login.
func BenchmarkRemoteKey(b *testing.B) {
	p := &provider{}
	p.publish(fresh("a", "b", "c", "d")...)
	r, err := jwt.NewRemote(jwt.RemoteOptions{URL: setURL, Transport: p})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Key(ctx, "d"); err != nil {
			b.Fatal(err)
		}
	}
}
