package policy_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/secret"
)

var keys = sync.OnceValue(func() [2]*jwt.SigningKey {
	var ks [2]*jwt.SigningKey
	for i := range ks {
		k, err := jwt.GenerateEC()
		if err != nil {
			panic(err)
		}
		ks[i] = k
	}
	return ks
})

// provider is a key set behind HTTP whose keys can be changed.
type provider struct {
	*httptest.Server
	set atomic.Pointer[[]byte]
}

func newProvider(t testing.TB, ks ...*jwt.SigningKey) *provider {
	p := &provider{}
	p.publish(ks...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(*p.set.Load())
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) publish(ks ...*jwt.SigningKey) {
	set := make([]byte, 0)
	for i, k := range ks {
		if i > 0 {
			set = append(set, ',')
		}
		set = append(set, k.JWK(nil)...)
	}
	set = append(append([]byte(`{"keys":[`), set...), ']', '}')
	p.set.Store(&set)
}

const issuer = "https://issuer.example"

func snapshot(generation uint64, jwks string) *iam.Snapshot {
	return &iam.Snapshot{
		Generation:   generation,
		Organization: iam.Organization{ID: "6a4e3a2c", Environment: "env-prod"},
		Providers:    map[string]iam.Provider{"op-a": {ID: "op-a", Issuer: issuer, JWKSURI: jwks, Audiences: []string{"kafka"}, Origin: "id.yaml:1:1"}},
		Pools:        map[string]iam.Pool{"pool-a": {ID: "pool-a", Provider: "op-a", Filter: `claims.cid == "app"`, Origin: "id.yaml:5:1"}},
		Bindings: map[string]iam.Binding{"rb-1": {ID: "rb-1", Principal: "User:pool-a", Role: "DeveloperWrite", Origin: "id.yaml:9:1",
			On: iam.Pattern{Organization: "6a4e3a2c", Environment: "env-prod", Cluster: "lkc-a", Type: iam.Topic, Name: "orders.", Prefix: true}}},
	}
}

func credential(t testing.TB, k *jwt.SigningKey) iam.Credential {
	t.Helper()
	token, err := k.Sign(nil, map[string]any{"iss": issuer, "aud": "kafka", "sub": "s-1", "cid": "app", "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return iam.Credential{Mechanism: "OAUTHBEARER", Token: secret.New(token), Cluster: "lkc-a", LogicalCluster: "lkc-a", PoolSelection: "pool-a"}
}

func compile(t testing.TB, s *iam.Snapshot, ring *policy.Keyring) *policy.Policy {
	t.Helper()
	p, _, err := policy.Compile(s, ring, authn.Options{})
	if err != nil {
		t.Fatal(fault.Detail(err))
	}
	return p
}

func newRing(t testing.TB, o policy.KeyOptions) *policy.Keyring {
	ring := policy.NewKeyring(o)
	t.Cleanup(ring.Close)
	return ring
}

func code(steps []iam.Step) iam.Code {
	if len(steps) == 0 {
		return ""
	}
	return steps[len(steps)-1].Code
}

var writeOrders = iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: "orders.new"}}

func TestNothingInForceRefuses(t *testing.T) {
	var c policy.Current
	if _, steps, err := c.Authenticate(context.Background(), credential(t, keys()[0])); err == nil || code(steps) != authn.NotCompiled {
		t.Errorf("%v %+v", err, steps)
	}
	if _, _, err := c.Reassess(iam.Identity{}); err == nil {
		t.Error("reassessed")
	}
	if d := c.Decide(iam.Identity{}, writeOrders); d.Allowed || d.Reason == "" {
		t.Errorf("%+v", d)
	}
	if c.Generation() != 0 || c.Enough(iam.Identity{}, writeOrders) != nil || c.Scope("rb-1") != (iam.Pattern{}) || c.Swap(nil) {
		t.Error("the zero value has rules")
	}
}

func TestInForce(t *testing.T) {
	p := newProvider(t, keys()[0])
	ring := newRing(t, policy.KeyOptions{Lab: true, CacheDir: t.TempDir()})
	var c policy.Current
	if !c.Swap(compile(t, snapshot(3, p.URL), ring)) || c.Generation() != 3 {
		t.Fatal("not in force")
	}
	if c.Swap(compile(t, snapshot(3, p.URL), ring)) || c.Swap(compile(t, snapshot(2, p.URL), ring)) {
		t.Error("older rules came into force")
	}
	id, steps, err := c.Authenticate(context.Background(), credential(t, keys()[0]))
	if err != nil {
		t.Fatalf("%v %+v", err, steps)
	}
	d := c.Decide(id, writeOrders)
	if !d.Allowed || c.Scope(d.Binding).Cluster != "lkc-a" || id.Generation != 3 {
		t.Errorf("%+v of generation %d", d, id.Generation)
	}
	other := iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: "other"}}
	if c.Decide(id, other).Allowed || len(c.Enough(id, other)) == 0 {
		t.Error("allowed, or nothing would be enough")
	}
}

// Key sets outlive the rules: a change of rules fetches nothing anew, and the
// provider may be down meanwhile.
func TestKeysOutliveGenerations(t *testing.T) {
	p := newProvider(t, keys()[0])
	ring := newRing(t, policy.KeyOptions{Lab: true})
	var c policy.Current
	c.Swap(compile(t, snapshot(1, p.URL), ring))
	id, _, err := c.Authenticate(context.Background(), credential(t, keys()[0]))
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	c.Swap(compile(t, snapshot(2, p.URL), ring))
	if _, steps, err := c.Authenticate(context.Background(), credential(t, keys()[0])); err != nil {
		t.Errorf("%v %+v", err, steps)
	}
	if now, steps, err := c.Reassess(id); err != nil || now.Generation != 2 {
		t.Errorf("%v %+v", err, steps)
	}
	if s, ok := ring.Status()["op-a"]; !ok || len(s.KeyIDs) != 1 {
		t.Errorf("status %+v", s)
	}
}

// Keys from another source end the sessions of the old one, also when the old
// source comes back later.
func TestKeysFromAnotherSource(t *testing.T) {
	one, two := newProvider(t, keys()[0]), newProvider(t, keys()[1])
	ring := newRing(t, policy.KeyOptions{Lab: true})
	var c policy.Current
	c.Swap(compile(t, snapshot(1, one.URL), ring))
	id, _, err := c.Authenticate(context.Background(), credential(t, keys()[0]))
	if err != nil {
		t.Fatal(err)
	}
	c.Swap(compile(t, snapshot(2, two.URL), ring))
	if _, steps, err := c.Reassess(id); err == nil || code(steps) != authn.Retrusted {
		t.Errorf("%v %+v", err, steps)
	}
	if _, steps, err := c.Authenticate(context.Background(), credential(t, keys()[0])); err == nil || code(steps) != authn.UnknownKey {
		t.Errorf("%v %+v", err, steps)
	}
	c.Swap(compile(t, snapshot(3, one.URL), ring))
	if _, steps, err := c.Reassess(id); err == nil || code(steps) != authn.Retrusted {
		t.Errorf("back again: %v %+v", err, steps)
	}
}

// Rules that were compiled early keep their key sets although older ones come
// into force in between, and a trial run does not make keys look older.
func TestCompiledBeforeOthersCameIntoForce(t *testing.T) {
	one, two := newProvider(t, keys()[0]), newProvider(t, keys()[1])
	ring := newRing(t, policy.KeyOptions{Lab: true})
	var c policy.Current
	c.Swap(compile(t, snapshot(1, one.URL), ring))
	compile(t, snapshot(0, two.URL), ring) // a trial
	newest := compile(t, snapshot(3, two.URL), ring)
	c.Swap(compile(t, snapshot(2, one.URL), ring))
	id, _, err := c.Authenticate(context.Background(), credential(t, keys()[0]))
	if err != nil {
		t.Fatal(err)
	}
	c.Swap(newest)
	if _, steps, err := c.Authenticate(context.Background(), credential(t, keys()[1])); err != nil {
		t.Errorf("the key set was closed: %+v", steps)
	}
	if _, steps, err := c.Reassess(id); err == nil || code(steps) != authn.Retrusted {
		t.Errorf("%v %+v", err, steps)
	}
}

// Rules that do not compile change nothing about those in force.
func TestMistakeChangesNothing(t *testing.T) {
	p := newProvider(t, keys()[0])
	ring := newRing(t, policy.KeyOptions{Lab: true})
	var c policy.Current
	c.Swap(compile(t, snapshot(1, p.URL), ring))
	bad := snapshot(2, "http://127.0.0.1:1/moved")
	bad.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-x"}
	if _, _, err := policy.Compile(bad, ring, authn.Options{}); err == nil {
		t.Fatal("compiled")
	}
	if _, steps, err := c.Authenticate(context.Background(), credential(t, keys()[0])); err != nil {
		t.Errorf("%v %+v", err, steps)
	}
}

func TestRefresh(t *testing.T) {
	p := newProvider(t, keys()[0])
	ring := newRing(t, policy.KeyOptions{Lab: true})
	var c policy.Current
	c.Swap(compile(t, snapshot(1, p.URL), ring))
	id, _, err := c.Authenticate(context.Background(), credential(t, keys()[0]))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := ring.Refresh(context.Background(), "op-a")
	if err != nil || gone(id.Key) || !gone("other") || !gone("") {
		t.Fatalf("%v", err)
	}
	p.publish(keys()[1])
	if gone, err = ring.Refresh(context.Background(), "op-a"); err != nil || !gone(id.Key) {
		t.Fatalf("the key is still there: %v", err)
	}
	if _, steps, err := c.Authenticate(context.Background(), credential(t, keys()[0])); err == nil {
		t.Errorf("a withdrawn key lets in: %+v", steps)
	}
	if _, err := ring.Refresh(context.Background(), "op-x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

// TestRefreshUnderTheSameID: a key that takes the id of another one is another
// key. What the old one verified ends, what the new one did stays; a key that
// only got another id is the same.
func TestRefreshUnderTheSameID(t *testing.T) {
	same := func() *jwt.SigningKey {
		k, err := jwt.GenerateEC()
		if err != nil {
			t.Fatal(err)
		}
		k.Kid = "signing"
		return k
	}
	before, after := same(), same()
	p := newProvider(t, before)
	ring := newRing(t, policy.KeyOptions{Lab: true})
	var c policy.Current
	c.Swap(compile(t, snapshot(1, p.URL), ring))
	g := guard.New(guard.Config{Authenticator: &c, Authorizer: &c, Sink: nowhere{}})
	open := func(k *jwt.SigningKey) *guard.Session {
		t.Helper()
		s, err := g.Open(t.Context(), guard.Origin{}, credential(t, k))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	refresh := func() int {
		t.Helper()
		gone, err := ring.Refresh(t.Context(), "op-a")
		if err != nil {
			t.Fatal(err)
		}
		return g.WithdrawKeys("op-a", gone)
	}
	old, again := open(before), open(before) // the second from the cache of verified tokens
	if n := refresh(); n != 0 {
		t.Fatalf("%d sessions ended without a change", n)
	}
	p.publish(after)
	// Another refresh may have come between: the session is of the old key all the same.
	if _, err := ring.Refresh(t.Context(), "op-a"); err != nil {
		t.Fatal(err)
	}
	current := open(after)
	if n := refresh(); n != 2 || old.Live() || again.Live() || !current.Live() {
		t.Errorf("%d sessions ended; old %v and %v, new %v", n, old.Live(), again.Live(), current.Live())
	}
	if _, err := g.Open(t.Context(), guard.Origin{}, credential(t, before)); err == nil {
		t.Error("the replaced key lets in")
	}
	after.Kid = "renamed"
	p.publish(after)
	if n := refresh(); n != 0 || !current.Live() {
		t.Errorf("another id for the same key ended %d sessions", n)
	}
}

// nowhere keeps no audit records.
type nowhere struct{}

func (nowhere) Record(context.Context, ...audit.Record) error { return nil }

func TestCompileSaysWhere(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*iam.Snapshot)
		want   []string
	}{
		{"Microsoft's issuer with keys elsewhere", func(s *iam.Snapshot) {
			p := s.Providers["op-a"]
			p.Issuer, p.JWKSURI = "https://login.microsoftonline.com/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0", "https://evil.example/keys"
			s.Providers["op-a"] = p
		}, []string{"id.yaml:1:1", "Microsoft", "evil.example"}},
		{"v1 issuer with keys elsewhere", func(s *iam.Snapshot) {
			p := s.Providers["op-a"]
			p.Issuer, p.JWKSURI = "https://sts.windows.net/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/", "https://login.microsoftonline.com.evil.example/keys"
			s.Providers["op-a"] = p
		}, []string{"Microsoft"}},
		{"Microsoft's issuer, spelled otherwise", func(s *iam.Snapshot) {
			p := s.Providers["op-a"]
			p.Issuer, p.JWKSURI = "https://LOGIN.microsoftonline.com./67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0", "https://evil.example/keys"
			s.Providers["op-a"] = p
		}, []string{"Microsoft", "evil.example"}},
		{"binding of nobody and a bad role", func(s *iam.Snapshot) {
			b := s.Bindings["rb-1"]
			b.Principal, b.Role = "User:", "X"
			s.Bindings["rb-1"] = b
		}, []string{"id.yaml:9:1", "principal"}},
		{"plain http", func(s *iam.Snapshot) {
			p := s.Providers["op-a"]
			p.JWKSURI = "http://127.0.0.1:1/keys"
			s.Providers["op-a"] = p
		}, []string{"id.yaml:1:1", "jwks_uri"}},
		{"no jwks_uri", func(s *iam.Snapshot) {
			p := s.Providers["op-a"]
			p.JWKSURI = ""
			s.Providers["op-a"] = p
		}, []string{"id.yaml:1:1", "jwks_uri"}},
		{"filter", func(s *iam.Snapshot) {
			p := s.Pools["pool-a"]
			p.Filter = "size(claims.a) > 1"
			s.Pools["pool-a"] = p
		}, []string{"id.yaml:5:1", "filter of identity pool pool-a"}},
		{"role", func(s *iam.Snapshot) {
			b := s.Bindings["rb-1"]
			b.Role = "developerwrite"
			s.Bindings["rb-1"] = b
		}, []string{"id.yaml:9:1", "role binding rb-1", "DeveloperWrite"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := snapshot(1, "https://keys.example/jwks")
			c.change(s)
			p, _, err := policy.Compile(s, newRing(t, policy.KeyOptions{}), authn.Options{})
			if err == nil || p != nil {
				t.Fatal("compiled")
			}
			list := policy.Problems(err)
			if len(list) != 1 {
				t.Fatalf("%d problems: %v", len(list), err)
			}
			text := fault.Detail(list[0])
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in %s", want, text)
				}
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	s := snapshot(1, "http://plain.example")
	pool, binding := s.Pools["pool-a"], s.Bindings["rb-1"]
	pool.Filter, binding.Role = "(", "Nothing"
	s.Pools["pool-a"], s.Bindings["rb-1"] = pool, binding
	_, _, err := policy.Compile(s, newRing(t, policy.KeyOptions{}), authn.Options{})
	if n := len(policy.Problems(err)); n != 3 {
		t.Errorf("%d problems, want provider, pool and binding: %v", n, err)
	}
	if policy.Problems(nil) != nil {
		t.Error("nothing has problems")
	}
}

func TestMicrosoftsOwnKeys(t *testing.T) {
	const tenant = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	for issuer, jwks := range map[string]string{
		"https://login.microsoftonline.com/" + tenant + "/v2.0":        "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys",
		"https://sts.windows.net/" + tenant + "/":                      "https://login.microsoftonline.com/common/discovery/keys",
		"https://login.microsoftonline.us/" + tenant + "/v2.0":         "https://login.microsoftonline.us/" + tenant + "/discovery/v2.0/keys",
		"https://login.partner.microsoftonline.cn/" + tenant + "/v2.0": "https://login.partner.microsoftonline.cn/" + tenant + "/discovery/v2.0/keys",
	} {
		s := snapshot(1, jwks)
		p := s.Providers["op-a"]
		p.Issuer = issuer
		s.Providers["op-a"] = p
		if _, _, err := policy.Compile(s, newRing(t, policy.KeyOptions{}), authn.Options{}); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	s := snapshot(1, "https://keys.example/jwks")
	b := s.Bindings["rb-1"]
	b.Principal = "User:pool-typo"
	s.Bindings["rb-1"] = b
	_, warnings, err := policy.Compile(s, newRing(t, policy.KeyOptions{}), authn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Bindings["rb-2"] = iam.Binding{ID: "rb-2", Principal: "User:alice", Role: b.Role, On: b.On}
	_, more, err := policy.Compile(s, newRing(t, policy.KeyOptions{}), authn.Options{})
	if err != nil || len(more) != len(warnings)+1 {
		t.Errorf("a binding of somebody who cannot come in: %v, %v", more, err)
	}
	text := fmt.Sprint(warnings)
	for _, want := range []string{"binding-without-pool", "pool-typo", "pool-without-role", "id.yaml:5:1", "id.yaml:9:1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}
