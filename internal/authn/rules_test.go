package authn_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
)

func codeOf(steps []iam.Step) iam.Code {
	if len(steps) == 0 {
		return ""
	}
	return steps[len(steps)-1].Code
}

// A token that was verified before is refused all the same when its time, its
// key or its provider is gone.
func TestRememberedTokenIsCheckedAgain(t *testing.T) {
	token := sign(t, signer(), claims("exp", now.Unix()+10))
	for _, c := range []struct {
		name   string
		code   iam.Code
		before func(clock *time.Time, keys *counting)
	}{
		{"it ended", authn.Expired, func(clock *time.Time, _ *counting) { *clock = clock.Add(10 * time.Second) }},
		{"the clock went back", authn.NotYetValid, func(clock *time.Time, _ *counting) { *clock = clock.Add(-time.Hour) }},
		{"its key is gone", authn.UnknownKey, func(_ *time.Time, keys *counting) { keys.KeySet, keys.version = jwt.NewStatic(stranger().Public()), 2 }},
		{"its key id means another key", authn.BadSignature, func(_ *time.Time, keys *counting) {
			set, err := jwt.ParseSet(jwt.MarshalSet(stranger().JWK(map[string]any{"kid": signer().Public().ID})))
			if err != nil {
				t.Fatal(err)
			}
			keys.KeySet, keys.version = jwt.NewStatic(set...), 2
		}},
		{"the keys are too old", authn.KeysUnavailable, func(_ *time.Time, keys *counting) { keys.KeySet = down{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock, keys := now, keySet()
			a := compile(t, snapshot(), keys, authn.Options{Now: func() time.Time { return clock }})
			for range 2 {
				if _, steps, err := a.Authenticate(context.Background(), credential(token, "pool-orders")); err != nil {
					t.Fatalf("%v %+v", err, steps)
				}
			}
			c.before(&clock, keys)
			_, steps, err := a.Authenticate(context.Background(), credential(token, "pool-orders"))
			if err == nil || codeOf(steps) != c.code {
				t.Errorf("%v, %+v, want %s", err, steps, c.code)
			}
		})
	}
}

// Only what was found good is remembered, and not without end.
func TestMemoryIsBoundedAndHoldsSuccesses(t *testing.T) {
	keys := keySet()
	a := compile(t, snapshot(), keys, authn.Options{CacheSize: 4})
	login := func(token string) []iam.Step {
		_, steps, _ := a.Authenticate(context.Background(), credential(token, "pool-orders"))
		return steps
	}
	remembered := func(steps []iam.Step) bool {
		return len(steps) > 0 && strings.Contains(steps[0].Saw, "verified before")
	}
	bad := sign(t, stranger(), claims())
	for range 2 {
		if steps := login(bad); codeOf(steps) != authn.BadSignature {
			t.Fatalf("%+v", steps)
		}
	}
	first := sign(t, signer(), claims("uti", "first"))
	login(first)
	if !remembered(login(first)) {
		t.Error("a good token is not remembered")
	}
	for i := range 6 {
		login(sign(t, signer(), claims("uti", fmt.Sprint(i))))
	}
	if remembered(login(first)) {
		t.Error("memory has no bound")
	}
}

func TestReassess(t *testing.T) {
	old := compile(t, snapshot(), keySet(), authn.Options{})
	login := func(selection string) iam.Identity {
		id, steps, err := old.Authenticate(context.Background(), credential(sign(t, signer(), claims()), selection))
		if err != nil {
			t.Fatalf("%v %+v", err, steps)
		}
		return id
	}
	for _, c := range []struct {
		name, selection string
		change          func(*iam.Snapshot)
		code            iam.Code
		pools           string
	}{
		{"nothing changed", "pool-orders", func(*iam.Snapshot) {}, "", "pool-orders"},
		{"filter narrowed", "pool-orders", func(s *iam.Snapshot) { setFilter(s, "pool-orders", `claims.azp == "x"`) }, authn.FilterFalse, ""},
		{"one of two filters narrowed", "pool-orders,pool-read", func(s *iam.Snapshot) { setFilter(s, "pool-read", `claims.azp == "x"`) }, authn.FilterFalse, ""},
		{"automatic choice shrinks", "", func(s *iam.Snapshot) { setFilter(s, "pool-read", `claims.azp == "x"`) }, "", "pool-orders"},
		{"automatic choice grows", "", func(s *iam.Snapshot) { setFilter(s, "pool-audit", `true`) }, "", "pool-audit pool-orders pool-read"},
		{"automatic choice is empty", "", func(s *iam.Snapshot) {
			setFilter(s, "pool-read", `claims.azp == "x"`)
			setFilter(s, "pool-orders", `claims.azp == "x"`)
		}, authn.NoMatchingPool, ""},
		{"pool deleted", "pool-orders", func(s *iam.Snapshot) { delete(s.Pools, "pool-orders") }, authn.UnknownPool, ""},
		{"provider disabled", "pool-orders", func(s *iam.Snapshot) {
			p := s.Providers["op-entra"]
			p.Disabled = true
			s.Providers["op-entra"] = p
		}, authn.IssuerDisabled, ""},
		{"provider deleted with its pools", "pool-orders", func(s *iam.Snapshot) {
			delete(s.Providers, "op-entra")
			for id, p := range s.Pools {
				if p.Provider == "op-entra" {
					delete(s.Pools, id)
				}
			}
		}, authn.UnknownIssuer, ""},
		{"issuer given to another provider", "pool-orders", func(s *iam.Snapshot) {
			p := s.Providers["op-entra"]
			delete(s.Providers, "op-entra")
			p.ID = "op-new"
			s.Providers["op-new"] = p
			for id, pool := range s.Pools {
				if pool.Provider == "op-entra" {
					pool.Provider = "op-new"
					s.Pools[id] = pool
				}
			}
		}, authn.UnknownIssuer, ""},
		{"audiences changed", "pool-orders", func(s *iam.Snapshot) {
			p := s.Providers["op-entra"]
			p.Audiences = []string{"api://x"}
			s.Providers["op-entra"] = p
		}, authn.Audience, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := login(c.selection)
			s := snapshot().Clone()
			s.Generation = 8
			c.change(s)
			id, steps, err := compile(t, s, keySet(), authn.Options{}).Reassess(was)
			if c.code != "" {
				if err == nil || codeOf(steps) != c.code {
					t.Fatalf("%v %+v, want %s", err, steps, c.code)
				}
				return
			}
			if err != nil || strings.Join(id.Pools, " ") != c.pools || id.Generation != 8 || !id.Expires.Equal(was.Expires) || id.Key != was.Key {
				t.Errorf("%+v, %v", id, err)
			}
			if len(was.Pools) == 0 || was.Generation != 7 {
				t.Errorf("the old identity was changed: %+v", was)
			}
		})
	}
}

func setFilter(s *iam.Snapshot, id, filter string) {
	p := s.Pools[id]
	p.Filter = filter
	s.Pools[id] = p
}

// Sessions that were verified by keys from another source end.
func TestReassessAfterKeysMoved(t *testing.T) {
	a := compile(t, snapshot(), keySet(), authn.Options{})
	id, _, err := a.Authenticate(context.Background(), credential(sign(t, signer(), claims()), "pool-orders"))
	if err != nil {
		t.Fatal(err)
	}
	s := snapshot()
	s.Generation = 8
	trust := map[string]authn.Trust{}
	for name := range s.Providers {
		trust[name] = authn.Trust{Keys: keySet(), Since: 8}
	}
	moved, _, err := authn.Compile(s, trust, authn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, steps, err := moved.Reassess(id); err == nil || codeOf(steps) != authn.Retrusted {
		t.Errorf("%v %+v", err, steps)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*iam.Snapshot, map[string]authn.Trust)
		want   []string
	}{
		{"no issuer", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			s.Providers["op-x"] = iam.Provider{ID: "op-x", Origin: "a.yaml:3:1"}
		}, []string{"a.yaml:3:1", "op-x", "issuer is missing"}},
		{"no key set", func(s *iam.Snapshot, trust map[string]authn.Trust) {
			s.Providers["op-x"] = iam.Provider{ID: "op-x", Issuer: "https://x", Origin: "a.yaml:3:1"}
			delete(trust, "op-x")
		}, []string{"a.yaml:3:1", "no key set"}},
		{"two providers of one issuer", func(s *iam.Snapshot, trust map[string]authn.Trust) {
			s.Providers["op-x"] = iam.Provider{ID: "op-x", Issuer: oidc, Origin: "a.yaml:3:1"}
			trust["op-x"] = trust["op-oidc"]
		}, []string{"a.yaml:3:1", "op-oidc", "op-x"}},
		{"Entra issuer of no tenant", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			s.Providers["op-entra"] = iam.Provider{ID: "op-entra", Issuer: "https://login.microsoftonline.com/{tenantid}/v2.0", Origin: "a.yaml:3:1"}
		}, []string{"a.yaml:3:1", "{tenantid}"}},
		{"pool without provider", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			s.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-x", Filter: "true", Origin: "a.yaml:3:1"}
		}, []string{"a.yaml:3:1", "op-x"}},
		{"bad filter", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			s.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-oidc", Filter: "claims.a ==", Origin: "a.yaml:3:1"}
		}, []string{"a.yaml:3:1", "filter of identity pool pool-x"}},
		{"bad identity claim", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			s.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-oidc", Filter: "true", IdentityClaim: "claims.a[0]", Origin: "a.yaml:3:1"}
		}, []string{"a.yaml:3:1", "claims.a[0]"}},
		{"audience required", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			p := s.Providers["op-oidc"]
			p.RequireAudience = true
			s.Providers["op-oidc"] = p
			s.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-oidc", Filter: "true", Origin: "a.yaml:3:1"}
		}, []string{"a.yaml:3:1", "pool-x", "does not pin"}},
		{"filter of a disabled provider's pool", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			s.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-off", Filter: "claims.a ==", Origin: "a.yaml:3:1"}
		}, []string{"a.yaml:3:1", "pool-x"}},
		{"all mistakes at once", func(s *iam.Snapshot, _ map[string]authn.Trust) {
			s.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-x", Origin: "a.yaml:3:1"}
			s.Pools["pool-y"] = iam.Pool{ID: "pool-y", Provider: "op-y", Origin: "a.yaml:9:1"}
		}, []string{"a.yaml:3:1", "a.yaml:9:1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, trust := snapshot(), map[string]authn.Trust{}
			for id := range s.Providers {
				trust[id] = authn.Trust{Keys: keySet()}
			}
			c.change(s, trust)
			a, _, err := authn.Compile(s, trust, authn.Options{})
			if err == nil || a != nil {
				t.Fatal("compiled")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
}

// The two versions of a tenant's tokens are two issuers; explain says which of
// them came, whichever is the one that is known.
func TestEntraTokenOfTheOtherVersion(t *testing.T) {
	s := snapshot()
	p := s.Providers["op-entra"]
	p.Issuer = "https://sts.windows.net/" + tenant + "/"
	s.Providers["op-entra"] = p
	a := compile(t, s, keySet(), authn.Options{})
	for want, c := range map[string]map[string]any{
		"this is an Entra v2 token, and op-entra is for the v1": claims(),
		"with exactly this issuer, and a pool of it":            claims("tid", "another", "iss", "https://login.microsoftonline.com/another/v2.0"),
	} {
		_, steps, err := a.Authenticate(context.Background(), credential(sign(t, signer(), c), ""))
		if last := steps[len(steps)-1]; err == nil || last.Code != authn.UnknownIssuer || !strings.Contains(last.Mend, want) {
			t.Errorf("%+v, want %q", last, want)
		}
	}
	v1 := claims("iss", p.Issuer, "ver", "1.0", "azp", nil, "appid", "c")
	if _, steps, err := a.Authenticate(context.Background(), credential(sign(t, signer(), v1), "pool-orders")); err != nil {
		t.Errorf("a v1 token of a v1 provider: %+v", steps)
	}
}

// Whoever has an issuer of Microsoft's gets the checks of Entra's tokens, also
// where nobody asked for them.
func TestMicrosoftsIssuersAreEntra(t *testing.T) {
	s := snapshot()
	p := s.Providers["op-entra"]
	p.Entra = false
	s.Providers["op-entra"] = p
	_, steps, err := compile(t, s, keySet(), authn.Options{}).
		Authenticate(context.Background(), credential(sign(t, signer(), claims("nonce", "1")), "pool-orders"))
	if err == nil || codeOf(steps) != authn.IDToken {
		t.Errorf("an ID token: %+v", steps)
	}
}

// A provider that becomes Entra's ends the sessions of tokens that are not.
func TestReassessByTheChecksOfEntra(t *testing.T) {
	s := snapshot()
	s.Providers["op-oidc"] = iam.Provider{ID: "op-oidc", Issuer: "https://idp.example/" + tenant + "/v2.0"}
	id, steps, err := compile(t, s, keySet(), authn.Options{}).
		Authenticate(context.Background(), credential(sign(t, signer(), other("iss", s.Providers["op-oidc"].Issuer)), "pool-generic"))
	if err != nil {
		t.Fatal(steps)
	}
	s = s.Clone()
	s.Generation = 8
	p := s.Providers["op-oidc"]
	p.Entra = true
	s.Providers["op-oidc"] = p
	if _, steps, err := compile(t, s, keySet(), authn.Options{}).Reassess(id); err == nil || codeOf(steps) != authn.EntraVersion {
		t.Errorf("%+v", steps)
	}
}

// fetching is a key set that has its keys from the first look-up on.
type fetching struct{ counting }

func (k *fetching) Key(ctx context.Context, kid string) (jwt.Key, error) {
	if k.asked == 0 {
		k.version++
	}
	return k.counting.Key(ctx, kid)
}

// The login that causes a fetch is remembered like every other.
func TestFirstLoginIsRemembered(t *testing.T) {
	a := compile(t, snapshot(), &fetching{*keySet()}, authn.Options{})
	token := sign(t, signer(), claims())
	for _, want := range []string{"a JWT signed", "verified before"} {
		_, steps, err := a.Authenticate(context.Background(), credential(token, "pool-orders"))
		if err != nil || !strings.Contains(steps[0].Saw, want) {
			t.Errorf("%+v, want %q", steps, want)
		}
	}
}

// A provider that requires an audience is content with a list of its own, which
// is enforced before any pool.
func TestRequiredAudienceIsTheProvidersOrTheFilters(t *testing.T) {
	s := snapshot()
	p := s.Providers["op-entra"]
	p.RequireAudience = true
	s.Providers["op-entra"] = p
	compile(t, s, keySet(), authn.Options{})
}

// Whatever the claim holds, the identity's CRN has one more segment and the
// claim is read back from it.
func TestIdentityCRN(t *testing.T) {
	for claim, want := range map[string]string{
		"a/b": "a%2Fb", "*": "%2A", "x=y:z": "x%3Dy%3Az", "%2F": "%252F", "Jürgen": "J%C3%BCrgen", "a b\n": "a%20b%0A", "漢": "%E6%BC%A2",
	} {
		a := compile(t, snapshot(), keySet(), authn.Options{})
		id, steps, err := a.Authenticate(context.Background(), credential(sign(t, signer(), claims("oid", claim)), "pool-orders,pool-read"))
		if err != nil {
			t.Fatal(err, steps)
		}
		segment := id.CRN[strings.LastIndex(id.CRN, "/identity=")+len("/identity="):]
		if back, err := url.PathUnescape(segment); segment != want || back != claim || err != nil || id.Claim != claim || string(id.Principal) != id.CRN {
			t.Errorf("%q: CRN %s, claim %q, principal %s", claim, id.CRN, id.Claim, id.Principal)
		}
		for _, s := range steps {
			if strings.ContainsAny(s.Saw, "\n\x1b") {
				t.Errorf("a step with the claim as it is: %q", s.Saw)
			}
		}
	}
}

func TestCompileWarns(t *testing.T) {
	s := snapshot()
	s.Providers["op-idle"] = iam.Provider{ID: "op-idle", Issuer: "https://idle.example", Audiences: []string{"x"}}
	trust := map[string]authn.Trust{}
	for id := range s.Providers {
		trust[id] = authn.Trust{Keys: keySet()}
	}
	_, warnings, err := authn.Compile(s, trust, authn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(warnings)
	for _, want := range []string{"pool-without-audience", "pool-generic", "provider-without-pool", "op-idle"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Contains(text, "pool-read") || strings.Contains(text, "op-off") {
		t.Errorf("warns of what is right: %s", text)
	}
}

func TestIdentityClaims(t *testing.T) {
	values := map[string]any{"claims.oid": "oid", "claims['a:b']": "colon", `claims["a:b"]`: "colon", "claims.nested.id": "deep", "aud": "bare", "": "sub", "claims": "root"}
	for text, want := range values {
		s := snapshot()
		s.Pools = map[string]iam.Pool{"pool-x": {ID: "pool-x", Provider: "op-oidc", Filter: "true", IdentityClaim: text}}
		a := compile(t, s, keySet(), authn.Options{})
		token := sign(t, signer(), other("oid", "oid", "a:b", "colon", "nested", map[string]any{"id": "deep"}, "aud", "bare", "sub", "sub", "claims", "root"))
		id, steps, err := a.Authenticate(context.Background(), credential(token, ""))
		if err != nil || id.Claim != want {
			t.Errorf("identity_claim %q gives %q, %v %+v, want %q", text, id.Claim, err, steps, want)
		}
	}
}
