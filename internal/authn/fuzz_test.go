package authn_test

import (
	"context"
	"testing"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
)

// FuzzAuthenticate gives a stranger every word that a client can say. Without
// a token that was signed by the provider nobody comes in, nothing panics, and
// every refusal has a code of the table and a bounded record.
func FuzzAuthenticate(f *testing.F) {
	good := sign(f, signer(), claims())
	for _, a := range attacks(f) {
		f.Add(a.token, "lkc-orders", a.selection)
	}
	f.Add(good, "lkc-orders", "pool-orders,pool-read,")
	f.Add(good, "LKC-orders\x00", ",,,")
	codes := map[iam.Code]bool{}
	for _, r := range authn.Refusals() {
		codes[r.Code] = true
	}
	a := compile(f, snapshot(), keySet(), authn.Options{})
	f.Fuzz(func(t *testing.T, token, cluster, selection string) {
		c := credential(token, selection)
		c.LogicalCluster = cluster
		id, steps, err := a.Authenticate(context.Background(), c)
		if err == nil {
			if id.Claim != party {
				t.Fatalf("let in as %q, whom nobody signed for", id.Claim)
			}
			return
		}
		last := steps[len(steps)-1]
		if !codes[last.Code] {
			t.Fatalf("code %q is not in the table", last.Code)
		}
		for _, s := range steps {
			if len(s.Saw) > 8000 || len(s.Name) > 300 {
				t.Fatalf("a step of %d bytes", len(s.Saw))
			}
		}
	})
}

// FuzzIdentityClaim reads any text as the path of a claim.
func FuzzIdentityClaim(f *testing.F) {
	for _, s := range []string{"", "claims.oid", "claims['a:b']", `claims["a"].b`, "claims", "claims.", "claims[", "claims['", "claims['']", "a.b[0]", ".x", "claims..x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := snapshot()
		s.Pools = map[string]iam.Pool{"pool-x": {ID: "pool-x", Provider: "op-oidc", Filter: "true", IdentityClaim: text}}
		trust := map[string]authn.Trust{"op-oidc": {Keys: keySet()}, "op-entra": {Keys: keySet()}}
		a, _, err := authn.Compile(s, trust, authn.Options{})
		if (a == nil) == (err == nil) {
			t.Fatal("neither compiled nor refused")
		}
	})
}
