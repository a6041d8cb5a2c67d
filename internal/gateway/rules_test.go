package gateway

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/relay"
)

// TestPartlyRefused: what is allowed of a request succeeds, and what is not
// has its error in the right place.
func TestPartlyRefused(t *testing.T) {
	h := build(t, alice())
	node, id := h.leader("orders")
	_, secretID := h.leader("secret")
	b := h.loggedIn("alice", node)
	records := recordBatch(t, h)

	for _, version := range []int16{9, 12, 13} {
		q := produceOf(version, "secret", "orders")
		q.Topics[0].TopicID, q.Topics[1].TopicID = secretID, id
		q.Topics[0].Partitions[0].Records, q.Topics[1].Partitions[0].Records = records, records
		r := b.ask(q).(*kmsg.ProduceResponse)
		for _, topic := range r.Topics {
			allowed := topic.Topic == "orders" || topic.TopicID == id
			if p := topic.Partitions[0]; (p.ErrorCode == 0) != allowed || !allowed && p.ErrorCode != topicDenied {
				t.Errorf("Produce %d: %+v", version, topic)
			}
			if !allowed && (topic.Partitions[0].ErrorMessage == nil || !strings.Contains(*topic.Partitions[0].ErrorMessage, "ref=")) {
				t.Errorf("Produce %d: no reference", version)
			}
		}
		if len(r.Topics) != 2 {
			t.Errorf("Produce %d: %d topics", version, len(r.Topics))
		}
	}
	for _, version := range []int16{4, 7, 12, 13, 15} {
		q := fetchOf(version, "secret", "orders")
		q.Topics[0].TopicID, q.Topics[1].TopicID = secretID, id
		q.Topics[0].Partitions = append(q.Topics[0].Partitions, q.Topics[0].Partitions[0])
		q.Topics[0].Partitions[1].Partition = 1
		r := b.ask(q).(*kmsg.FetchResponse)
		if len(r.Topics) != 2 || r.SessionID != 0 || r.ErrorCode != 0 {
			t.Errorf("Fetch %d: %+v", version, r)
		}
		for _, topic := range r.Topics {
			if topic.Topic == "orders" || topic.TopicID == id {
				if p := topic.Partitions[0]; p.ErrorCode != 0 || len(p.RecordBatches) == 0 {
					t.Errorf("Fetch %d: %+v", version, p)
				}
				continue
			}
			for i, p := range topic.Partitions {
				if p.ErrorCode != topicDenied || p.Partition != int32(i) || len(p.RecordBatches) != 0 || p.HighWatermark != -1 {
					t.Errorf("Fetch %d: %+v", version, p)
				}
			}
			if len(topic.Partitions) != 2 {
				t.Errorf("Fetch %d: %d refused partitions", version, len(topic.Partitions))
			}
		}
	}
}

// recordBatch is a batch of one record, as a client writes it.
func recordBatch(t *testing.T, h *house) []byte {
	t.Helper()
	h.produceOne(t)
	node, _ := h.leader("orders")
	b := h.loggedIn("admin", node).ask(fetchOf(12, "orders")).(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches
	if len(b) == 0 {
		t.Fatal("no batch")
	}
	return b
}

// produceOne writes one record to partition 0 of orders.
func (h *house) produceOne(t *testing.T) {
	t.Helper()
	cl := h.client("admin", kgo.DisableIdempotentWrite(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestMetadata(t *testing.T) {
	h := build(t, alice())
	for version := int16(0); version <= 13; version++ {
		b := h.loggedIn("alice", relay.Bootstrap)
		all := kmsg.NewPtrMetadataRequest()
		all.Version = version
		if version == 0 {
			all.Topics = []kmsg.MetadataRequestTopic{}
		}
		r := b.ask(all).(*kmsg.MetadataResponse)
		var names []string
		for _, topic := range r.Topics {
			names = append(names, *topic.Topic)
		}
		if slices.Sort(names); !slices.Equal(names, []string{"orders", "orders.eu"}) {
			t.Errorf("version %d lists %q", version, names)
		}
		if version >= 2 && (r.ClusterID == nil || *r.ClusterID != lkc) || len(r.Brokers) != 2 {
			t.Errorf("version %d: cluster %v, %d brokers", version, r.ClusterID, len(r.Brokers))
		}
		named := kmsg.NewPtrMetadataRequest()
		named.Version = version
		named.IncludeTopicAuthorizedOperations = version >= 8
		for _, name := range []string{"orders", "secret", "no-such-secret"} {
			named.Topics = append(named.Topics, kmsg.MetadataRequestTopic{Topic: &name})
		}
		r = b.ask(named).(*kmsg.MetadataResponse)
		if len(r.Topics) != 3 {
			t.Fatalf("version %d: %+v", version, r.Topics)
		}
		for _, topic := range r.Topics {
			allowed := *topic.Topic == "orders"
			if allowed != (topic.ErrorCode == 0) || !allowed && (topic.ErrorCode != topicDenied || len(topic.Partitions) != 0 || topic.TopicID != [16]byte{}) {
				t.Errorf("version %d: %+v", version, topic)
			}
			want := int32(notAsked)
			if version >= 8 && allowed {
				want = int32(iam.SetOf(iam.Read, iam.Write, iam.Describe))
			}
			if topic.AuthorizedOperations != want {
				t.Errorf("version %d: operations %b on %s, want %b", version, topic.AuthorizedOperations, *topic.Topic, want)
			}
		}
		if version > 0 {
			none := kmsg.NewPtrMetadataRequest()
			none.Version, none.Topics = version, []kmsg.MetadataRequestTopic{}
			if r := b.ask(none).(*kmsg.MetadataResponse); len(r.Topics) != 0 || len(r.Brokers) != 2 {
				t.Errorf("version %d, no topics: %+v", version, r)
			}
		}
	}
}

// TestAutoCreation: only who may create a topic makes one by asking for it.
func TestAutoCreation(t *testing.T) {
	bindings := append(alice(), binding("maker", "ResourceOwner", iam.Topic, "made-*"), binding("maker", "DeveloperRead", iam.Topic, "*"))
	h := build(t, bindings)
	ask := func(token string, version int16, name string) int16 {
		q := kmsg.NewPtrMetadataRequest()
		q.Version, q.AllowAutoTopicCreation = version, true
		q.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
		return h.loggedIn(token, relay.Bootstrap).ask(q).(*kmsg.MetadataResponse).Topics[0].ErrorCode
	}
	for _, version := range []int16{0, 3, 4, 12} {
		if code := ask("alice", version, "orders-new"); code != unknownTopic {
			t.Errorf("version %d: error %d", version, code)
		}
		if code := ask("maker", version, "other"); code != unknownTopic {
			t.Errorf("version %d: error %d", version, code)
		}
		if code := ask("nobody", version, "made-x"); code != topicDenied {
			t.Errorf("version %d: error %d", version, code)
		}
	}
	if code := ask("maker", 12, "made-1"); code != 0 {
		t.Errorf("error %d", code)
	}
	if code := ask("maker", 1, "made-2"); code != 0 {
		t.Errorf("error %d", code)
	}
}

func TestOffsets(t *testing.T) {
	h := build(t, append(alice(), binding("alice", "DeveloperRead", iam.Group, "others"), binding("narrow", "DeveloperRead", iam.Group, "*"), binding("narrow", "DeveloperRead", iam.Topic, "orders.eu")), kfake.NumBrokers(1))
	adm := kadm.NewClient(h.client("admin"))
	offsets := kadm.Offsets{}
	for _, topic := range []string{"orders", "orders.eu", "secret"} {
		offsets.AddOffset(topic, 0, 5, -1)
	}
	for _, g := range []string{"orders-1", "others"} {
		if err := adm.CommitAllOffsets(h.ctx(), g, offsets); err != nil {
			t.Fatal(err)
		}
	}
	for version := int16(1); version <= 10; version++ {
		for _, all := range []bool{true, false} {
			if all && version < 2 {
				continue
			}
			codes := h.fetchOffsets(t, "alice", version, all, "orders-1", "others", "hidden")
			want := map[string]int16{"orders-1/orders": 0, "orders-1/orders.eu": 0}
			if version >= 8 {
				want["others/orders"], want["others/orders.eu"], want["hidden"] = 0, 0, groupDenied
			}
			if !all {
				want["orders-1/secret"] = topicDenied
				if version >= 8 {
					want["others/secret"] = topicDenied
				}
			}
			for name, code := range want {
				if got, ok := codes[name]; !ok || got != code {
					t.Errorf("version %d, all %v: %s is %d (%v), want %d", version, all, name, got, ok, code)
				}
			}
			if len(codes) != len(want) {
				t.Errorf("version %d, all %v: %v, want %v", version, all, codes, want)
			}
		}
	}
	// All topics of a group refused: the broker must not be asked for all.
	if codes := h.fetchOffsets(t, "alice", 8, false, "others"); codes["others/secret"] != topicDenied {
		t.Errorf("%v", codes)
	}
	if codes := h.fetchOffsets(t, "narrow", 9, true, "others"); len(codes) != 1 || codes["others/orders.eu"] != 0 {
		t.Errorf("%v", codes)
	}
}

// fetchOffsets asks for the offsets of groups (the first, before version 8) and
// returns the errors by group/topic, or by group.
func (h *house) fetchOffsets(t *testing.T, token string, version int16, all bool, groups ...string) map[string]int16 {
	t.Helper()
	names, ids := map[[16]byte]string{}, map[string][16]byte{}
	for _, name := range []string{"orders", "orders.eu", "secret"} {
		_, id := h.leader(name)
		names[id], ids[name] = name, id
	}
	q := kmsg.NewPtrOffsetFetchRequest()
	q.Version, q.Group = version, groups[0]
	for _, g := range groups {
		group := kmsg.NewOffsetFetchRequestGroup()
		group.Group = g
		for _, name := range []string{"orders", "orders.eu", "secret"} {
			if !all {
				group.Topics = append(group.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: name, TopicID: ids[name], Partitions: []int32{0}})
			}
		}
		q.Groups = append(q.Groups, group)
	}
	for _, topic := range q.Groups[0].Topics {
		q.Topics = append(q.Topics, kmsg.OffsetFetchRequestTopic{Topic: topic.Topic, Partitions: topic.Partitions})
	}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey = groups[0]
	node := h.loggedIn(token, relay.Bootstrap).ask(find).(*kmsg.FindCoordinatorResponse).NodeID
	r := h.loggedIn(token, node).ask(q).(*kmsg.OffsetFetchResponse)
	codes := map[string]int16{}
	for _, topic := range r.Topics {
		codes[groups[0]+"/"+topic.Topic] = topic.Partitions[0].ErrorCode
	}
	for _, g := range r.Groups {
		if g.ErrorCode == 16 { // another broker coordinates it
			t.Fatalf("group %s is coordinated elsewhere", g.Group)
		}
		if g.ErrorCode != 0 {
			codes[g.Group] = g.ErrorCode
		}
		for _, topic := range g.Topics {
			name := topic.Topic
			if version >= 10 {
				name = names[topic.TopicID]
			}
			codes[g.Group+"/"+name] = topic.Partitions[0].ErrorCode
		}
	}
	return codes
}

// TestAddPartitionsToTxn: one refused topic refuses all.
func TestAddPartitionsToTxn(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	for version := int16(0); version <= 3; version++ {
		q := &kmsg.AddPartitionsToTxnRequest{Version: version, TransactionalID: "orders-tx", Topics: []kmsg.AddPartitionsToTxnRequestTopic{
			{Topic: "orders", Partitions: []int32{0, 1}}, {Topic: "secret", Partitions: []int32{2}},
		}}
		p, err := s.Plan(h.ctx(), frame(t, q))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]int16{}
		for _, topic := range answer(t, q, p).(*kmsg.AddPartitionsToTxnResponse).Topics {
			for _, part := range topic.Partitions {
				got[topic.Topic] = append(got[topic.Topic], part.ErrorCode)
			}
		}
		if !slices.Equal(got["orders"], []int16{notAttempted, notAttempted}) || !slices.Equal(got["secret"], []int16{topicDenied}) {
			t.Errorf("version %d: %v", version, got)
		}
	}
}

// TestDefaultProducer: a role for one topic is enough for a producer that is
// idempotent by default, and no role is not.
func TestDefaultProducer(t *testing.T) {
	h := build(t, append(alice(), binding("owner", "ResourceOwner", iam.Topic, "orders")))
	if err := h.client("owner").ProduceSync(h.ctx(), &kgo.Record{Topic: "orders"}).FirstErr(); err != nil {
		t.Error(err)
	}
	s := h.session("nobody")
	q := kmsg.NewPtrInitProducerIDRequest()
	q.Version = 4
	p, err := s.Plan(h.ctx(), frame(t, q))
	if err != nil {
		t.Fatal(err)
	}
	if r := answer(t, q, p).(*kmsg.InitProducerIDResponse); r.ErrorCode != clusterDenied || r.ProducerID != -1 {
		t.Errorf("%+v", r)
	}
}

func TestAdministration(t *testing.T) {
	h := build(t, append(alice(), binding("maker", "DeveloperManage", iam.Topic, "made-*"), binding("maker", "DeveloperManage", iam.Group, "orders-*")))
	maker, admin := kadm.NewClient(h.client("maker")), kadm.NewClient(h.client("admin"))

	created, err := maker.CreateTopics(h.ctx(), 1, 1, nil, "made-1", "orders-x")
	if err != nil || created["made-1"].Err != nil || !errors.Is(created["orders-x"].Err, kerr.TopicAuthorizationFailed) || !strings.Contains(created["orders-x"].ErrMessage, "ref=") {
		t.Errorf("CreateTopics: %+v, %v", created, err)
	}
	if described, err := maker.DescribeTopicConfigs(h.ctx(), "made-1"); err != nil || described[0].Err != nil || len(described[0].Configs) == 0 {
		t.Errorf("DescribeConfigs: %+v, %v", described, err)
	}
	if _, err := maker.DescribeTopicConfigs(h.ctx(), "orders"); err == nil {
		t.Error("DescribeConfigs of a topic of somebody else")
	}
	value := "60000"
	altered, err := admin.AlterTopicConfigs(h.ctx(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, "made-1")
	if err != nil || altered[0].Err != nil {
		t.Errorf("AlterConfigs: %+v, %v", altered, err)
	}
	altered, err = admin.AlterBrokerConfigs(h.ctx(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "log.retention.ms", Value: &value}}, 0)
	if err != nil || !errors.Is(altered[0].Err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("AlterConfigs of a broker: %+v, %v", altered, err)
	}
	parts, err := maker.UpdatePartitions(h.ctx(), 3, "made-1")
	if err != nil || !errors.Is(parts["made-1"].Err, kerr.TopicAuthorizationFailed) {
		t.Errorf("CreatePartitions without Alter: %+v, %v", parts, err)
	}
	parts, err = admin.UpdatePartitions(h.ctx(), 3, "made-1")
	if err != nil || parts["made-1"].Err != nil {
		t.Errorf("CreatePartitions: %+v, %v", parts, err)
	}
	deleted, err := maker.DeleteTopics(h.ctx(), "made-1", "orders")
	if err != nil || deleted["made-1"].Err != nil || !errors.Is(deleted["orders"].Err, kerr.TopicAuthorizationFailed) {
		t.Errorf("DeleteTopics: %+v, %v", deleted, err)
	}
}

func TestGroups(t *testing.T) {
	h := build(t, append(alice(), binding("reader", "DeveloperRead", iam.Group, "orders-*")))
	admin := kadm.NewClient(h.client("admin"))
	for _, g := range []string{"orders-1", "hidden", "__klamm-g"} {
		offsets := kadm.Offsets{}
		offsets.AddOffset("orders", 0, 1, -1)
		_ = admin.CommitAllOffsets(h.ctx(), g, offsets)
	}
	reader := kadm.NewClient(h.client("reader"))
	for who, c := range map[*kadm.Client]struct {
		name string
		want []string
	}{admin: {"admin", []string{"hidden", "orders-1"}}, reader: {"reader", []string{"orders-1"}}} {
		listed, err := who.ListGroups(h.ctx())
		if err != nil || !slices.Equal(listed.Groups(), c.want) {
			t.Errorf("%s lists %v, %v", c.name, listed.Groups(), err)
		}
	}
	described, err := reader.DescribeGroups(h.ctx(), "orders-1", "hidden")
	if err == nil || described["orders-1"].Err != nil {
		t.Errorf("%v, %v", described, err)
	}
	r, err := reader.DeleteGroups(h.ctx(), "orders-1")
	if err == nil && r["orders-1"].Err == nil {
		t.Error("a group was deleted without Delete")
	}
	if r, err := admin.DeleteGroups(h.ctx(), "orders-1"); err != nil || r["orders-1"].Err != nil {
		t.Errorf("%v, %v", r, err)
	}
}

func TestDescribeCluster(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.DescribeClusterRequest](h, 60)
	for version := int16(0); version <= 2; version++ {
		q := kmsg.NewPtrDescribeClusterRequest()
		q.Version, q.IncludeClusterAuthorizedOperations = version, true
		for token, want := range map[string]int32{"alice": 0, "admin": int32(iam.SetOf(clusterOperations...))} {
			r := h.loggedIn(token, 0).ask(q).(*kmsg.DescribeClusterResponse)
			if r.ErrorCode != 0 || r.ClusterID != lkc || len(r.Brokers) != 2 || r.ClusterAuthorizedOperations != want {
				t.Errorf("%s, version %d: %+v", token, version, r)
			}
		}
		q.EndpointType = 2
		if r := h.loggedIn("admin", 0).ask(q).(*kmsg.DescribeClusterResponse); version > 0 && r.ErrorCode != unsupportedEndpoint {
			t.Errorf("controllers: %+v", r)
		}
	}
	for _, q := range broker.take(t) {
		if q.IncludeClusterAuthorizedOperations {
			t.Fatalf("the broker was asked for its own view: %+v", q)
		}
	}
}

func TestDescribeTopicPartitions(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	q := kmsg.NewPtrDescribeTopicPartitionsRequest()
	q.ResponsePartitionLimit = 1
	var names []string
	for range 10 { // page by page
		r := b.ask(q).(*kmsg.DescribeTopicPartitionsResponse)
		for _, topic := range r.Topics {
			names = append(names, *topic.Topic)
		}
		if r.NextCursor == nil {
			break
		}
		q.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: r.NextCursor.Topic, Partition: r.NextCursor.Partition}
	}
	if names = slices.Compact(names); !slices.Equal(names, []string{"orders", "orders.eu"}) {
		t.Errorf("%q", names)
	}
	q.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "secret"}
	q.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "secret"}}
	if r := b.ask(q).(*kmsg.DescribeTopicPartitionsResponse); len(r.Topics) != 1 || r.Topics[0].ErrorCode != topicDenied {
		t.Errorf("%+v", r)
	}
	q.Cursor = nil
	q.Topics = append(q.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: "orders"})
	q.ResponsePartitionLimit = 100
	if r := b.ask(q).(*kmsg.DescribeTopicPartitionsResponse); len(r.Topics) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestFindCoordinator(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	for version := int16(0); version <= 6; version++ {
		for kind := int8(0); kind <= 2; kind++ {
			if version == 0 && kind > 0 {
				continue
			}
			q := kmsg.NewPtrFindCoordinatorRequest()
			q.Version, q.CoordinatorType, q.CoordinatorKey, q.CoordinatorKeys = version, kind, "hidden", []string{"orders-1", "hidden"}
			r := b.ask(q).(*kmsg.FindCoordinatorResponse)
			want := []int16{groupDenied, transactionalIDDenied, invalidRequest}[kind]
			if version < 4 {
				if r.ErrorCode != want || r.NodeID != -1 || r.Host != "" || r.Port != -1 {
					t.Errorf("version %d, type %d: %+v", version, kind, r)
				}
				continue
			}
			for _, c := range r.Coordinators {
				if c.Key == "orders-1" && kind < 2 {
					if c.ErrorCode != 0 || c.Host != "127.0.0.1" {
						t.Errorf("version %d, type %d: %+v", version, kind, c)
					}
				} else if c.ErrorCode != want || c.NodeID != -1 || c.Host != "" || c.Port != -1 {
					t.Errorf("version %d, type %d: %+v", version, kind, c)
				}
			}
			if len(r.Coordinators) != 2 {
				t.Errorf("version %d, type %d: %+v", version, kind, r)
			}
		}
	}
}

// TestChangeOfRules: a binding that is taken away takes effect at the next
// request of an open connection, and one that is given too.
func TestChangeOfRules(t *testing.T) {
	h := build(t, alice())
	node, _ := h.leader("orders")
	b := h.loggedIn("alice", node)
	code := func() int16 {
		return b.ask(fetchOf(12, "orders")).(*kmsg.FetchResponse).Topics[0].Partitions[0].ErrorCode
	}
	if c := code(); c != 0 {
		t.Errorf("error %d", c)
	}
	h.people.bind(t)
	if c := code(); c != topicDenied {
		t.Errorf("after the revocation: error %d", c)
	}
	h.people.bind(t, alice()...)
	if c := code(); c != 0 {
		t.Errorf("after the grant: error %d", c)
	}
}

// TestNewProtocolGroup consumes in a KIP-848 group.
func TestNewProtocolGroup(t *testing.T) {
	h := build(t, alice())
	h.produceOne(t)
	cl := h.client("alice", kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("orders-848"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.ServerSideBalancer(), kgo.FetchMaxWait(100*time.Millisecond))
	if f := cl.PollFetches(h.ctx()); f.Err() != nil || f.NumRecords() != 1 {
		t.Errorf("%d records, %v", f.NumRecords(), f.Err())
	}
}
