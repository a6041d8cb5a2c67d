package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// alice writes and reads orders and its groups; nothing else.
func alice() []iam.Binding {
	return []iam.Binding{
		binding("alice", "DeveloperWrite", iam.Topic, "orders*"),
		binding("alice", "DeveloperRead", iam.Topic, "orders*"),
		binding("alice", "DeveloperRead", iam.Group, "orders-*"),
		binding("alice", "DeveloperWrite", iam.TransactionalID, "orders-*"),
		binding("admin", "CloudClusterAdmin", 0, ""),
	}
}

func TestProduceAndConsume(t *testing.T) {
	h := build(t, alice())
	producer := h.client("alice")
	for i := range 20 {
		r := producer.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)})
		if err := r.FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	consumer := h.client("alice", kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("orders-1"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	got := map[string]bool{}
	for len(got) < 20 {
		fetches := consumer.PollFetches(h.ctx())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got[string(r.Value)] = true })
	}
	if err := consumer.CommitUncommittedOffsets(h.ctx()); err != nil {
		t.Fatal(err)
	}
	offsets, err := kadm.NewClient(producer).FetchOffsets(h.ctx(), "orders-1")
	if err != nil || len(offsets.Offsets()["orders"]) == 0 {
		t.Errorf("offsets %v, %v", offsets, err)
	}
	if r := producer.ProduceSync(h.ctx(), &kgo.Record{Topic: "secret"}); !errors.Is(r.FirstErr(), kerr.TopicAuthorizationFailed) {
		t.Errorf("producing to a forbidden topic: %v", r.FirstErr())
	}
}

func TestTransaction(t *testing.T) {
	h := build(t, alice())
	cl := h.client("alice", kgo.TransactionalID("orders-tx"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(h.ctx(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	other := h.client("alice", kgo.TransactionalID("secret-tx"))
	if err := other.BeginTransaction(); !errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		t.Errorf("a forbidden transactional id: %v", err)
	}
}

// clusterKeys asks what administrators of a cluster ask.
func clusterKeys(t *testing.T, h *house, adm *kadm.Client) {
	t.Helper()
	dirs, err := adm.DescribeAllLogDirs(h.ctx(), nil)
	if err != nil || len(dirs) != 2 || dirs[0].Error() != nil {
		t.Errorf("DescribeLogDirs: %v, %v", dirs, err)
	}
	if elected, err := adm.ElectLeaders(h.ctx(), kadm.ElectPreferredReplica, nil); err != nil || len(elected) != 3 {
		t.Errorf("ElectLeaders: %v, %v", elected, err)
	}
	var to kadm.AlterPartitionAssignmentsReq
	to.Assign("orders", 0, []int32{1})
	if altered, err := adm.AlterPartitionAssignments(h.ctx(), to); err != nil || len(altered) != 1 {
		t.Errorf("AlterPartitionReassignments: %v, %v", altered, err)
	}
	if _, err := adm.ListPartitionReassignments(h.ctx(), nil); err != nil {
		t.Errorf("ListPartitionReassignments: %v", err)
	}
	if _, err := adm.DescribeClientQuotas(h.ctx(), false, nil); err != nil {
		t.Errorf("DescribeClientQuotas: %v", err)
	}
	if _, err := adm.DescribeProducers(h.ctx(), kadm.TopicsSet{"orders": {0: {}}}); err != nil {
		t.Errorf("DescribeProducers: %v", err)
	}
	if _, err := adm.ListTransactions(h.ctx(), nil, nil); err != nil {
		t.Errorf("ListTransactions: %v", err)
	}
	q := kmsg.NewPtrListConfigResourcesRequest()
	q.Version = 1
	if r := h.loggedIn("admin", 0).ask(q).(*kmsg.ListConfigResourcesResponse); r.ErrorCode != 0 || len(r.ConfigResources) != 3+2+2 {
		t.Errorf("ListConfigResources: %+v", r)
	}
}

// TestNoAddressLeaks: no byte of where the brokers are reaches a client, and
// no port of theirs, whatever it asks.
func TestNoAddressLeaks(t *testing.T) {
	h := build(t, alice())
	cl := h.client("admin", kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("orders-g"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	adm := kadm.NewClient(cl)
	if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.PollFetches(h.ctx()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.Metadata(h.ctx()); err != nil {
		t.Error(err)
	}
	if _, err := adm.BrokerMetadata(h.ctx()); err != nil {
		t.Error(err)
	}
	groups, err := adm.DescribeGroups(h.ctx(), "orders-g")
	if err != nil || groups.Error() != nil || len(groups["orders-g"].Members) != 1 {
		t.Errorf("DescribeGroups: %v, %v", groups, err)
	}
	for id := range 2 {
		configs, err := adm.DescribeBrokerConfigs(h.ctx(), int32(id))
		if err != nil || len(configs) != 1 || configs[0].Err != nil || len(configs[0].Configs) == 0 {
			t.Errorf("DescribeBrokerConfigs: %v, %v", configs, err)
		}
	}
	if _, err := adm.DescribeBrokerConfigs(h.ctx(), 77); err == nil {
		t.Log("a broker that does not exist has configurations")
	}
	clusterKeys(t, h, adm)
	h.seen.mu.Lock()
	defer h.seen.mu.Unlock()
	all := h.seen.bytes.String()
	if len(all) < 1000 {
		t.Fatalf("only %d bytes were seen", len(all))
	}
	forbidden := []string{upstreamHost, "\x7f\x4d\x00\x09"}
	for _, port := range h.ports {
		forbidden = append(forbidden, string(binary.BigEndian.AppendUint32(nil, uint32(port))), fmt.Sprint(port))
	}
	for _, f := range forbidden {
		if strings.Contains(all, f) {
			t.Errorf("%q reached a client", f)
		}
	}
}
