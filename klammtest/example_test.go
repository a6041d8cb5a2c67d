package klammtest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/klammtest"
	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

// t is the *testing.T of a test; examples have none.
var t = &example{}

func Example() {
	lab := klammtest.Start(t)

	login, err := franz.Mechanism(token.Cached(lab.ManagedIdentity), lab.ManagedIdentity.Extensions)
	if err != nil {
		t.Fatalf("%v", err)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(lab.Bootstrap), kgo.DialTLSConfig(lab.TLS()), kgo.SASL(login),
		kgo.DefaultProduceTopic(lab.Topic), kgo.ConsumeTopics(lab.Topic), kgo.ConsumerGroup(lab.Group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer client.Close()

	ctx := context.Background()
	if err := client.ProduceSync(ctx, kgo.StringRecord("an order")).FirstErr(); err != nil {
		t.Fatalf("%v", err)
	}
	for _, record := range client.PollFetches(ctx).Records() {
		fmt.Printf("%s: %s\n", record.Topic, record.Value)
	}
	// Output: orders: an order
}

func ExampleLab_Explain() {
	lab := klammtest.Start(t)

	// The client's token is of another provider than its pool's.
	login, err := franz.Mechanism(lab.Okta, lab.ManagedIdentity.Extensions)
	if err != nil {
		t.Fatalf("%v", err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(lab.Bootstrap), kgo.DialTLSConfig(lab.TLS()), kgo.SASL(login))
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer client.Close()

	err = client.Ping(context.Background()) // its error holds ref=…
	refusal, ok := lab.Explain(err.Error())
	last := refusal.Steps[len(refusal.Steps)-1]
	fmt.Println(ok, refusal.Code)
	fmt.Println("saw:   ", last.Saw)
	fmt.Println("wanted:", last.Wanted)
	fmt.Println("mend:  ", last.Mend)
	// Output:
	// true pool-of-other-provider
	// saw:    it belongs to op-entra
	// wanted: a pool of op-okta: pool-reports
	// mend:   set the extension identityPoolId to a pool of the provider that issued the token, or take the token from the provider of the pool
}

func ExampleLab_oidc() {
	lab := klammtest.Start(t)

	for _, server := range []string{"cloudentity", "cognito", "keycloak"} {
		who := lab.OIDC[server]
		login, err := franz.Mechanism(who, who.Extensions)
		if err != nil {
			t.Fatalf("%v", err)
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(lab.Bootstrap), kgo.DialTLSConfig(lab.TLS()), kgo.SASL(login), kgo.DefaultProduceTopic(lab.Topic))
		if err != nil {
			t.Fatalf("%v", err)
		}
		fmt.Println(who.ClientID, who.Pool, client.ProduceSync(context.Background(), kgo.StringRecord("from "+server)).FirstErr())
		client.Close()
	}
	// Output:
	// perf-test pool-cloudentity <nil>
	// 4klamm2lab1invoices pool-cognito <nil>
	// shipping pool-keycloak <nil>
}

func ExampleIdentity_Fault() {
	lab := klammtest.Start(t)

	fmt.Println(lab.Application.Fault(`{"status": 503, "times": 1}`))
	_, err := lab.Application.Token(context.Background())
	fmt.Println(err != nil)
	_, err = lab.Application.Token(context.Background())
	fmt.Println(err)
	// Output:
	// <nil>
	// true
	// <nil>
}

func ExampleLab_SetIdentity() {
	lab := klammtest.Start(t)

	documents := `
kind: Organization
id: 6a4e3a2c-0b0f-4a65-9a4e-3f1d5d0c7e21
environment: env-lab
---
kind: IdentityProvider
id: op-entra
type: entra
issuer: ${ENTRA_ISSUER}
jwks_uri: ${ENTRA_JWKS}
ca: "${CA}"
audiences: [be587d08-a466-45e9-a02a-dfdda6b4c765]
---
kind: IdentityPool
id: pool-billing
provider: op-entra
identity_claim: claims.azp
filter: claims.azp == "5c8f7a35-3c0e-4c13-9e86-6bb16cb1dd5b"
`
	fmt.Println(lab.SetIdentity(documents))
	fmt.Println(lab.SetIdentity(strings.Replace(documents, "==", "=", 1)))
	// Output:
	// <nil>
	// identity:14:1: filter of identity pool pool-billing, column 12: the filter is no CEL expression: token recognition error at: '= '
}

func ExampleLab_PublishKey() {
	lab := klammtest.Start(t)

	login, err := franz.Mechanism(lab.Application, lab.Application.Extensions)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, step := range []func() error{lab.PublishKey, lab.SignWithNewKey, lab.RemoveOldKey} {
		if err := step(); err != nil {
			t.Fatalf("%v", err)
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(lab.Bootstrap), kgo.DialTLSConfig(lab.TLS()), kgo.SASL(login))
		if err != nil {
			t.Fatalf("%v", err)
		}
		fmt.Println(client.Ping(context.Background()))
		client.Close()
	}
	// Output:
	// <nil>
	// <nil>
	// <nil>
}

// example ends what examples have started once all tests have run.
type example struct{ cleanups []func() }

func (e *example) Helper()          {}
func (e *example) Cleanup(f func()) { e.cleanups = append(e.cleanups, f) }

func (e *example) Errorf(format string, args ...any) { e.Fatalf(format, args...) }
func (e *example) Fatalf(format string, args ...any) {
	panic(strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (e *example) end() {
	for i := len(e.cleanups) - 1; i >= 0; i-- {
		e.cleanups[i]()
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	t.end()
	os.Exit(code)
}
