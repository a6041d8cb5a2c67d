package app

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/relay"
)

// TestReplacedKeyEndsSessions: a provider puts another key under the id of one
// that leaked. An operator who has the keys fetched anew ends the sessions of
// the old one, and no other.
func TestReplacedKeyEndsSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{more: `
{kind: IdentityProvider, id: op-same, issuer: "https://idp.test/same", jwks_uri: "KEYS-same", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-same, provider: op-same, filter: 'claims.aud == "kafka"'}
`})
	var keys [2]*jwt.SigningKey
	for i := range keys {
		keys[i] = made(jwt.GenerateEC())
		keys[i].Kid = "signing"
	}
	var published atomic.Int32
	h.idp.other.HandleFunc("/keys-same", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySet(keys[published.Load()])) })
	enter := func(k *jwt.SigningKey) *wire {
		w, r := h.login(relay.Bootstrap, sign(t, k, nil, h.claims(map[string]any{"iss": "https://idp.test/same", "sub": "svc-same"})))
		if r.ErrorCode != 0 {
			t.Fatalf("%+v", r)
		}
		return w
	}
	refresh := func() {
		t.Helper()
		if err := h.operate(http.MethodPost, "/keys/op-same/refresh"); err != nil {
			t.Fatal(err)
		}
	}
	old := enter(keys[0])
	refresh()
	old.must(t, metadataOf("orders"))
	published.Store(1)
	refresh()
	if err := old.ended(); err != nil {
		t.Error(err)
	}
	if got := h.last("svc-same", guard.CodeKeyGone); !got.Refused() {
		t.Errorf("audited %+v", got)
	}
	current := enter(keys[1])
	refresh()
	current.must(t, metadataOf("orders"))
}
