package app

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// Metadata over real sockets, in every version (KafkaApis.handleTopicMetadataRequest).

const (
	lastMetadata = 13
	metadataByID = 12 // the first version of Metadata that Kafka takes ids in
)

// namedTopic is a Metadata request for one topic.
func namedTopic(version int16, name string, create bool) *kmsg.MetadataRequest {
	q := metadataOf(name)
	q.Version, q.AllowAutoTopicCreation = version, create
	return q
}

// TestWireMetadata_OneTopic: who asks, for what, and whether the topic is to be
// made when it is missing. Up to version 3 that is always asked for.
func TestWireMetadata_OneTopic(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	long := strings.Repeat("x", 250)
	const fresh = "NEW" // stands for a name that nobody has used yet
	rows := []struct {
		who, name   string
		code, asked int16 // without and with creation
		makes       bool
	}{
		{"reader", "orders", 0, 0, false}, {"reader", "orders-" + fresh, 3, 3, false}, {"reader", "secret", 29, 29, false}, {"reader", "absent", 29, 29, false},
		{"reader", "__klamm_state", 29, 29, false}, {"reader", "__klamm_other", 29, 29, false}, {"reader", "", 29, 29, false}, {"reader", "a\x00\n\x7f", 29, 29, false},
		{"reader", long, 29, 29, false}, {"reader", "*", 29, 29, false}, {"reader", "__consumer_offsets", 29, 29, false},
		{"owner", "orders", 0, 0, false}, {"owner", "orders-" + fresh, 3, 0, true}, {"owner", "secret", 29, 29, false}, {"owner", "__klamm_other", 29, 29, false},
		{"maker", "made-" + fresh, 3, 0, true}, {"maker", "orders", 29, 29, false}, {"maker", "orders-" + fresh, 29, 29, false},
		{"admin", "secret", 0, 0, false}, {"admin", fresh, 3, 0, true}, {"admin", "__klamm_state", 29, 29, false}, {"admin", "__klamm_other", 29, 29, false},
		{"idle", "orders", 29, 29, false}, {"idle", "absent", 29, 29, false}, {"only", "orders", 0, 0, false}, {"only", "orders.eu", 29, 29, false}, {"only", "orders-" + fresh, 29, 29, false},
		{"maker", "made-\x00\n", 17, 17, false}, {"admin", long, 17, 17, false}, {"admin", "", 17, 17, false}, {"admin", "a\x00\n\x7f", 17, 17, false}, {"admin", "..", 17, 17, false},
	}
	used := 0
	for version := int16(0); version <= lastMetadata; version++ {
		for _, create := range []bool{false, true} {
			if version < 4 && !create {
				continue // what is not in the request cannot be left out
			}
			for _, row := range rows {
				w := h.client0(row.who)
				used++
				name := strings.Replace(row.name, fresh, fmt.Sprint("new-", used), 1)
				want := row.code
				if create {
					want = row.asked
				}
				q := namedTopic(version, name, create)
				h.up.take()
				r := w.must(t, q).(*kmsg.MetadataResponse)
				if problem := h.oneTopic(r, version, name, want); problem != "" {
					t.Errorf("%s, Metadata %d of %q, creation %v: %s\n%+v", row.who, version, name, create, problem, r.Topics)
				}
				makesNothing := row.who == "reader" || row.who == "only" || row.who == "idle"
				for _, p := range h.up.take() {
					if want == 29 && strings.Contains(p.body, name) && name != "" || (want == 29 || makesNothing) && p.own {
						t.Errorf("%s, Metadata %d of %q: the broker is asked %v", row.who, version, name, p)
					}
				}
				if strings.Contains(row.name, fresh) {
					if made := h.exists(name); made != (row.makes && create) {
						t.Errorf("%s, Metadata %d of %q, creation %v: the topic exists: %v", row.who, version, name, create, made)
					}
				}
			}
		}
	}
	for _, never := range []string{"absent", "__klamm_other", "", long, "a\x00\n\x7f", "made-\x00\n", ".."} {
		if h.exists(never) {
			t.Errorf("%q was created", never)
		}
	}
}

// oneTopic says what is wrong with an answer about one topic.
func (h *house) oneTopic(r *kmsg.MetadataResponse, version int16, name string, code int16) string {
	if len(r.Topics) != 1 {
		return fmt.Sprintf("%d topics", len(r.Topics))
	}
	topic, known := r.Topics[0], code == 0
	switch {
	case topic.Topic == nil || *topic.Topic != name:
		return "another name"
	case topic.ErrorCode != code:
		return fmt.Sprintf("error %d, expected %d", topic.ErrorCode, code)
	case (len(topic.Partitions) > 0) != known:
		return "the partitions"
	case (topic.TopicID != [16]byte{}) != (known && version >= 10):
		return "the topic's id"
	case topic.IsInternal:
		return "it is internal"
	case topic.AuthorizedOperations != -1<<31:
		return "operations, which were not asked for"
	}
	return h.about(r, version)
}

// about says what is wrong with what an answer tells of the cluster.
func (h *house) about(r *kmsg.MetadataResponse, version int16) string {
	ours, _, err := net.SplitHostPort(h.run.Bootstrap)
	if err != nil {
		return err.Error()
	}
	if len(r.Brokers) != 1 {
		return fmt.Sprintf("%d brokers", len(r.Brokers))
	}
	for _, b := range r.Brokers {
		if b.Host != ours || b.Port < 1024 { // the engine's are numbered from 1
			return fmt.Sprintf("a broker at %s:%d", b.Host, b.Port)
		}
	}
	if version >= 2 && (r.ClusterID == nil || *r.ClusterID != lkc) {
		return "another cluster"
	}
	return ""
}

// TestWireMetadata_NoOracle: a topic that exists and one that does not are the
// same bytes to who may describe neither, and the same work to klamm; alone and
// beside others, whatever else is asked for.
func TestWireMetadata_NoOracle(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	for _, who := range []string{"reader", "owner", "maker", "idle", "only", "admin"} {
		w := h.client0(who)
		for version := int16(0); version <= lastMetadata; version++ {
			for _, create := range []bool{false, true} {
				for _, pair := range [][2]string{{"secret", "absent"}, {"__klamm_state", "__klamm_other"}} {
					if who == "admin" && pair[0] == "secret" {
						continue
					}
					ask := func(names ...string) (string, []passed) {
						q := metadataOf(names...)
						q.Version, q.AllowAutoTopicCreation, q.IncludeTopicAuthorizedOperations, q.IncludeClusterAuthorizedOperations = version, create, true, true
						h.up.take()
						return w.raw(t, q), h.up.take()
					}
					for _, beside := range [][]string{nil, {"orders.eu"}} {
						a, forA := ask(append(beside, pair[0])...)
						b, forB := ask(append(beside, pair[1])...)
						if !alike(a, pair[0], b, pair[1]) {
							t.Errorf("%s, version %d, beside %q:\n%q\n%q", who, version, beside, a, b)
						}
						if !slices.Equal(forA, forB) {
							t.Errorf("%s, version %d, beside %q: the broker is asked\n%v\nor\n%v", who, version, beside, forA, forB)
						}
					}
				}
			}
		}
	}
}

// TestWireMetadata_All: a list of all is what may be described, with the rights
// of who asks; an empty list is none but for version 0.
func TestWireMetadata_All(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	read, all := iam.SetOf(iam.Read, iam.Describe), iam.SetOf(topicOperations...)
	for who, may := range map[string]map[string]iam.OperationSet{
		"idle": {}, "maker": {}, "reader": {"orders": read, "orders.eu": read}, "owner": {"orders": all, "orders.eu": all},
		"only":  {"orders": iam.SetOf(iam.Write, iam.Describe)},
		"admin": {"orders": all, "orders.eu": all, "secret": all},
	} {
		w := h.client0(who)
		for version := int16(0); version <= lastMetadata; version++ {
			for _, empty := range []bool{false, true} {
				q := metadataOf()
				q.Version, q.IncludeTopicAuthorizedOperations, q.IncludeClusterAuthorizedOperations = version, true, true
				want := may
				if empty || version == 0 {
					q.Topics = []kmsg.MetadataRequestTopic{}
				}
				if empty && version > 0 {
					want = nil
				}
				r := w.must(t, q).(*kmsg.MetadataResponse)
				if problem := h.listed(r, version, want); problem != "" {
					t.Errorf("%s, Metadata %d, an empty list %v: %s\n%+v", who, version, empty, problem, r.Topics)
				}
				cluster := int32(0) // without Describe on it
				if who == "admin" {
					cluster = int32(iam.SetOf(clusterOperations...))
				}
				if version >= 8 && version <= 10 && r.AuthorizedOperations != cluster {
					t.Errorf("%s, Metadata %d: operations on the cluster %b", who, version, r.AuthorizedOperations)
				}
			}
		}
	}
}

// Operations that Kafka lists (AclEntry.supportedOperations).
var (
	topicOperations   = []iam.Operation{iam.Read, iam.Write, iam.Create, iam.Delete, iam.Alter, iam.Describe, iam.DescribeConfigs, iam.AlterConfigs}
	clusterOperations = []iam.Operation{iam.Create, iam.Alter, iam.Describe, iam.ClusterAction, iam.DescribeConfigs, iam.AlterConfigs, iam.IdempotentWrite}
)

// listed says what is wrong with a list of topics.
func (h *house) listed(r *kmsg.MetadataResponse, version int16, want map[string]iam.OperationSet) string {
	if len(r.Topics) != len(want) {
		return fmt.Sprintf("%d topics, expected %d", len(r.Topics), len(want))
	}
	for _, topic := range r.Topics {
		ops, ok := want[*topic.Topic]
		if !ok || topic.ErrorCode != 0 || len(topic.Partitions) == 0 {
			return *topic.Topic
		}
		if version >= 8 && topic.AuthorizedOperations != int32(ops) {
			return fmt.Sprintf("operations on %s: %b, expected %b", *topic.Topic, topic.AuthorizedOperations, ops)
		}
	}
	return h.about(r, version)
}
