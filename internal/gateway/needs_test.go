package gateway

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/secret"
)

// session is an open session of a token, without a connection.
func (h *house) session(token string) *session {
	h.t.Helper()
	grant, err := h.guard.Open(h.ctx(), guard.Origin{}, iam.Credential{Mechanism: mechanism, Token: secret.New(token), Cluster: lkc, LogicalCluster: lkc})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(grant.Close)
	tg := h.gateway.targets[lkc]
	o, err := tg.offer(h.ctx(), relay.Bootstrap)
	if err != nil {
		h.t.Fatal(err)
	}
	return newSession(&visitor{g: h.gateway, t: tg, via: relay.Via{Cluster: lkc, Broker: relay.Bootstrap}, offer: o}, grant)
}

func frame(t testing.TB, req kmsg.Request) *kafka.Frame {
	t.Helper()
	f, err := kafka.ParseFrame(kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, 7)[4:])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// answer reads what a plan answers.
func answer(t testing.TB, req kmsg.Request, p relay.Plan) kmsg.Response {
	t.Helper()
	if p.Verdict != relay.Answer {
		t.Fatalf("%s %d: verdict %d, want an answer", nameOf(req.Key()), req.GetVersion(), p.Verdict)
	}
	resp, correlation, err := readResponse(req.Key(), req.GetVersion(), p.Bytes)
	if err != nil || correlation != 7 {
		t.Fatalf("%s %d: %v, correlation %d", nameOf(req.Key()), req.GetVersion(), err, correlation)
	}
	return resp
}

// allowed are the actions that were allowed, as "Operation Type name", in
// their order, since the last call.
func (l *ledger) allowed() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if a := r.Event.Data.AuthorizationInfo; a != nil && a.Granted {
			list = append(list, strings.Join([]string{a.Operation, a.ResourceType, a.ResourceName}, " "))
		}
	}
	l.records = nil
	return list
}

// decidable is a sample that a rule gets as far as a decision with.
func decidable(key, version int16) kmsg.Request {
	req := sample(key, version)
	switch q := req.(type) {
	case *kmsg.ProduceRequest:
		q.Acks = -1
	case *kmsg.FetchRequest:
		q.ReplicaID, q.ReplicaState.ID = -1, -1
	case *kmsg.ListOffsetsRequest:
		q.ReplicaID = -1
	case *kmsg.OffsetForLeaderEpochRequest:
		q.ReplicaID = -1
	case *kmsg.DescribeConfigsRequest:
		q.Resources[0].ResourceType = kmsg.ConfigResourceTypeTopic
	case *kmsg.AlterConfigsRequest:
		q.Resources[0].ResourceType = kmsg.ConfigResourceTypeTopic
	case *kmsg.IncrementalAlterConfigsRequest:
		q.Resources[0].ResourceType = kmsg.ConfigResourceTypeTopic
	case *kmsg.DescribeACLsRequest:
		q.ResourceType, q.ResourcePatternType, q.Operation, q.PermissionType = 1, 1, 1, 1
	case *kmsg.AlterClientQuotasRequest:
		q.Entries[0].Entity[0].Type = quotaOfClients
	case *kmsg.DescribeClusterRequest:
		q.EndpointType = 1
	case *kmsg.StreamsGroupHeartbeatRequest:
		q.Topology.Subtopologies[0].SourceTopicRegex = nil
	}
	return req
}

// TestNeeds states, apart from the rules, which rights each request needs.
func TestNeeds(t *testing.T) {
	h := build(t, alice())
	everything := makeOffer(newEverything().versions)
	for key, want := range map[int16]string{
		0:  "Write TransactionalId orders, Write Topic orders",
		1:  "Read Topic orders",
		2:  "Describe Topic orders",
		3:  "Describe Topic orders",
		8:  "Read Group orders, Read Topic orders",
		9:  "Describe Group orders, Describe Topic orders",
		10: "Describe Group orders",
		11: "Read Group orders",
		12: "Read Group orders",
		13: "Read Group orders",
		14: "Read Group orders",
		15: "Describe Group orders",
		16: "",
		19: "Create Topic orders",
		20: "Delete Topic orders",
		21: "Delete Topic orders",
		22: "Write TransactionalId orders",
		23: "Describe Topic orders",
		24: "Write TransactionalId orders, Write Topic orders",
		25: "Write TransactionalId orders, Read Group orders",
		26: "Write TransactionalId orders",
		28: "Write TransactionalId orders, Read Group orders, Read Topic orders",
		29: "Describe Cluster kafka-cluster",
		30: "Alter Cluster kafka-cluster",
		31: "Alter Cluster kafka-cluster",
		32: "DescribeConfigs Topic orders",
		33: "AlterConfigs Topic orders",
		35: "Describe Cluster kafka-cluster",
		37: "Alter Topic orders",
		42: "Delete Group orders",
		43: "Alter Cluster kafka-cluster",
		44: "AlterConfigs Topic orders",
		45: "Alter Cluster kafka-cluster",
		46: "Describe Cluster kafka-cluster",
		47: "Delete Group orders, Read Topic orders",
		48: "DescribeConfigs Cluster kafka-cluster",
		49: "AlterConfigs Cluster kafka-cluster",
		50: "Describe Cluster kafka-cluster",
		55: "Describe Cluster kafka-cluster",
		60: "",
		61: "Read Topic orders",
		65: "Describe TransactionalId orders",
		66: "",
		68: "Read Group orders, Describe Topic orders",
		69: "Describe Group orders",
		74: "DescribeConfigs Cluster kafka-cluster",
		75: "Describe Topic orders",
		76: "Read Group orders, Describe Topic orders",
		77: "Describe Group orders",
		78: "Read Group orders, Read Topic orders",
		79: "Read Group orders, Read Topic orders",
		88: "Read Group orders, Describe Topic orders",
		89: "Describe Group orders",
		90: "Describe Group orders, Describe Topic orders",
		91: "Read Group orders, Read Topic orders",
		92: "Delete Group orders, Read Topic orders",
	} {
		for _, right := range strings.Split(want, ", ") { // the words of the page say the same
			if words := strings.Fields(right); len(words) > 1 && !strings.Contains(rules[key].needs, words[0]+" "+words[1]) {
				t.Errorf("%s needs %s, and says that it needs %q", nameOf(key), right, rules[key].needs)
			}
		}
		for version := rules[key].min; version <= rules[key].max; version++ {
			req := decidable(key, version)
			if names := topicNamesIn(req); names != nil {
				names(h)
			}
			s := h.session("admin")
			s.offer = everything // the broker of the tests has less
			f := frame(t, req)
			h.log.allowed()
			plan, err := s.Plan(h.ctx(), f)
			here := key == 29 || key == 30 || key == 31 || key == 50 // klamm's own rules
			if err != nil || here != (plan.Verdict == relay.Answer) || !here && plan.Verdict != relay.Pass && plan.Verdict != relay.Send {
				t.Errorf("%s %d: verdict %d, %v, want it to go upstream", nameOf(key), version, plan.Verdict, err)
			}
			if got := strings.Join(h.log.allowed(), ", "); got != want {
				t.Errorf("%s %d needs %q, want %q", nameOf(key), version, got, want)
			}

			// And without any right nothing goes upstream.
			s = h.session("nobody")
			s.offer = everything
			plan, err = s.Plan(h.ctx(), frame(t, req))
			if want == "" || key == 3 {
				continue
			}
			if err != nil {
				t.Errorf("%s %d: %v", nameOf(key), version, err)
				continue
			}
			resp := answer(t, req, plan)
			if !api.HasCode(resp, denied) && (key != 35 || version > 2) { // which has no place for it
				t.Errorf("%s %d without rights is answered %+v", nameOf(key), version, resp)
			}
		}
	}
}

// topicNamesIn puts the id of the topic orders in a request that names topics
// by id.
func topicNamesIn(req kmsg.Request) func(*house) {
	id := func(h *house) [16]byte {
		ask := kmsg.NewPtrMetadataRequest()
		ask.Version = 12
		ask.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("orders")}}
		resp, err := h.cluster.Request(context.Background(), relay.Bootstrap, ask)
		if err != nil {
			h.t.Fatal(err)
		}
		return resp.(*kmsg.MetadataResponse).Topics[0].TopicID
	}
	v := req.GetVersion()
	switch q := req.(type) {
	case *kmsg.ProduceRequest:
		return func(h *house) { q.Topics[0].TopicID = id(h) }
	case *kmsg.FetchRequest:
		return func(h *house) { q.Topics[0].TopicID = id(h) }
	case *kmsg.OffsetCommitRequest:
		return func(h *house) { q.Topics[0].TopicID = id(h) }
	case *kmsg.OffsetFetchRequest:
		return func(h *house) { q.Groups[0].Topics[0].TopicID = id(h) }
	case *kmsg.ShareFetchRequest:
		return func(h *house) { q.Topics[0].TopicID = id(h) }
	case *kmsg.ShareAcknowledgeRequest:
		return func(h *house) { q.Topics[0].TopicID = id(h) }
	case *kmsg.MetadataRequest:
		if v >= 10 {
			return func(h *house) { q.Topics[0].TopicID, q.Topics[0].Topic = id(h), nil }
		}
	case *kmsg.DeleteTopicsRequest:
		if v >= 6 {
			return func(h *house) { q.Topics[0].TopicID, q.Topics[0].Topic = id(h), nil }
		}
	}
	return nil
}
