package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// listings are the requests that show what was not named, with the versions that
// can ask for all.
var listings = []struct {
	key, first int16
	all        func(version int16) kmsg.Request
}{
	{key: 3, all: func(version int16) kmsg.Request {
		return requested(metadataOf(), version, func(*kmsg.MetadataRequest) {})
	}},
	{key: 9, first: 2, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrOffsetFetchRequest(), version, func(q *kmsg.OffsetFetchRequest) {
			q.Group = "orders-all"
			g := kmsg.NewOffsetFetchRequestGroup()
			g.Group = q.Group
			q.Groups = []kmsg.OffsetFetchRequestGroup{g}
		})
	}},
	{key: 16, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrListGroupsRequest(), version, func(*kmsg.ListGroupsRequest) {})
	}},
	{key: 35, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrDescribeLogDirsRequest(), version, func(*kmsg.DescribeLogDirsRequest) {})
	}},
	{key: 43, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrElectLeadersRequest(), version, func(q *kmsg.ElectLeadersRequest) { q.TimeoutMillis = 1000 })
	}},
	{key: 46, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrListPartitionReassignmentsRequest(), version, func(*kmsg.ListPartitionReassignmentsRequest) {})
	}},
	{key: 65, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrDescribeTransactionsRequest(), version, func(q *kmsg.DescribeTransactionsRequest) { q.TransactionalIDs = []string{"orders-all"} })
	}},
	{key: 66, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrListTransactionsRequest(), version, func(*kmsg.ListTransactionsRequest) {})
	}},
	{key: 74, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrListConfigResourcesRequest(), version, func(*kmsg.ListConfigResourcesRequest) {})
	}},
	{key: 75, all: func(version int16) kmsg.Request {
		return requested(kmsg.NewPtrDescribeTopicPartitionsRequest(), version, func(q *kmsg.DescribeTopicPartitionsRequest) { q.ResponsePartitionLimit = 100 })
	}},
}

// TestWireReserved_Lists: no list, offset, transaction or configuration tells of
// klamm's own names, nor of what may not be described; of the rest there is
// something to see.
func TestWireReserved_Lists(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	h.makeHidden()
	commit := commitOf(9, "orders-all", "orders.eu", "secret", "__klamm_state")
	if r := behind[*kmsg.OffsetCommitResponse](h.house, commit); r.Topics[2].Partitions[0].ErrorCode != 0 {
		t.Fatalf("%+v", r)
	}
	id := "orders-all"
	p := behind[*kmsg.InitProducerIDResponse](h.house, initProducer(5, &id))
	add := addPartitions(3, id, "orders.eu", "secret", "__klamm_state")
	add.ProducerID, add.ProducerEpoch = p.ProducerID, p.ProducerEpoch
	behind[*kmsg.AddPartitionsToTxnResponse](h.house, add)
	if state := h.inside(id); len(state) != 4 {
		t.Fatalf("the transaction is %q", state)
	}
	for who, rows := range map[string]struct{ never, shows []string }{
		"admin": {[]string{"__klamm"}, []string{"orders.eu", "secret", "payroll-a", "orders-all"}},
		"owner": {[]string{"__klamm", "secret", "payroll"}, []string{"orders.eu", "orders-all"}},
		"idle":  {[]string{"__klamm", "secret", "payroll", "orders.eu"}, nil},
	} {
		var heard strings.Builder
		for _, l := range listings {
			for version := max(spans[l.key][0], l.first); version <= spans[l.key][1]; version++ {
				raw := h.client0(who).raw(t, l.all(version))
				heard.WriteString(raw)
				for _, name := range rows.never {
					if strings.Contains(raw, name) {
						t.Errorf("%s, %s %d tells of %s: %q", who, kmsg.NameForKey(l.key), version, name, raw)
					}
				}
			}
		}
		for _, name := range rows.shows {
			if !strings.Contains(heard.String(), name) {
				t.Errorf("%s sees nothing of %s", who, name)
			}
		}
	}
}

// TestWireReserved_Administrators: requests that need a right on the cluster only
// tell nothing of klamm's own topics when these are named.
func TestWireReserved_Administrators(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	w := h.client0("admin")
	for key, about := range map[int16]func(version int16, name string) kmsg.Request{
		35: func(version int16, name string) kmsg.Request {
			return requested(kmsg.NewPtrDescribeLogDirsRequest(), version, func(q *kmsg.DescribeLogDirsRequest) {
				q.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: name, Partitions: []int32{0}}}
			})
		},
		43: func(version int16, name string) kmsg.Request {
			return requested(kmsg.NewPtrElectLeadersRequest(), version, func(q *kmsg.ElectLeadersRequest) {
				q.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: name, Partitions: []int32{0}}}
			})
		},
		45: func(version int16, name string) kmsg.Request {
			return requested(kmsg.NewPtrAlterPartitionAssignmentsRequest(), version, func(q *kmsg.AlterPartitionAssignmentsRequest) {
				q.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: name, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: []int32{0}}}}}
			})
		},
		46: func(version int16, name string) kmsg.Request {
			return requested(kmsg.NewPtrListPartitionReassignmentsRequest(), version, func(q *kmsg.ListPartitionReassignmentsRequest) {
				q.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: name, Partitions: []int32{0}}}
			})
		},
	} {
		for version := spans[key][0]; version <= spans[key][1]; version++ {
			what := fmt.Sprintf("%s %d", kmsg.NameForKey(key), version)
			h.up.take()
			a, forA := w.raw(t, about(version, "__klamm_state")), h.up.take()
			b, forB := w.raw(t, about(version, "__klamm_other")), h.up.take()
			if !alike(a, "__klamm_state", b, "__klamm_other") || !slices.Equal(forA, forB) {
				t.Errorf("%s:\n%q\n%q\n%v\n%v", what, a, b, forA, forB)
			}
		}
	}
}

// TestWireInternal: Kafka's own topics are not made through klamm, even by who may
// create any topic: made with other partitions or cleanup than Kafka's they break
// all groups or transactions, and klamm lets nobody delete them.
func TestWireInternal(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w := h.client0("admin")
	for _, name := range []string{"__consumer_offsets", "__transaction_state", "__share_group_state"} {
		for version := int16(0); version <= h.offered()[19][1]; version++ {
			q := kmsg.NewPtrCreateTopicsRequest()
			q.Version = version
			q.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: name, NumPartitions: 1, ReplicationFactor: 1}}
			if r := w.must(t, q).(*kmsg.CreateTopicsResponse); r.Topics[0].ErrorCode != deniedTopic {
				t.Errorf("CreateTopics %d of %s: error %d", version, name, r.Topics[0].ErrorCode)
			}
		}
		for version := int16(0); version <= lastMetadata; version++ {
			if r := w.must(t, namedTopic(version, name, true)).(*kmsg.MetadataResponse); r.Topics[0].ErrorCode != 3 {
				t.Errorf("Metadata %d of %s: error %d", version, name, r.Topics[0].ErrorCode)
			}
		}
		if h.exists(name) {
			t.Errorf("%s was created", name)
		}
	}
}
