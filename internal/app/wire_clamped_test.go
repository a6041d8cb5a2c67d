package app

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/klammhq/klamm/internal/upstream"
	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

// inFrontOf is a house before a cluster of older versions.
func inFrontOf(t *testing.T, versions *kversion.Versions) *house {
	t.Helper()
	old, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(versions), kfake.ClusterID("behind"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(old.Close)
	return newHouse(t, houseOptions{more: wireDocuments, upstream: &upstream.Config{Name: lkc, Bootstrap: old.ListenAddrs()}})
}

// TestWireTxn_Offer: transactions of the second version are offered when the
// cluster has all that they need, and of what they need nothing is offered when it
// has not (KIP-890): a client that had only some of it would leave out
// AddPartitionsToTxn, and nobody would do it.
func TestWireTxn_Offer(t *testing.T) {
	t.Parallel()
	const produce, end, commit = 0, 26, 28
	first := map[int16]int16{produce: 12, end: 5, commit: 5}
	for name, capped := range map[string]map[int16]int16{
		"whole": {}, "Produce 11": {produce: 11}, "EndTxn 4": {end: 4}, "TxnOffsetCommit 4": {commit: 4}, "all older": {produce: 9, end: 3, commit: 3},
		"no TxnOffsetCommit": {commit: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			versions := kversion.Stable()
			for key, version := range capped {
				versions.SetMaxKeyVersion(key, version)
			}
			h := inFrontOf(t, versions)
			w := h.knock()
			for version := int16(3); version <= 5; version++ {
				q := kmsg.NewPtrApiVersionsRequest()
				q.Version, q.ClientSoftwareName, q.ClientSoftwareVersion = version, "wire", "1"
				r := w.must(t, q).(*kmsg.ApiVersionsResponse)
				for _, k := range r.ApiKeys {
					if since, ok := first[k.ApiKey]; ok && (k.MaxVersion >= since) != (len(capped) == 0) {
						t.Errorf("%s is offered up to %d", kmsg.NameForKey(k.ApiKey), k.MaxVersion)
					}
				}
				if level := transactionVersion(r); (level == 2) != (len(capped) == 0) {
					t.Errorf("transaction.version is %d", level)
				}
			}
			// Whoever asks all the same is told so.
			if len(capped) > 0 {
				in := h.loggedIn(role("owner"), 0)
				id := "orders-tx"
				for _, q := range []kmsg.Request{produceOf(12, &id, "orders"), endTxn(5, id, 1, 0, true), txnCommitOf(5, id, "orders-g", "orders")} {
					if r := in.must(t, q); !hasCode(r, unsupported) {
						t.Errorf("%s %d: %+v", kmsg.NameForKey(q.Key()), q.GetVersion(), r)
					}
				}
			}
		})
	}
}

// transactionVersion is the level that is in force, and no less than what is
// supported.
func transactionVersion(r *kmsg.ApiVersionsResponse) (level int16) {
	for _, f := range r.FinalizedFeatures {
		if f.Name == "transaction.version" {
			level = f.MaxVersionLevel
		}
	}
	for _, f := range r.SupportedFeatures {
		if f.Name == "transaction.version" {
			level = max(level, f.MaxVersion)
		}
	}
	return level
}

// counted counts the requests of a client by key.
type counted struct{ sent [kmsg.MaxKey + 1]atomic.Int64 }

func (c *counted) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err == nil {
		c.sent[key].Add(1)
	}
}

// TestWireTxn_Session consumes, transforms and produces in transactions of both
// versions: of the second no client asks for AddPartitionsToTxn or AddOffsetsToTxn.
func TestWireTxn_Session(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	first := kversion.V3_9_0()
	for name, versions := range map[string]*kversion.Versions{"first": first, "second": nil} {
		t.Run(name, func(t *testing.T) {
			from, to, group := "orders.from-"+name, "orders.to-"+name, "orders-"+name
			h.make(t, from)
			h.make(t, to)
			const n = 5
			for range n {
				h.produce(t, from)
			}
			counts := &counted{}
			opts := []kgo.Opt{
				kgo.WithHooks(counts), kgo.TransactionalID("orders-etl-" + name), kgo.ConsumerGroup(group), kgo.ConsumeTopics(from),
				kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			}
			if versions != nil {
				opts = append(opts, kgo.MaxVersions(versions))
			}
			h.up.take()
			session := h.session(t, opts...)
			for moved := 0; moved < n; {
				fetches := session.PollFetches(h.ctx())
				if err := fetches.Err(); err != nil {
					t.Fatal(err)
				}
				if err := session.Begin(); err != nil {
					t.Fatal(err)
				}
				fetches.EachRecord(func(r *kgo.Record) {
					session.Produce(h.ctx(), &kgo.Record{Topic: to, Value: append([]byte("new "), r.Value...)}, nil)
					moved++
				})
				if committed, err := session.End(h.ctx(), kgo.TryCommit); err != nil || !committed {
					t.Fatalf("%v, %v", committed, err)
				}
			}
			h.moved(t, to, group, n)
			adds := counts.sent[kmsg.AddPartitionsToTxn].Load() + counts.sent[kmsg.AddOffsetsToTxn].Load()
			if (adds == 0) != (versions == nil) || counts.sent[kmsg.TxnOffsetCommit].Load() == 0 || counts.sent[kmsg.EndTxn].Load() == 0 {
				t.Errorf("AddPartitionsToTxn and AddOffsetsToTxn were sent %d times", adds)
			}
			for _, p := range h.up.take() {
				if versions == nil && (p.key == 24 || p.key == 25) {
					t.Errorf("the broker is asked %v", p)
				}
			}
		})
	}
}

// session is a transactional client of pool-orders in a group.
func (h *house) session(t *testing.T, opts ...kgo.Opt) *kgo.GroupTransactSession {
	t.Helper()
	text := h.token(nil)
	mechanism, err := franz.Mechanism(token.SourceFunc(func(context.Context) (token.Token, error) { return token.New(text, time.Now()) }), franz.Extensions{"logicalCluster": lkc})
	if err != nil {
		t.Fatal(err)
	}
	s, err := kgo.NewGroupTransactSession(append(opts, kgo.SeedBrokers(h.run.Bootstrap), kgo.SASL(mechanism), kgo.Dialer(overhear(io.Discard)), kgo.FetchMaxWait(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// moved wants n records in a topic, as a reader of what is committed sees them,
// and the group's offset behind as many.
func (h *tapped) moved(t *testing.T, topic, group string, n int) {
	t.Helper()
	reader := h.client(h.token(role("reader")), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	for seen := 0; seen < n; {
		fetches := reader.PollFetches(h.ctx())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Value) != "new x" {
				t.Errorf("a record of %q", r.Value)
			}
			seen++
		})
	}
	offsets, err := kadm.NewClient(reader).FetchOffsets(h.ctx(), group)
	if err != nil {
		t.Fatal(err)
	}
	var at int64
	offsets.Offsets().Each(func(o kadm.Offset) { at += o.At })
	if at != int64(n) {
		t.Errorf("the group's offset is %d", at)
	}
}
