package app

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/lab"
)

// TestSecurity_05_RedirectedKeySets: a key set that sends klamm elsewhere is
// not followed to where no key set is fetched.
func TestSecurity_05_RedirectedKeySets(t *testing.T) {
	t.Parallel()
	var lured atomic.Int64
	lure := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		lured.Add(1)
		_, _ = w.Write(keySet(ecKey()))
	})
	plain := httptest.NewServer(lure)
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(lure)
	secure.TLS = serverTLS().Clone()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	byName := strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)
	targets := map[string]string{
		"metadata": "http://169.254.169.254/metadata/identity/oauth2/token", "metadata by https": "https://169.254.169.254/keys", "plain http": plain.URL,
		"another name of this host": byName, "another address of this host": strings.Replace(secure.URL, "127.0.0.1", "127.0.0.2", 1),
		"a file": "file:///etc/passwd", "a user": strings.Replace(secure.URL, "https://", "https://user@", 1),
	}
	for name, to := range targets {
		h := newHouse(t, houseOptions{})
		h.idp.answer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
		record, err := h.refused(here(h.token(nil)), authn.KeysUnavailable)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if words := fmt.Sprint(record.Event); strings.Contains(words, "169.254") || strings.Contains(words, to) {
			t.Errorf("%s: the event tells where it went: %s", name, words)
		}
	}
	if n := lured.Load(); n > 0 {
		t.Errorf("%d redirects were followed", n)
	}
	h := newHouse(t, houseOptions{})
	h.idp.answer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, h.idp.url+"/keys", http.StatusFound) })
	if _, err := h.refused(here(h.token(nil)), authn.KeysUnavailable); err != nil {
		t.Errorf("a circle: %v", err)
	}
	if n := h.idp.hits.Load(); n > 5 {
		t.Errorf("a circle was followed %d times", n)
	}
}

// TestSecurity_07_KeySetsWithoutTLS: a server that the provider's authority
// did not certify gives no keys.
func TestSecurity_07_KeySetsWithoutTLS(t *testing.T) {
	t.Parallel()
	ca, err := lab.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	other, err := ca.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(keySet(ecKey()))
	}))
	server.TLS, server.Config.ErrorLog = other, quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	h := newHouse(t, houseOptions{more: fmt.Sprintf(`
{kind: IdentityProvider, id: op-forged, issuer: "https://forged.test", jwks_uri: "%s/keys", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityProvider, id: op-system, issuer: "https://system.test", jwks_uri: "%s/keys", audiences: [kafka]}
---
{kind: IdentityPool, id: pool-forged, provider: op-forged, filter: 'claims.aud == "kafka"'}
---
{kind: IdentityPool, id: pool-system, provider: op-system, filter: 'claims.aud == "kafka"'}
`, server.URL, server.URL)})
	h.repel([]attack{
		{"certified by nobody's authority", here(h.token(map[string]any{"iss": "https://forged.test"})), authn.KeysUnavailable},
		{"not known to the system", here(h.token(map[string]any{"iss": "https://system.test"})), authn.KeysUnavailable},
	})
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests went to a server that nobody vouches for", n)
	}
}

// TestSecurity_08_RefetchStorm: strangers cannot make klamm fetch.
func TestSecurity_08_RefetchStorm(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	// What would be refused anyway asks for no keys at all.
	stranger := func(change map[string]any) []byte {
		return here(sign(t, otherKey(), map[string]any{"kid": "stranger"}, h.claims(change)))
	}
	h.repel([]attack{
		{"unknown issuer", stranger(map[string]any{"iss": "https://evil.test"}), authn.UnknownIssuer},
		{"expired", stranger(map[string]any{"exp": 1}), authn.Expired},
		{"another audience", stranger(map[string]any{"aud": "x"}), authn.Audience},
		{"not begun", stranger(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}), authn.NotYetValid},
		{"too long", stranger(map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()}), authn.LifetimeTooLong},
		{"not a token", here("x.y.z"), authn.TokenMalformed},
	})
	if n := h.idp.hits.Load(); n != 0 {
		t.Errorf("tokens that are refused anyway caused %d fetches", n)
	}
	h.letIn("the first", here(h.token(nil)))
	const strangers = 200
	began := time.Now()
	h.together(strangers, func(i int) error {
		_, err := h.refused(here(sign(t, otherKey(), map[string]any{"kid": fmt.Sprint("kid-", i)}, h.claims(nil))), authn.UnknownKey)
		return err
	})
	// Five at once, and one more every ten seconds.
	if n, most := h.idp.hits.Load(), int64(6+time.Since(began)/(10*time.Second)); n > most {
		t.Errorf("%d logins with unknown keys caused %d fetches, expected at most %d", strangers, n, most)
	}
	h.letIn("a client after the storm", here(h.token(map[string]any{"jti": "after"})))
}

// TestSecurity_09_RotationOutage: the first login after a rotation succeeds,
// and the last good keys serve while the provider is down.
func TestSecurity_09_RotationOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := newHouse(t, houseOptions{keyDir: dir})
	fresh := func(n int) []byte { return here(h.token(map[string]any{"jti": fmt.Sprint(n)})) }
	next := func(n int) []byte {
		return here(sign(t, otherKey(), nil, h.claims(map[string]any{"jti": fmt.Sprint(n)})))
	}
	h.letIn("before", fresh(1))
	h.idp.publish(ecKey(), otherKey())
	h.letIn("the first with the new key", next(2))
	h.letIn("the old key beside it", fresh(3))
	h.idp.publish(otherKey())
	h.letIn("the new key alone", next(4))
	for name, outage := range outages {
		h.idp.answer(outage)
		h.letIn("with the last good keys: "+name, next(5))
		h.letIn("the same token again", next(5))
	}
	// A new process with the keys that the last one kept.
	second := newHouse(t, houseOptions{keyDir: dir, instead: true, more: strings.ReplaceAll(documents, "KEYS", h.idp.url+"/keys")})
	h.idp.down()
	second.letIn("after a restart, with the provider down", next(6))
	// And one that never had any: it starts, refuses, and lets in as soon as it can.
	third := newHouse(t, houseOptions{})
	third.idp.down()
	if _, err := third.refused(here(third.token(nil)), authn.KeysUnavailable); err != nil {
		t.Error(err)
	}
	third.idp.publish(ecKey())
	third.letIn("once the provider is there", here(third.token(nil)))
}

// outages are ways of a provider to fail.
var outages = map[string]http.HandlerFunc{
	"down": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"error": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "try later", http.StatusServiceUnavailable)
	},
	"HTML": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html><body>Sign in</body></html>"))
	},
	"huge": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte(`{"keys":[],"x":"`), 64<<10))
	},
	"no set":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"error":"nope"}`)) },
	"nothing": func(http.ResponseWriter, *http.Request) {},
	"half":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySet(ecKey())[:40]) },
	"circle":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) },
	"401":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
	"too deep": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"keys":` + strings.Repeat("[", 9000)))
	},
}

// TestKeySetOutages: each of them is a refusal as keys-unavailable, whose
// steps say what was wrong, and nobody else notices.
func TestKeySetOutages(t *testing.T) {
	t.Parallel()
	const other = `
{kind: IdentityProvider, id: op-well, issuer: "https://well.test", jwks_uri: "KEYS2", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-well, provider: op-well, filter: 'claims.aud == "kafka"'}
`
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, houseOptions{more: other})
			h.idp.other.HandleFunc("/keys2", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySet(ecKey())) })
			h.idp.answer(outage)
			record, err := h.refused(here(h.token(nil)), authn.KeysUnavailable)
			if err != nil {
				t.Fatal(err)
			}
			if last := record.Steps[len(record.Steps)-1]; last.Saw == "" || last.Wanted == "" {
				t.Errorf("the step says little: %+v", last)
			}
			h.letIn("a client of another provider", here(h.token(map[string]any{"iss": "https://well.test"})))
			h.idp.publish(ecKey())
			h.letIn("once the key set is well", here(h.token(nil)))
		})
	}
}

// TestKeySetSlow: a login waits for its keys at most for the handshake's time,
// and nobody else waits with it.
func TestKeySetSlow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{more: `
{kind: IdentityProvider, id: op-well, issuer: "https://well.test", jwks_uri: "KEYS2", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-well, provider: op-well, filter: 'claims.aud == "kafka"'}
`})
	h.idp.other.HandleFunc("/keys2", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySet(ecKey())) })
	asked := make(chan struct{}, 100)
	h.idp.answer(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	w := h.knock()
	if _, err := w.handshake(1, "OAUTHBEARER"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(authenticateFrame(here(h.token(nil)))); err != nil {
		t.Fatal(err)
	}
	<-asked
	h.letIn("a client of another provider meanwhile", here(h.token(map[string]any{"iss": "https://well.test"})))
	began := time.Now()
	if err := w.ended(); err != nil && time.Since(began) > patience {
		t.Error(err)
	}
	if _, code := h.lastStory("wire"); code != authn.KeysUnavailable {
		t.Errorf("audited as %s", code)
	}
}
