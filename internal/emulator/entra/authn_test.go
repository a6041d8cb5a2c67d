package entra

import (
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// The product's own verifier, with all that it knows of Entra, takes tokens of
// both versions, each from its own provider only.
func TestTokensAreAccepted(t *testing.T) {
	for _, issuers := range []Issuers{Microsoft, Own} {
		e, s := start(t, func(c *Config) { c.Issuers = issuers })
		id := e.TenantID(0)
		keys := map[int]jwt.KeySet{1: jwt.NewStatic(keySet(t, s, e.JWKSURLV1(id))...), 2: jwt.NewStatic(keySet(t, s, e.JWKSURL(id))...)}
		managed := func(resource string) string {
			g, err := e.ManagedIdentityToken(id, ordersID, resource)
			if err != nil {
				t.Fatal(err)
			}
			return g.Token.Reveal()
		}
		application := func(resource string) string {
			return ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", resource+"/.default"))["access_token"].(string)
		}
		for _, tt := range []struct {
			name, token, audience, filter string
			version                       int
		}{
			{"application, 2", application("api://kafka"), kafkaID, `claims.azp == "` + billingID + `" && "Kafka.Write" in claims.roles`, 2},
			{"application, 1", application("api://legacy"), "api://legacy", `claims.appid == "` + billingID + `" && "Legacy.Use" in claims.roles`, 1},
			{"managed identity, 2", managed("localhost:9092"), kafkaID, `claims.azp == "` + ordersID + `" && "Kafka.Read" in claims.roles`, 2},
			{"managed identity, 1", managed(legacyID), legacyID, `claims.appid == "` + ordersID + `"`, 1},
		} {
			for _, provider := range []int{1, 2} {
				a, _, err := authn.Compile(&iam.Snapshot{
					Generation: 1, Organization: iam.Organization{ID: "6a4e3a2c", Environment: "env-lab"},
					Providers: map[string]iam.Provider{"op": {ID: "op", Issuer: e.Issuer(id, provider), Entra: true, Audiences: []string{tt.audience}}},
					Pools:     map[string]iam.Pool{"pool-x": {ID: "pool-x", Provider: "op", IdentityClaim: "claims.oid", Filter: tt.filter}},
				}, map[string]authn.Trust{"op": {Keys: keys[provider]}}, authn.Options{Now: func() time.Time { return clock }})
				if err != nil {
					t.Fatal(err)
				}
				_, steps, err := a.Authenticate(t.Context(), iam.Credential{
					Mechanism: "OAUTHBEARER", Token: secret.New(tt.token), Cluster: "lkc-lab", LogicalCluster: "lkc-lab", PoolSelection: "pool-x",
				})
				if (err == nil) != (provider == tt.version) {
					t.Errorf("%s issuers, %s, provider of version %d: %v, %+v", issuers, tt.name, provider, err, steps)
				}
			}
		}
	}
}
