package franz_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/klammtest"
	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

// TestAtAGateway logs in over a real connection; what is refused is refused in
// the gateway's words, with the reference that explains it.
func TestAtAGateway(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	ping := func(t *testing.T, source token.Source, extensions franz.Extensions) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		m, err := franz.Mechanism(source, extensions)
		if err != nil {
			t.Fatal(err)
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(lab.Bootstrap), kgo.DialTLSConfig(lab.TLS()), kgo.SASL(m), kgo.RequestRetries(0))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		return client.Ping(ctx)
	}
	who := lab.ManagedIdentity
	if err := ping(t, token.Cached(who), who.Extensions); err != nil {
		t.Fatal(err)
	}
	if refusals := lab.Refusals(); len(refusals) != 0 {
		t.Errorf("refused before it was let in: %+v", refusals)
	}
	for name, c := range map[string]struct {
		source     token.Source
		extensions franz.Extensions
		code       string
	}{
		"a token of nobody's": {source(t), who.Extensions, "token-algorithm"},
		"no logical cluster":  {who, franz.Extensions{"identityPoolId": who.Pool}, "missing-logical-cluster"},
		"another's pool":      {who, lab.Okta.Extensions, "pool-of-other-provider"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ping(t, c.source, c.extensions)
			if err == nil || !strings.Contains(err.Error(), "ref=") {
				t.Fatalf("the gateway's words are lost: %v", err)
			}
			if r, ok := lab.Explain(err.Error()); !ok || r.Code != c.code {
				t.Errorf("refused as %q: %v\n%s", r.Code, err, r.Text)
			}
		})
	}
}
