package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// TestDeniedAndAbsentLookTheSame, in each version, with creation asked for, by
// bytes; and neither is created nor named to the broker as to be created.
func TestDeniedAndAbsentLookTheSame(t *testing.T) {
	h := build(t, append(alice(), binding("maker", "DeveloperManage", iam.Topic, "made-*")))
	broker := sees[*kmsg.MetadataRequest](h, keyMetadata)
	for version := int16(0); version <= rules[keyMetadata].max; version++ {
		for _, token := range []string{"alice", "maker"} {
			b := h.loggedIn(token, 0)
			ask := func(name string) string {
				q := kmsg.NewPtrMetadataRequest()
				q.Version, q.AllowAutoTopicCreation, q.IncludeTopicAuthorizedOperations = version, true, true
				q.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
				r := b.ask(q).(*kmsg.MetadataResponse)
				return string(r.AppendTo(nil))
			}
			if denied, absent := ask("secret"), ask("absent"); strings.ReplaceAll(denied, "secret", "absent") != absent {
				t.Errorf("%s, version %d: % x and % x", token, version, denied, absent)
			}
		}
	}
	for _, q := range broker.take(t) {
		for _, topic := range q.Topics {
			if topic.Topic != nil && (*topic.Topic == "secret" || *topic.Topic == "absent") || q.AllowAutoTopicCreation {
				t.Fatalf("the broker was asked for %+v", q)
			}
		}
	}
}

// TestCreationIsAudited: what a Metadata request creates is an action like any
// other, and when the broker refuses it, that is klamm's own matter.
func TestCreationIsAudited(t *testing.T) {
	h := build(t, append(alice(), binding("maker", "DeveloperManage", iam.Topic, "made-*")))
	b := h.loggedIn("maker", 0)
	ask := func(name string) int16 {
		q := kmsg.NewPtrMetadataRequest()
		q.Version, q.AllowAutoTopicCreation = 9, true
		q.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
		return b.ask(q).(*kmsg.MetadataResponse).Topics[0].ErrorCode
	}
	h.log.allowed()
	if code := ask("made-1"); code != 0 {
		t.Errorf("error %d", code)
	}
	if got := h.log.allowed(); !slices.Contains(got, "Create Topic made-1") {
		t.Errorf("audited: %q", got)
	}
	h.behind.ControlKey(keyMetadata, func(req kmsg.Request) (kmsg.Response, error, bool) {
		if !req.(*kmsg.MetadataRequest).AllowAutoTopicCreation {
			return nil, nil, false
		}
		r := req.ResponseKind().(*kmsg.MetadataResponse)
		r.Topics = []kmsg.MetadataResponseTopic{{Topic: kmsg.StringPtr("made-2"), ErrorCode: topicDenied}}
		return r, nil, true
	})
	if code := ask("made-2"); code != unknownTopic {
		t.Errorf("error %d", code)
	}
	if n := h.log.upstream(); n != 1 {
		t.Errorf("%d events about klamm's own user", n)
	}
}

// TestMetadataByNameAndID: which of the two counts would be the broker's choice.
func TestMetadataByNameAndID(t *testing.T) {
	h := build(t, alice())
	_, secretID := h.leader("secret")
	b := h.loggedIn("alice", 0)
	for version := int16(10); version <= rules[keyMetadata].max; version++ {
		for _, topic := range []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("orders"), TopicID: secretID}, {}} {
			q := kmsg.NewPtrMetadataRequest()
			q.Version, q.Topics = version, []kmsg.MetadataRequestTopic{topic}
			if r := b.ask(q).(*kmsg.MetadataResponse); len(r.Topics) != 1 || r.Topics[0].ErrorCode != invalidRequest || len(r.Topics[0].Partitions) != 0 {
				t.Errorf("version %d: %+v", version, r.Topics)
			}
		}
	}
}

// TestMetadataKeepsTheRest: what klamm does not decide about reaches the client
// as the broker said it, in each version.
func TestMetadataKeepsTheRest(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("admin", 0)
	replies(h, func(r *kmsg.MetadataResponse) {
		r.ThrottleMillis, r.ControllerID, r.ClusterID = 7, 1, kmsg.StringPtr("theirs")
		r.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: upstreamHost, Port: 9, Rack: kmsg.StringPtr("r")}}
		r.Topics = []kmsg.MetadataResponseTopic{{Topic: kmsg.StringPtr("__consumer_offsets"), TopicID: [16]byte{1}, IsInternal: true, Partitions: []kmsg.MetadataResponseTopicPartition{
			{ErrorCode: 5, Partition: 3, Leader: -1, LeaderEpoch: 9, Replicas: []int32{1, 2}, ISR: []int32{1}, OfflineReplicas: []int32{2}},
		}}}
	})
	for version := int16(0); version <= rules[keyMetadata].max; version++ {
		q := kmsg.NewPtrMetadataRequest()
		q.Version = version
		r := b.ask(q).(*kmsg.MetadataResponse)
		if len(r.Topics) != 1 || len(r.Brokers) != 1 {
			t.Fatalf("version %d: %+v", version, r)
		}
		topic, node := r.Topics[0], r.Brokers[0]
		p := topic.Partitions[0]
		if p.ErrorCode != 5 || p.Partition != 3 || p.Leader != -1 || !slices.Equal(p.Replicas, []int32{1, 2}) || !slices.Equal(p.ISR, []int32{1}) ||
			version >= 5 && !slices.Equal(p.OfflineReplicas, []int32{2}) || version >= 7 && p.LeaderEpoch != 9 ||
			version >= 1 && (!topic.IsInternal || r.ControllerID != 1 || *node.Rack != "r") || version >= 2 && *r.ClusterID != lkc ||
			version >= 3 && r.ThrottleMillis != 7 || version >= 10 && topic.TopicID != [16]byte{1} || node.Host != "127.0.0.1" || node.Port == 9 {
			t.Errorf("version %d: %+v", version, r)
		}
	}
}

// TestClusterOperations: the client's own rights on the cluster (KIP-430), never
// those of klamm's user, and nothing without Describe.
func TestClusterOperations(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.MetadataRequest](h, keyMetadata)
	for version := int16(8); version <= 10; version++ {
		for token, want := range map[string]int32{"alice": 0, "admin": int32(iam.SetOf(clusterOperations...))} {
			b := h.loggedIn(token, 0)
			q := kmsg.NewPtrMetadataRequest()
			q.Version, q.Topics = version, []kmsg.MetadataRequestTopic{}
			if r := b.ask(q).(*kmsg.MetadataResponse); r.AuthorizedOperations != notAsked {
				t.Errorf("%s, version %d, not asked: %b", token, version, r.AuthorizedOperations)
			}
			q.IncludeClusterAuthorizedOperations = true
			if r := b.ask(q).(*kmsg.MetadataResponse); r.AuthorizedOperations != want {
				t.Errorf("%s, version %d: %b, want %b", token, version, r.AuthorizedOperations, want)
			}
		}
	}
	for _, q := range broker.take(t) {
		if q.IncludeClusterAuthorizedOperations || q.IncludeTopicAuthorizedOperations {
			t.Fatalf("the broker was asked for its own view: %+v", q)
		}
	}
}
