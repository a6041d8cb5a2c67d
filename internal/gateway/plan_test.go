package gateway

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/secret"
)

// FuzzPlan is any frame of a client without a right: nothing of it goes
// upstream but what needs none.
func FuzzPlan(f *testing.F) {
	for key, r := range rules {
		for _, version := range []int16{r.min, r.max} {
			f.Add(kmsg.NewRequestFormatter().AppendRequest(nil, decidable(key, version), 7)[4:])
		}
	}
	e := newEverything()
	p := &people{}
	p.bind(f)
	g, err := New(Config{Guard: guard.New(guard.Config{Authenticator: p, Authorizer: p, Sink: &ledger{}}), Clusters: map[string]Cluster{lkc: e}, Addresses: e})
	if err != nil {
		f.Fatal(err)
	}
	open := func(t *testing.T) *session {
		grant, err := g.Guard.Open(t.Context(), guard.Origin{}, iam.Credential{Mechanism: mechanism, Token: secret.New("nobody"), Cluster: lkc, LogicalCluster: lkc})
		if err != nil {
			t.Fatal(err)
		}
		return newSession(&visitor{g: g, t: g.targets[lkc], via: relay.Via{Cluster: lkc}, offer: makeOffer(e.versions)}, grant)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := kafka.ParseFrame(b)
		if err != nil {
			return
		}
		s := open(t)
		defer s.Close()
		plan, err := s.Plan(t.Context(), frame)
		if err != nil || plan.Verdict == relay.Close || plan.Verdict == relay.Answer {
			return
		}
		switch frame.Key {
		case 3, 16, 60:
			return // brokers and filtered lists
		case keyProduce, keyFetch:
			req, err := api.Decode(frame.Key, frame.Version, frame.Body())
			if err == nil && empty(req) {
				return
			}
		}
		t.Fatalf("%s %d goes upstream: % x", nameOf(frame.Key), frame.Version, b)
	})
}

func empty(req kmsg.Request) bool {
	switch q := req.(type) {
	case *kmsg.ProduceRequest:
		return len(q.Topics) == 0 && q.TransactionID == nil
	case *kmsg.FetchRequest:
		return len(q.Topics) == 0
	}
	return false
}
