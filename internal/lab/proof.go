package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kclient"
	"github.com/klammhq/klamm/token"
)

// proofRecords is how many records the proof produces and consumes.
const proofRecords = 50

// Proof is what the lab does to show that it works: a managed identity
// produces, consumes, and is refused where it has no role.
type Proof struct {
	Env     Env
	CA      []byte
	Explain func(ctx context.Context, principal string) (string, error) // the last refusal of a principal
}

// step is one line of the proof.
type step struct {
	name string
	run  func(context.Context) (detail string, err error)
}

// Run does every step and tells it, with its time, to say. It ends at the
// first that fails.
func (p Proof) Run(ctx context.Context, say func(name, detail string, took time.Duration)) error {
	source := token.Cached(token.AzureIMDS{
		Endpoint: p.Env.Get("IMDS_TOKEN_URL"), Resource: p.Env.Get("KAFKA_RESOURCE"), ClientID: p.Env.Get("AZURE_CLIENT_ID"),
	})
	client := kclient.Config{
		Bootstrap: []string{p.Env.Get("KAFKA_BOOTSTRAP_SERVER")}, CA: p.CA, Source: source, ClientID: "klamm-lab-proof",
		Extensions: map[string]string{"logicalCluster": p.Env.Get("KAFKA_LOGICAL_CLUSTER_ID"), "identityPoolId": p.Env.Get("KAFKA_IDENTITY_POOL_ID")},
	}
	topic, forbidden := p.Env.Get("KAFKA_TOPIC"), p.Env.Get("KAFKA_FORBIDDEN_TOPIC")
	group := fmt.Sprintf("%s-proof-%d", p.Env.Get("KAFKA_GROUP"), time.Now().UnixNano())
	steps := []step{
		{"token", func(ctx context.Context) (string, error) {
			t, err := source.Token(ctx)
			if err != nil {
				return "", fault.New(fault.Unavailable, "the managed identity got no token").Because(err)
			}
			return fmt.Sprintf("managed identity %s, good for %s", p.Env.Get("AZURE_CLIENT_ID"), time.Until(t.Expires).Round(time.Second)), nil
		}},
		{"produce", func(ctx context.Context) (string, error) {
			_, err := client.Produce(ctx, topic, values())
			return fmt.Sprintf("%d records to %s", proofRecords, topic), err
		}},
		{"consume", func(ctx context.Context) (string, error) {
			return fmt.Sprintf("%d records from %s in group %s", proofRecords, topic, group), consumeAll(ctx, client, group, topic)
		}},
		{"refused", func(ctx context.Context) (string, error) {
			return p.refused(ctx, client, forbidden)
		}},
	}
	for _, s := range steps {
		begin := time.Now()
		detail, err := s.run(ctx)
		if err != nil {
			return err
		}
		say(s.name, detail, time.Since(begin))
	}
	return nil
}

func values() [][]byte {
	v := make([][]byte, proofRecords)
	for i := range v {
		v[i] = fmt.Appendf(nil, "order %d", i)
	}
	return v
}

// consumeAll looks for every record of the proof: the topic may hold others
// when the cluster behind the lab is a lasting one.
func consumeAll(ctx context.Context, client kclient.Config, group, topic string) error {
	missing := map[string]bool{}
	for _, v := range values() {
		missing[string(v)] = true
	}
	records, err := client.Consume(ctx, group, topic, proofRecords)
	if err != nil {
		return err
	}
	for _, r := range records {
		delete(missing, string(r.Value))
	}
	if len(missing) > 0 {
		return fault.New(fault.Internal, "%d of %d records did not come back", len(missing), proofRecords)
	}
	return nil
}

// refused wants a refusal: anything else would be a hole.
func (p Proof) refused(ctx context.Context, client kclient.Config, topic string) (string, error) {
	_, err := client.Produce(ctx, topic, [][]byte{[]byte("must not arrive")})
	if err == nil {
		return "", fault.New(fault.Internal, "a record for %s was let through although no role allows it", topic)
	}
	if fault.KindOf(err) != fault.Forbidden {
		return "", err
	}
	why, explaining := p.Explain(ctx, "User:"+p.Env.Get("KAFKA_IDENTITY_POOL_ID"))
	if explaining != nil {
		return "", explaining
	}
	return "no role for " + topic + ", as it should be:\n" + why, nil
}
