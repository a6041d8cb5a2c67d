package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kclient"
	"github.com/klammhq/klamm/token"
)

// proofRecords is how many records the proof produces and consumes, proofTime
// how long all of it may take.
const (
	proofRecords = 50
	proofTime    = time.Minute
)

// clientID is what the proof calls itself.
const clientID = "klamm-lab-proof"

// Failed is a step of the proof that did not end as it should.
type Failed struct {
	Step string
	Err  error
	Why  string // the gateway's own story of it; "" when it knows none
}

func (f *Failed) Error() string { return "the lab's proof failed at " + f.Step }

func (f *Failed) Unwrap() error { return f.Err }

func (p Proof) failed(ctx context.Context, step string, err error) error {
	f := &Failed{Step: step, Err: err}
	if kind := fault.KindOf(err); kind == fault.Unauthenticated || kind == fault.Forbidden {
		f.Why, _ = p.Explain(ctx, clientID) // a gateway that knows nothing has nothing to add
	}
	return f
}

// Proof is what the lab does to show that it works: a managed identity
// produces, consumes, and is refused where it has no role.
type Proof struct {
	Env     Env
	CA      []byte
	Explain func(ctx context.Context, subject string) (string, error) // the last refusal of a principal or a client id
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
		Bootstrap: []string{p.Env.Get("KAFKA_BOOTSTRAP_SERVER")}, CA: p.CA, Source: source, ClientID: clientID,
		Extensions: map[string]string{"logicalCluster": p.Env.Get("KAFKA_LOGICAL_CLUSTER_ID"), "identityPoolId": p.Env.Get("KAFKA_IDENTITY_POOL_ID")},
	}
	topic, forbidden := p.Env.Get("KAFKA_TOPIC"), p.Env.Get("KAFKA_FORBIDDEN_TOPIC")
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	group := fmt.Sprintf("%s-proof-%d", p.Env.Get("KAFKA_GROUP"), begin.UnixNano())
	records := records(group)
	steps := []step{
		{"token", func(ctx context.Context) (string, error) {
			t, err := source.Token(ctx)
			if err != nil {
				return "", fault.New(fault.Unavailable, "the managed identity got no token").Because(err)
			}
			return fmt.Sprintf("managed identity %s, good for %s", p.Env.Get("AZURE_CLIENT_ID"), time.Until(t.Expires).Round(time.Second)), nil
		}},
		{"produce", func(ctx context.Context) (string, error) {
			_, err := client.Produce(ctx, topic, records)
			return fmt.Sprintf("%d records to %s", proofRecords, topic), err
		}},
		{"consume", func(ctx context.Context) (string, error) {
			return fmt.Sprintf("%d records from %s in group %s", proofRecords, topic, group), consumeAll(ctx, client, group, topic, begin, records)
		}},
		{"refused", func(ctx context.Context) (string, error) {
			return p.refused(ctx, client, forbidden)
		}},
	}
	for _, s := range steps {
		begin := time.Now()
		detail, err := s.run(ctx)
		if err != nil {
			return p.failed(ctx, s.name, err)
		}
		say(s.name, detail, time.Since(begin))
	}
	return nil
}

// records are those of one proof and of no other: the topic may hold more when
// the cluster behind the lab is a lasting one.
func records(run string) [][]byte {
	v := make([][]byte, proofRecords)
	for i := range v {
		v[i] = fmt.Appendf(nil, "order %d of %s", i, run)
	}
	return v
}

// consumeAll wants all of the records back.
func consumeAll(ctx context.Context, client kclient.Config, group, topic string, since time.Time, records [][]byte) error {
	missing := map[string]bool{}
	for _, r := range records {
		missing[string(r)] = true
	}
	err := client.Consume(ctx, group, topic, since, func(r kclient.Record) bool {
		delete(missing, string(r.Value))
		return len(missing) == 0
	})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.New(fault.Unavailable, "%d of %d records did not come back within %s", len(missing), len(records), proofTime).Because(err)
	}
	return err
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
