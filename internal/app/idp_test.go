package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
)

// Keys of the tests, made once for a process.
var (
	rsaKey   = sync.OnceValue(func() *jwt.SigningKey { return made(jwt.GenerateRSA(2048)) })
	ecKey    = sync.OnceValue(func() *jwt.SigningKey { return made(jwt.FromPEM(pemOf(ecPrivate()))) })
	otherKey = sync.OnceValue(func() *jwt.SigningKey { return made(jwt.GenerateEC()) }) // the attacker's, or the next one
)

// ecPrivate is the private half of ecKey, for what no library would sign.
var ecPrivate = sync.OnceValue(func() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

func pemOf(k *ecdsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// signText signs claims that are JSON text, as it stands, with ecKey.
func signText(t testing.TB, claims string) string {
	t.Helper()
	return forge(map[string]any{"alg": "ES256", "kid": ecKey().Kid}, claims, func(signed string) []byte {
		sum := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, ecPrivate(), sum[:])
		if err != nil {
			t.Error(err)
			return nil
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func made(k *jwt.SigningKey, err error) *jwt.SigningKey {
	if err != nil {
		panic(err)
	}
	return k
}

// certificateOf is the certificate that a key publishes.
func certificateOf(t testing.TB, k *jwt.SigningKey) *x509.Certificate {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(k.X5C()[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sign(t testing.TB, k *jwt.SigningKey, header map[string]any, claims any) string {
	t.Helper()
	text, err := k.Sign(header, claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func part(v any) string {
	raw, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		raw = string(b)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(raw))
}

// forge makes a token of any header and claims, each a value or JSON text.
func forge(header, claims any, signature func(signed string) []byte) string {
	signed := part(header) + "." + part(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature(signed))
}

// reheaded puts another header before a token that was signed properly.
func reheaded(token string, header any) string {
	_, rest, _ := strings.Cut(token, ".")
	return part(header) + "." + rest
}

// idp is an identity provider of the test: its key set at /keys, and whatever
// answers the test wants of it.
type idp struct {
	url   string
	hits  atomic.Int64 // of the key set
	reply atomic.Pointer[http.HandlerFunc]
	other http.ServeMux
}

func newIDP(t testing.TB) *idp {
	t.Helper()
	p := &idp{}
	p.publish(ecKey())
	p.other.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		p.hits.Add(1)
		(*p.reply.Load())(w, r)
	})
	server := httptest.NewUnstartedServer(&p.other)
	server.TLS = serverTLS().Clone()
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// publish makes the key set that of these keys.
func (p *idp) publish(keys ...*jwt.SigningKey) {
	set := keySet(keys...)
	p.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(set)
	})
}

func keySet(keys ...*jwt.SigningKey) []byte {
	list := make([]json.RawMessage, len(keys))
	for i, k := range keys {
		list[i] = k.JWK(map[string]any{"use": "sig", "alg": k.Alg()})
	}
	return jwt.MarshalSet(list...)
}

func (p *idp) answer(f http.HandlerFunc) { p.reply.Store(&f) }

// down hangs up on everybody.
func (p *idp) down() {
	p.answer(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}
