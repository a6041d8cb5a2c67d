package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka/api"
)

// TestGroupsDescribed: who may describe a group but not its topics sees of a new
// one (KIP-848) that it is there, and nothing of it; members' hosts nobody sees.
func TestGroupsDescribed(t *testing.T) {
	h := build(t, append(alice(), binding("watcher", "DeveloperRead", iam.Group, "orders-*"), binding("half", "DeveloperRead", iam.Group, "orders-*"), binding("half", "DeveloperRead", iam.Topic, "orders")))
	member := kmsg.ConsumerGroupDescribeResponseGroupMember{MemberID: "m", ClientHost: upstreamHost, SubscribedTopics: []string{"orders"}}
	broker, classic := sees[*kmsg.ConsumerGroupDescribeRequest](h, 69), sees[*kmsg.DescribeGroupsRequest](h, 15)
	target := member
	target.SubscribedTopics, target.TargetAssignment.TopicPartitions = nil, []kmsg.AssignmentTopicPartition{{Topic: "orders.eu", Partitions: []int32{0}}}
	replies(h, func(r *kmsg.ConsumerGroupDescribeResponse) {
		r.Groups = []kmsg.ConsumerGroupDescribeResponseGroup{
			{Group: "orders-1", State: "Stable", Members: []kmsg.ConsumerGroupDescribeResponseGroupMember{member}},
			{Group: "orders-2", State: "Stable", Members: []kmsg.ConsumerGroupDescribeResponseGroupMember{member, target}},
		}
	})
	for version := int16(0); version <= rules[69].max; version++ {
		for token, want := range map[string][]int16{"watcher": {topicDenied, topicDenied, groupDenied}, "half": {0, topicDenied, groupDenied}, "alice": {0, 0, groupDenied}} {
			q := kmsg.NewPtrConsumerGroupDescribeRequest()
			q.Version, q.Groups, q.IncludeAuthorizedOperations = version, []string{"orders-1", "orders-2", "hidden"}, true
			var got []int16
			for _, g := range h.loggedIn(token, 0).ask(q).(*kmsg.ConsumerGroupDescribeResponse).Groups {
				got = append(got, g.ErrorCode)
				if (g.ErrorCode == 0) != (len(g.Members) > 0) {
					t.Errorf("%s, version %d: %+v", token, version, g)
				}
				for _, m := range g.Members {
					if m.ClientHost != api.HiddenHost {
						t.Errorf("%s, version %d: host %q", token, version, m.ClientHost)
					}
				}
				if want := int32(iam.SetOf(iam.Read, iam.Describe)); g.Group != "hidden" && g.AuthorizedOperations != want {
					t.Errorf("%s, version %d: operations %b, want %b", token, version, g.AuthorizedOperations, want)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, version %d: errors %v, want %v", token, version, got, want)
			}
		}
	}
	replies(h, func(r *kmsg.DescribeGroupsResponse) {
		r.Groups = []kmsg.DescribeGroupsResponseGroup{{Group: "orders-1", Members: []kmsg.DescribeGroupsResponseGroupMember{{MemberID: "m", ClientHost: upstreamHost}}}}
	})
	for version := int16(0); version <= rules[15].max; version++ {
		q := kmsg.NewPtrDescribeGroupsRequest()
		q.Version, q.Groups, q.IncludeAuthorizedOperations = version, []string{"hidden", "orders-1"}, true
		r := h.loggedIn("watcher", 0).ask(q).(*kmsg.DescribeGroupsResponse)
		if len(r.Groups) != 2 || r.Groups[0].Members[0].ClientHost != api.HiddenHost || r.Groups[1].ErrorCode != groupDenied ||
			version >= 3 && r.Groups[0].AuthorizedOperations != int32(iam.SetOf(iam.Read, iam.Describe)) {
			t.Errorf("version %d: %+v", version, r)
		}
	}
	for _, q := range broker.take(t) {
		if q.IncludeAuthorizedOperations || slices.Contains(q.Groups, "hidden") {
			t.Fatalf("the broker was asked for its own view: %+v", q)
		}
	}
	for _, q := range classic.take(t) {
		if q.IncludeAuthorizedOperations || slices.Contains(q.Groups, "hidden") {
			t.Fatalf("the broker was asked for its own view: %+v", q)
		}
	}
}

// TestListGroupsFilters: what a client filters by is the broker's to do, and what
// it may see is ours.
func TestListGroupsFilters(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.ListGroupsRequest](h, 16)
	replies(h, func(r *kmsg.ListGroupsResponse) {
		for _, name := range []string{"orders-1", "hidden", "__klamm_x"} {
			r.Groups = append(r.Groups, kmsg.ListGroupsResponseGroup{Group: name, GroupState: "Stable", GroupType: "classic"})
		}
	})
	for version := int16(0); version <= rules[16].max; version++ {
		for token, want := range map[string]int{"alice": 1, "nobody": 0, "admin": 2} {
			q := kmsg.NewPtrListGroupsRequest()
			q.Version, q.StatesFilter, q.TypesFilter = version, []string{"Stable"}, []string{"classic"}
			r := h.loggedIn(token, 0).ask(q).(*kmsg.ListGroupsResponse)
			if r.ErrorCode != 0 || len(r.Groups) != want || want > 0 && version >= 5 && r.Groups[0].GroupType != "classic" {
				t.Errorf("%s, version %d: %+v", token, version, r)
			}
			if saw := broker.take(t); len(saw) != 1 || version >= 4 && len(saw[0].StatesFilter) != 1 || version >= 5 && len(saw[0].TypesFilter) != 1 {
				t.Errorf("%s, version %d: the broker saw %+v", token, version, saw)
			}
		}
	}
}

// TestOffsetsTrimmedToNothing: a group of which no topic is left is not asked
// about, for an empty list could mean all.
func TestOffsetsTrimmedToNothing(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	broker := sees[*kmsg.OffsetFetchRequest](h, 9)
	for version := int16(1); version <= 9; version++ {
		q := kmsg.NewPtrOffsetFetchRequest()
		q.Version, q.Group, q.Topics = version, "orders-1", []kmsg.OffsetFetchRequestTopic{{Topic: "secret", Partitions: []int32{0}}}
		for _, name := range []string{"orders-1", "orders-2"} {
			g := kmsg.NewOffsetFetchRequestGroup()
			g.Group, g.Topics = name, []kmsg.OffsetFetchRequestGroupTopic{{Topic: "secret", Partitions: []int32{0}}}
			q.Groups = append(q.Groups, g)
		}
		if r := b.ask(q).(*kmsg.OffsetFetchResponse); !api.HasCode(r, denied) || version >= 8 && len(r.Groups) != 2 || version < 8 && len(r.Topics) != 1 {
			t.Errorf("version %d: %+v", version, r)
		}
		if saw := broker.take(t); len(saw) != 0 {
			t.Errorf("version %d: the broker saw %+v", version, saw)
		}
		if q.Groups[1].Topics[0].Topic = "orders"; version >= 8 {
			b.ask(q)
			if saw := broker.take(t); len(saw) != 1 || len(saw[0].Groups) != 1 || saw[0].Groups[0].Group != "orders-2" {
				t.Errorf("version %d: the broker saw %+v", version, saw)
			}
		}
	}
}

// TestCommitsPartlyRefused: offsets of what may be read are committed, in and
// outside of a transaction, by name and by id; the rest has its error.
func TestCommitsPartlyRefused(t *testing.T) {
	h := build(t, alice())
	_, id := h.leader("orders")
	_, secretID := h.leader("secret")
	b := h.loggedIn("alice", 0)
	plain, within := sees[*kmsg.OffsetCommitRequest](h, 8), sees[*kmsg.TxnOffsetCommitRequest](h, keyTxnOffsetCommit)
	replies(h, func(r *kmsg.OffsetCommitResponse) {
		r.Topics = []kmsg.OffsetCommitResponseTopic{{Topic: "orders", TopicID: id, Partitions: make([]kmsg.OffsetCommitResponseTopicPartition, 1)}}
	})
	replies(h, func(r *kmsg.TxnOffsetCommitResponse) {
		r.Topics = []kmsg.TxnOffsetCommitResponseTopic{{Topic: "orders", Partitions: make([]kmsg.TxnOffsetCommitResponseTopicPartition, 1)}}
	})
	for version := int16(0); version <= rules[8].max; version++ {
		q := kmsg.NewPtrOffsetCommitRequest()
		q.Version, q.Group = version, "orders-1"
		q.Topics = []kmsg.OffsetCommitRequestTopic{
			{Topic: "secret", TopicID: secretID, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 4}}},
			{Topic: "orders", TopicID: id, Partitions: make([]kmsg.OffsetCommitRequestTopicPartition, 1)},
			{Topic: "none", TopicID: [16]byte{9}, Partitions: make([]kmsg.OffsetCommitRequestTopicPartition, 1)},
		}
		codes := map[string]int16{}
		for _, topic := range b.ask(q).(*kmsg.OffsetCommitResponse).Topics {
			name := topic.Topic
			if version >= 10 {
				name = map[[16]byte]string{id: "orders", secretID: "secret", {9}: "none"}[topic.TopicID]
			}
			codes[name] = topic.Partitions[0].ErrorCode
			if name == "secret" && topic.Partitions[0].Partition != 4 {
				t.Errorf("version %d: %+v", version, topic)
			}
		}
		none := topicDenied
		if version >= 10 {
			none = unknownTopicID
		}
		if len(codes) != 3 || codes["orders"] != 0 || codes["secret"] != topicDenied || codes["none"] != none {
			t.Errorf("version %d: %v", version, codes)
		}
		if saw := plain.take(t); len(saw) != 1 || len(saw[0].Topics) != 1 {
			t.Errorf("version %d: the broker saw %+v", version, saw)
		}
	}
	for version := int16(0); version <= rules[keyTxnOffsetCommit].max; version++ {
		for tx, want := range map[string]map[string]int16{
			"orders-tx": {"orders": 0, "secret": topicDenied},
			"secret-tx": {"orders": transactionalIDDenied, "secret": transactionalIDDenied},
		} {
			q := kmsg.NewPtrTxnOffsetCommitRequest()
			q.Version, q.Group, q.TransactionalID = version, "orders-1", tx
			q.Topics = []kmsg.TxnOffsetCommitRequestTopic{
				{Topic: "secret", Partitions: make([]kmsg.TxnOffsetCommitRequestTopicPartition, 1)},
				{Topic: "orders", Partitions: make([]kmsg.TxnOffsetCommitRequestTopicPartition, 1)},
			}
			for _, topic := range b.ask(q).(*kmsg.TxnOffsetCommitResponse).Topics {
				if code := topic.Partitions[0].ErrorCode; code != want[topic.Topic] {
					t.Errorf("%s, version %d: %+v", tx, version, topic)
				}
			}
			if saw := within.take(t); len(saw) != map[string]int{"orders-tx": 1}[tx] || len(saw) == 1 && len(saw[0].Topics) != 1 {
				t.Errorf("%s, version %d: the broker saw %+v", tx, version, saw)
			}
		}
	}
}

// TestTransactionsOnTheWire: of the second version no AddPartitionsToTxn is sent,
// since Produce 12 adds what it writes to (KIP-890); with an older broker it is.
func TestTransactionsOnTheWire(t *testing.T) {
	for name, tt := range map[string]struct {
		opts   []kfake.Opt
		second bool
	}{"second": {nil, true}, "first": {[]kfake.Opt{kfake.MaxVersions(kversion.V3_8_0())}, false}} {
		t.Run(name, func(t *testing.T) {
			h := build(t, alice(), tt.opts...)
			added, written := sees[*kmsg.AddPartitionsToTxnRequest](h, 24), sees[*kmsg.ProduceRequest](h, keyProduce)
			cl := h.client("alice", kgo.TransactionalID("orders-tx"))
			for range 3 {
				if err := cl.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if err := cl.EndTransaction(h.ctx(), kgo.TryCommit); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(added.take(t)); (n == 0) != tt.second {
				t.Errorf("%d AddPartitionsToTxn", n)
			}
			for _, q := range written.take(t) {
				if (q.Version >= 12) != tt.second {
					t.Errorf("Produce %d", q.Version)
				}
			}
		})
	}
}

// TestPrincipalsInOneGroup: two of them share its work, and a third who may join
// but not read the topic is told so and takes nothing from them.
func TestPrincipalsInOneGroup(t *testing.T) {
	h := build(t, append(alice(),
		binding("bob", "DeveloperRead", iam.Topic, "orders"), binding("bob", "DeveloperRead", iam.Group, "orders-1"),
		binding("carol", "DeveloperRead", iam.Group, "orders-1")))
	ctx := h.ctx()
	carol := h.client("carol", kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("orders-1"))
	if err := carol.PollFetches(ctx).Err(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("carol: %v", err)
	}
	carol.Close()

	// A member assigns who has one partition of the two, once both are there.
	alone := make(chan string, 100)
	for _, token := range []string{"alice", "bob"} {
		member := h.client(token, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("orders-1"), kgo.Balancers(kgo.RangeBalancer()),
			kgo.HeartbeatInterval(50*time.Millisecond), kgo.FetchMaxWait(50*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
				if len(got["orders"]) == 1 {
					alone <- token
				}
			}))
		go func() { // joining goes on while polling
			for ctx.Err() == nil && !member.PollFetches(ctx).IsClientClosed() {
			}
		}()
	}
	for got := map[string]bool{}; len(got) < 2; {
		select {
		case token := <-alone:
			got[token] = true
		case <-ctx.Done():
			t.Fatalf("only %v have a partition of their own", got)
		}
	}
}

// TestEverythingAtOnce: producers, consumers and listings on their connections
// while bindings come and go. What Plan and Edit share shows under -race.
func TestEverythingAtOnce(t *testing.T) {
	h := build(t, alice())
	ctx, stop := context.WithCancel(h.ctx())
	defer stop()
	var work sync.WaitGroup
	events := make(chan string)
	did := func(what string) {
		select {
		case events <- what:
		case <-ctx.Done():
		}
	}
	for i := range 3 {
		cl := h.client("alice", kgo.ConsumeTopics("orders", "orders.eu"), kgo.ConsumerGroup(fmt.Sprint("orders-", i)), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.MaxConcurrentFetches(4), kgo.FetchMaxWait(10*time.Millisecond), kgo.ProducerLinger(0), kgo.RecordRetries(100))
		adm := kadm.NewClient(cl)
		work.Go(func() {
			for ctx.Err() == nil {
				cl.PollFetches(ctx).EachRecord(func(*kgo.Record) { did("consumed") })
			}
		})
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				topic := []string{"orders", "orders.eu", "secret"}[n%3]
				if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err == nil && topic == "secret" {
					t.Error("a record for secret was taken")
				} else if err == nil {
					did("produced")
				}
			}
		})
		work.Go(func() {
			for ctx.Err() == nil {
				topics, err := adm.ListTopics(ctx)
				if err == nil && topics.Has("secret") {
					t.Error("secret is listed")
				}
				if err == nil {
					did("listed")
				}
			}
		})
	}
	eu := append(alice(), binding("alice", "DeveloperRead", iam.Topic, "other"))
	done := map[string]int{}
	for n := 0; done["consumed"] < 100 || done["produced"] < 100 || done["listed"] < 20; n++ {
		if n%10 == 0 {
			h.people.bind(t, [][]iam.Binding{alice(), eu}[n/10%2]...)
		}
		select {
		case what := <-events:
			done[what]++
		case <-ctx.Done():
			t.Fatalf("not enough was done: %v", done)
		}
	}
	stop()
	work.Wait()
}
