package gateway

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// The keys that a right on the cluster is enough for: which names it does not
// reach, and what their answers do not show.

const ownTopic = "__klamm_state"

// TestClusterRightsReachNoReservedTopic: of a topic and klamm's own one the first
// goes upstream alone, in each version of each key that names topics.
func TestClusterRightsReachNoReservedTopic(t *testing.T) {
	h := build(t, alice())
	s := h.session("admin")
	s.offer = makeOffer(newEverything().versions)
	for key, answered := range map[int16]bool{35: false, 43: true, 45: true, 46: false, 55: true} {
		for version := rules[key].min; version <= rules[key].max; version++ {
			for _, refusedName := range []string{ownTopic, "__klamm", "__consumer_offsets"} {
				if topic(refusedName).Internal() && key != 43 && key != 45 {
					continue // it may be described
				}
				req := decidable(key, version)
				list := reflect.ValueOf(req).Elem().FieldByName("Topics")
				two(list)
				list.Index(1).FieldByName("Topic").SetString(refusedName)
				before := len(h.log.refusals())
				p, err := s.Plan(h.ctx(), frame(t, req))
				if err != nil || p.Verdict != relay.Send {
					t.Fatalf("%s %d: %+v, %v", nameOf(key), version, p, err)
				}
				if b := string(p.Bytes); strings.Contains(b, refusedName) || !strings.Contains(b, "orders") {
					t.Errorf("%s %d: the broker is sent %q", nameOf(key), version, b)
				}
				resp := edited(t, p, key, version, kmsg.ResponseForKey(key))
				if got := api.HasCode(resp, denied); got != answered {
					t.Errorf("%s %d: answered %+v", nameOf(key), version, resp)
				}

				list.SetLen(1)
				list.Index(0).FieldByName("Topic").SetString(refusedName)
				if p, err := s.Plan(h.ctx(), frame(t, req)); err != nil || p.Verdict != relay.Answer {
					t.Errorf("%s %d with %s alone: %+v, %v", nameOf(key), version, refusedName, p, err)
				}
				if n := len(h.log.refusals()) - before; n != 2 {
					t.Errorf("%s %d: %d refusals are audited", nameOf(key), version, n)
				}
			}
		}
	}
}

// edited is what the client gets of a broker's answer.
func edited(t *testing.T, p relay.Plan, key, version int16, resp kmsg.Response) kmsg.Response {
	t.Helper()
	resp.SetVersion(version)
	b, err := p.Edit(resp.AppendTo(kafka.ResponseHeader(nil, key, version, 7)))
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := readResponse(key, version, b)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestListsHideReserved: what a broker lists of klamm's own names no client sees,
// whatever its role, and the others are seen by who may.
func TestListsHideReserved(t *testing.T) {
	h := build(t, append(alice(), binding("one", "DeveloperRead", iam.TransactionalID, "orders")))
	// Strings before the names: a directory, words, the id that was asked for and its state, a filter.
	other := map[int16]int{35: 1, 46: 1, 65: 2, 66: 1}
	for key, token := range map[int16]string{35: "admin", 46: "admin", 65: "admin", 66: "one", 74: "admin"} {
		s := h.session(token)
		s.offer = makeOffer(newEverything().versions)
		for version := rules[key].min; version <= rules[key].max; version++ {
			for _, name := range []string{"orders", ownTopic} {
				p, err := s.Plan(h.ctx(), frame(t, decidable(key, version)))
				if err != nil || p.Verdict != relay.Send {
					t.Fatalf("%s %d: %+v, %v", nameOf(key), version, p, err)
				}
				resp := kmsg.ResponseForKey(key)
				one(reflect.ValueOf(resp).Elem())
				rename(reflect.ValueOf(resp).Elem(), name)
				got := string(edited(t, p, key, version, resp).AppendTo(nil))
				for range other[key] {
					got = got[strings.Index(got, name)+len(name):]
				}
				if strings.Contains(got, name) != (name == "orders") {
					t.Errorf("%s %d: of %s %q is shown", nameOf(key), version, name, got)
				}
			}
		}
	}
	// Who may describe no transactional id sees none.
	s := h.session("nobody")
	p, err := s.Plan(h.ctx(), frame(t, decidable(66, 2)))
	if err != nil {
		t.Fatal(err)
	}
	resp := &kmsg.ListTransactionsResponse{TransactionStates: []kmsg.ListTransactionsResponseTransactionState{{TransactionalID: "orders"}}}
	if got := edited(t, p, 66, 2, resp).(*kmsg.ListTransactionsResponse); len(got.TransactionStates) != 0 {
		t.Errorf("%+v", got)
	}
}

// rename gives all strings below v another value.
func rename(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[kmsg.Tags]() {
				rename(v.Field(i), name)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			rename(v.Index(i), name)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			rename(v.Elem(), name)
		}
	case reflect.String:
		v.SetString(name)
	}
}

// TestElectionOfAll: no list of topics means those that may be meant, and the
// answer is what Kafka says to no list.
func TestElectionOfAll(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.ElectLeadersRequest](h, 43)
	for version := int16(0); version <= 2; version++ {
		q := kmsg.NewPtrElectLeadersRequest()
		q.Version, q.ElectionType, q.TimeoutMillis = version, 1, 1000
		r := h.loggedIn("admin", 0).ask(q).(*kmsg.ElectLeadersResponse)
		if r.ErrorCode != 0 || len(r.Topics) != 3 {
			t.Errorf("version %d: %+v", version, r)
		}
		var names []string
		for _, topic := range broker.take(t)[0].Topics {
			names = append(names, topic.Topic)
			if len(topic.Partitions) != 2 {
				t.Errorf("version %d: %+v", version, topic)
			}
		}
		if slices.Sort(names); !slices.Equal(names, []string{"orders", "orders.eu", "secret"}) {
			t.Errorf("version %d: the broker was asked for %q", version, names)
		}
		if r := h.loggedIn("alice", 0).ask(q).(*kmsg.ElectLeadersResponse); version > 0 && r.ErrorCode != clusterDenied || len(r.Topics) != 0 || len(broker.take(t)) != 0 {
			t.Errorf("version %d without the right: %+v", version, r)
		}
	}
	replies(h, func(r *kmsg.ElectLeadersResponse) {
		r.Topics = []kmsg.ElectLeadersResponseTopic{
			{Topic: "orders", Partitions: []kmsg.ElectLeadersResponseTopicPartition{{Partition: 0, ErrorCode: electionNotNeeded}}},
			{Topic: "secret", Partitions: []kmsg.ElectLeadersResponseTopicPartition{{Partition: 0, ErrorCode: electionNotNeeded}, {Partition: 1}}},
		}
	})
	q := kmsg.NewPtrElectLeadersRequest()
	q.Version = 2
	if r := h.loggedIn("admin", 0).ask(q).(*kmsg.ElectLeadersResponse); len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 || r.Topics[0].Partitions[0].Partition != 1 {
		t.Errorf("%+v", r)
	}
}

// TestQuotas: those of client ids are altered and seen, those of users and
// addresses, which are klamm's own upstream, neither.
func TestQuotas(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.AlterClientQuotasRequest](h, 49)
	entry := func(types ...string) (e kmsg.AlterClientQuotasRequestEntry) {
		for _, x := range types {
			e.Entity = append(e.Entity, kmsg.AlterClientQuotasRequestEntryEntity{Type: x, Name: kmsg.StringPtr("the-" + x)})
		}
		e.Ops = []kmsg.AlterClientQuotasRequestEntryOp{{Key: "producer_byte_rate", Value: 1000}}
		return e
	}
	for version := int16(0); version <= 1; version++ {
		q := &kmsg.AlterClientQuotasRequest{Version: version, Entries: []kmsg.AlterClientQuotasRequestEntry{
			entry("user"), entry(quotaOfClients), entry("ip"), entry("user", quotaOfClients), entry("Client-Id"),
		}}
		r := h.loggedIn("admin", 0).ask(q).(*kmsg.AlterClientQuotasResponse)
		if len(r.Entries) != 5 {
			t.Fatalf("version %d: %+v", version, r)
		}
		for _, e := range r.Entries {
			ours := len(e.Entity) == 1 && e.Entity[0].Type == quotaOfClients
			if ours != (e.ErrorCode == 0) || *e.Entity[0].Name != "the-"+e.Entity[0].Type || !ours && (e.ErrorCode != clusterDenied || !strings.Contains(*e.ErrorMessage, "ref=")) {
				t.Errorf("version %d: %+v", version, e)
			}
		}
		if saw := broker.take(t); len(saw) != 1 || len(saw[0].Entries) != 1 || saw[0].Entries[0].Entity[0].Type != quotaOfClients {
			t.Errorf("version %d: the broker saw %+v", version, saw)
		}
		if r := h.loggedIn("alice", 0).ask(q).(*kmsg.AlterClientQuotasResponse); len(r.Entries) != 5 || r.Entries[1].ErrorCode != clusterDenied || len(broker.take(t)) != 0 {
			t.Errorf("version %d without the right: %+v", version, r)
		}
		d := &kmsg.DescribeClientQuotasRequest{Version: version}
		if r := h.loggedIn("admin", 0).ask(d).(*kmsg.DescribeClientQuotasResponse); r.ErrorCode != 0 || len(r.Entries) != 1 || *r.Entries[0].Entity[0].Name != "the-client-id" {
			t.Errorf("version %d: %+v", version, r)
		}
		if r := h.loggedIn("alice", 0).ask(d).(*kmsg.DescribeClientQuotasResponse); r.ErrorCode != clusterDenied || len(r.Entries) != 0 {
			t.Errorf("version %d without the right: %+v", version, r)
		}
	}
	replies(h, func(r *kmsg.DescribeClientQuotasResponse) {
		for _, types := range [][]string{{"user"}, {"ip"}, {quotaOfClients}, {quotaOfClients, "user"}} {
			var e kmsg.DescribeClientQuotasResponseEntry
			for _, x := range types {
				e.Entity = append(e.Entity, kmsg.DescribeClientQuotasResponseEntryEntity{Type: x, Name: kmsg.StringPtr("10.0.0.7")})
			}
			r.Entries = append(r.Entries, e)
		}
	})
	if r := h.loggedIn("admin", 0).ask(&kmsg.DescribeClientQuotasRequest{Version: 1}).(*kmsg.DescribeClientQuotasResponse); len(r.Entries) != 1 || len(r.Entries[0].Entity) != 1 || r.Entries[0].Entity[0].Type != quotaOfClients {
		t.Errorf("%+v", r)
	}
}

// TestQuorum: the numbers of the controllers are told, and not where they are.
func TestQuorum(t *testing.T) {
	h := build(t, alice())
	s := h.session("admin")
	s.offer = makeOffer(newEverything().versions)
	for version := int16(0); version <= 2; version++ {
		p, err := s.Plan(h.ctx(), frame(t, decidable(55, version)))
		if err != nil || p.Verdict != relay.Send {
			t.Fatalf("version %d: %+v, %v", version, p, err)
		}
		r := &kmsg.DescribeQuorumResponse{
			ErrorMessage: kmsg.StringPtr("no answer of " + upstreamHost + ":19097"),
			Topics: []kmsg.DescribeQuorumResponseTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumResponseTopicPartition{{
				LeaderID: 3000, HighWatermark: 5, ErrorMessage: kmsg.StringPtr(upstreamHost),
				CurrentVoters: []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{{ReplicaID: 3000}},
			}}}},
			Nodes: []kmsg.DescribeQuorumResponseNode{{NodeID: 3000, Listeners: []kmsg.DescribeQuorumResponseNodeListener{{Name: "CONTROLLER", Host: upstreamHost, Port: 19097}}}},
		}
		got := edited(t, p, 55, version, r).(*kmsg.DescribeQuorumResponse)
		if b := string(got.AppendTo(nil)); strings.Contains(b, upstreamHost) || strings.Contains(b, "19097") || strings.Contains(b, "\x4a\x99") || strings.Contains(b, "CONTROLLER") {
			t.Errorf("version %d: an address is left: %q", version, b)
		}
		if got.Topics[0].Partitions[0].CurrentVoters[0].ReplicaID != 3000 || version == 2 && (len(got.Nodes) != 1 || got.Nodes[0].NodeID != 3000) {
			t.Errorf("version %d: %+v", version, got)
		}
	}
}

// TestTransactionsAreSeenInPart: of a transaction, the topics that may be
// described, by who may describe its id.
func TestTransactionsAreSeenInPart(t *testing.T) {
	h := build(t, append(alice(), binding("seer", "DeveloperRead", iam.TransactionalID, "orders-*"), binding("seer", "DeveloperRead", iam.Topic, "orders.eu"), binding("owner", "DeveloperWrite", iam.TransactionalID, "other-*"), binding("owner", "DeveloperWrite", iam.Topic, "*")), kfake.NumBrokers(1))
	for token, id := range map[string]string{"alice": "orders-tx", "owner": "other-tx"} {
		cl := h.client(token, kgo.TransactionalID(id))
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders"}, &kgo.Record{Topic: "orders.eu"}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for token, want := range map[string]string{"seer": "orders-tx: orders.eu", "alice": "orders-tx: orders,orders.eu", "admin": "orders-tx: orders,orders.eu other-tx: orders,orders.eu", "nobody": ""} {
		adm := kadm.NewClient(h.client(token))
		listed, err := adm.ListTransactions(h.ctx(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		described, err := adm.DescribeTransactions(h.ctx(), listed.TransactionalIDs()...)
		if err != nil && len(listed) > 0 {
			t.Fatal(err)
		}
		var got []string
		for _, d := range described.Sorted() {
			if d.Err != nil || d.ProducerID < 0 {
				t.Errorf("%s: %+v", token, d)
			}
			got = append(got, d.TxnID+": "+strings.Join(d.Topics.Topics(), ","))
		}
		if len(listed) == 0 {
			got = nil
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%s sees %q, want %q", token, all, want)
		}
		ids := []string{"orders-tx", "other-tx", "__klamm-tx"}
		for i, st := range h.loggedIn(token, 0).ask(&kmsg.DescribeTransactionsRequest{TransactionalIDs: ids}).(*kmsg.DescribeTransactionsResponse).TransactionStates {
			if may := strings.Contains(want, st.TransactionalID); may != (st.ErrorCode == 0) || !may && (st.ErrorCode != transactionalIDDenied || len(st.Topics) > 0 || st.ProducerID != -1) {
				t.Errorf("%s, %d: %+v", token, i, st)
			}
		}
	}
	q := kmsg.NewPtrDescribeProducersRequest()
	for _, name := range []string{"orders", "secret", ownTopic} {
		q.Topics = append(q.Topics, kmsg.DescribeProducersRequestTopic{Topic: name, Partitions: []int32{0, 1}})
	}
	for _, topic := range h.loggedIn("alice", 0).ask(q).(*kmsg.DescribeProducersResponse).Topics {
		for _, p := range topic.Partitions {
			if may := topic.Topic == "orders"; may != (p.ErrorCode == 0) || !may && (p.ErrorCode != topicDenied || !strings.Contains(*p.ErrorMessage, "ref=")) || len(topic.Partitions) != 2 {
				t.Errorf("%s: %+v", topic.Topic, p)
			}
		}
	}
}
