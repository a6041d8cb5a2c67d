package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/secret"
)

// names are n topics that nobody may touch.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("t", i)
	}
	return list
}

// offline is a session of a gateway whose cluster is never reached.
func offline(t testing.TB, sink guard.Sink, bindings ...iam.Binding) *session {
	t.Helper()
	p, e := &people{}, newEverything()
	p.bind(t, bindings...)
	g, err := New(Config{Guard: guard.New(guard.Config{Authenticator: p, Authorizer: p, Sink: sink}), Clusters: map[string]Cluster{lkc: e}, Addresses: e})
	if err != nil {
		t.Fatal(err)
	}
	grant, err := g.Guard.Open(t.Context(), guard.Origin{}, iam.Credential{Mechanism: mechanism, Token: secret.New("alice"), Cluster: lkc, LogicalCluster: lkc})
	if err != nil {
		t.Fatal(err)
	}
	return newSession(&visitor{g: g, t: g.targets[lkc], via: relay.Via{Cluster: lkc}, offer: makeOffer(e.versions)}, grant)
}

// TestAuditFlood: a request has room for 2^18 topics. Whoever names as many that
// he may not touch, again and again, gets an answer for each, and writes a
// bounded part of the disk; every answer comes after its events.
func TestAuditFlood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	sink, err := auditlog.Open(auditlog.Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	b := wire(t, sink, alice()...).client("alice")
	const most = 1<<18 - 1 // topics and partitions, of a Fetch
	q := fetchOf(12)
	q.MaxBytes, q.Topics = 1<<20, make([]kmsg.FetchRequestTopic, most)
	for i := range q.Topics {
		q.Topics[i] = kmsg.NewFetchRequestTopic()
		q.Topics[i].Topic = fmt.Sprint("secret.", i)
	}
	size := int64(0)
	for round := range 13 {
		if round == 1 {
			q.Topics = q.Topics[:5000]
		}
		r := b.ask(q).(*kmsg.FetchResponse)
		if len(r.Topics) != len(q.Topics) {
			t.Fatalf("%d answers for %d topics", len(r.Topics), len(q.Topics))
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 && info.Size() == 0 {
			t.Error("the answer came before the audit log was written")
		}
		if size = info.Size(); size > 2<<20 {
			t.Fatalf("%d bytes of audit log after %d requests", size, round+1)
		}
	}
	told, err := os.ReadFile(path + ".steps")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`262042 more of the same request: Read on Topics that begin with \"secret.\"`, "more than 1000 refusals of User:pool-alice"} {
		if !strings.Contains(string(told), want) {
			t.Errorf("explain says nowhere: %s", want)
		}
	}
	t.Logf("%d bytes for %d refusals", size, most+12*5000)
}

// BenchmarkRefusedFetch is a Fetch of 1 000 topics that are all refused, with
// the audit log on the disk.
func BenchmarkRefusedFetch(b *testing.B) {
	sink, err := auditlog.Open(auditlog.Config{File: filepath.Join(b.TempDir(), "audit.jsonl")})
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	s := offline(b, sink)
	f := frame(b, fetchOf(12, names(1000)...))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := s.Plan(b.Context(), f); err != nil || p.Verdict != relay.Answer {
			b.Fatal(p.Verdict, err)
		}
	}
}
