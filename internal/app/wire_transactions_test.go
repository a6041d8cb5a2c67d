package app

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
)

// Transactions of both versions, request by request (KIP-98, KIP-890).

const (
	notAttempted    = 55
	deniedTxn       = 53
	deniedGroup     = 30
	deniedCluster   = 31
	unsupported     = 35
	unstableOffsets = 88
)

// begin makes a producer with a transactional id.
func (w *wire) begin(t *testing.T, id string) producer {
	t.Helper()
	r := w.must(t, initProducer(5, &id)).(*kmsg.InitProducerIDResponse)
	if r.ErrorCode != 0 {
		t.Fatalf("%+v", r)
	}
	return producer{r.ProducerID, r.ProducerEpoch, 0, true}
}

// inside are the topics of a transaction as the engine has them; its state first.
func (h *house) inside(id string) (list []string) {
	h.t.Helper()
	q := kmsg.NewPtrDescribeTransactionsRequest()
	q.TransactionalIDs = []string{id}
	state := behind[*kmsg.DescribeTransactionsResponse](h, q).TransactionStates[0]
	for _, topic := range state.Topics {
		list = append(list, topic.Topic)
	}
	slices.Sort(list)
	return append([]string{state.State}, list...)
}

// TestWireTxn_Producers: without a transactional id the right to write any topic
// is enough, with one it is the right on that (KafkaApis.handleInitProducerIdRequest).
func TestWireTxn_Producers(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	mine, others, ours := "orders-tx", "payroll-tx", "__klamm_tx"
	for version := int16(0); version <= h.offered()[22][1]; version++ {
		for _, row := range []struct {
			who  string
			id   *string
			code int16
		}{
			{"only", nil, 0}, {"orders", nil, 0}, {"owner", nil, 0}, {"admin", nil, 0}, {"reader", nil, deniedCluster}, {"idle", nil, deniedCluster}, {"maker", nil, deniedCluster},
			{"only", &mine, deniedTxn}, {"owner", &mine, 0}, {"owner", &others, deniedTxn}, {"admin", &others, 0}, {"admin", &ours, deniedTxn},
		} {
			w := h.client0(row.who)
			h.up.take()
			r := w.must(t, initProducer(version, row.id)).(*kmsg.InitProducerIDResponse)
			if r.ErrorCode != row.code || (r.ProducerID >= 0) != (row.code == 0) || (len(h.up.take()) > 0) != (row.code == 0) {
				t.Errorf("%s, InitProducerId %d: %+v, expected error %d", row.who, version, r, row.code)
			}
		}
	}
}

// TestWireTxn_OneRefusesAll: AddPartitionsToTxn adds all topics or none
// (KafkaApis.handleAddPartitionsToTxnRequest).
func TestWireTxn_OneRefusesAll(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w := h.client0("owner")
	for version := int16(0); version <= h.offered()[24][1]; version++ {
		id := fmt.Sprint("orders-tx-", version)
		p := w.begin(t, id)
		for _, row := range []struct {
			names []string
			codes []int16
		}{
			{[]string{"orders", "secret", "orders.eu"}, []int16{notAttempted, deniedTopic, notAttempted}},
			{[]string{"absent", "orders"}, []int16{deniedTopic, notAttempted}},
			{[]string{"__klamm_state", "orders"}, []int16{deniedTopic, notAttempted}},
			{[]string{"orders", "orders", "secret"}, []int16{notAttempted, notAttempted, deniedTopic}},
			{[]string{"secret"}, []int16{deniedTopic}},
		} {
			q := addPartitions(version, id, row.names...)
			q.ProducerID, q.ProducerEpoch = p.id, p.epoch
			h.up.take()
			r := w.must(t, q).(*kmsg.AddPartitionsToTxnResponse)
			var names []string
			var codes []int16
			for _, topic := range r.Topics {
				names = append(names, topic.Topic)
				codes = append(codes, topic.Partitions[0].ErrorCode)
			}
			if !slices.Equal(names, row.names) || !slices.Equal(codes, row.codes) || len(h.up.take()) > 0 {
				t.Errorf("AddPartitionsToTxn %d of %q: %v for %q", version, row.names, codes, names)
			}
			if state := h.inside(id); len(state) != 1 || state[0] != "Empty" {
				t.Errorf("AddPartitionsToTxn %d of %q: the transaction is %q", version, row.names, state)
			}
		}
		q := addPartitions(version, id, "orders", "orders.eu")
		q.ProducerID, q.ProducerEpoch = p.id, p.epoch
		if r := w.must(t, q); hasCode(r, deniedTopic) || hasCode(r, notAttempted) {
			t.Errorf("AddPartitionsToTxn %d: %+v", version, r)
		}
		if state := h.inside(id); !slices.Equal(state, []string{"Ongoing", "orders", "orders.eu"}) {
			t.Errorf("AddPartitionsToTxn %d: the transaction is %q", version, state)
		}
	}
	// From version 4 on it is for brokers.
	for version := int16(4); version <= 5; version++ {
		q := kmsg.NewPtrAddPartitionsToTxnRequest()
		q.Version = version
		q.Transactions = []kmsg.AddPartitionsToTxnRequestTransaction{{TransactionalID: "orders-tx", Topics: []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: "orders", Partitions: []int32{0}}}}}
		h.up.take()
		if r := w.must(t, q).(*kmsg.AddPartitionsToTxnResponse); r.ErrorCode != unsupported || len(h.up.take()) > 0 {
			t.Errorf("AddPartitionsToTxn %d: %+v", version, r)
		}
	}
	w.must(t, metadataOf("orders"))
}

// TestWireTxn_Produce: who has no right on the transactional id is refused in each
// partition, whatever the topics; with it, what is allowed is added to the
// transaction and nothing else (KafkaApis.handleProduceRequest).
func TestWireTxn_Produce(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w := h.client0("owner")
	for version := int16(3); version <= h.offered()[0][1]; version++ {
		id := fmt.Sprint("orders-tx-", version)
		p := w.begin(t, id)
		ask := func(who *wire, id string, names ...string) (codes []int16) {
			q := produceOf(version, &id, names...)
			for i := range q.Topics {
				q.Topics[i].TopicID = h.topicID(q.Topics[i].Topic)
				part := q.Topics[i].Partitions[0]
				part.Records = batchBy(p, "x")
				q.Topics[i].Partitions = []kmsg.ProduceRequestTopicPartition{part}
			}
			h.up.take()
			for _, topic := range who.must(t, q).(*kmsg.ProduceResponse).Topics {
				for _, part := range topic.Partitions {
					codes = append(codes, part.ErrorCode)
				}
			}
			return codes
		}
		for _, who := range []*wire{h.client0("only"), h.client0("reader"), h.client0("idle")} {
			if codes := ask(who, id, "orders", "secret"); !slices.Equal(codes, []int16{deniedTxn, deniedTxn}) || len(h.up.take()) > 0 {
				t.Errorf("Produce %d: %v", version, codes)
			}
		}
		if codes := ask(w, "payroll-tx", "orders", "secret"); !slices.Equal(codes, []int16{deniedTxn, deniedTxn}) || len(h.up.take()) > 0 {
			t.Errorf("Produce %d: %v", version, codes)
		}
		if state := h.inside(id); len(state) != 1 || state[0] != "Empty" {
			t.Errorf("Produce %d: the transaction is %q", version, state)
		}
		if version < 12 {
			continue // in no transaction yet
		}
		if codes := ask(w, id, "secret", "orders", "__klamm_state"); !slices.Equal(sorted(codes), []int16{0, deniedTopic, deniedTopic}) {
			t.Errorf("Produce %d: %v", version, codes)
		}
		if state := h.inside(id); !slices.Equal(state, []string{"Ongoing", "orders"}) {
			t.Errorf("Produce %d: the transaction is %q", version, state)
		}
	}
}

func sorted(codes []int16) []int16 {
	slices.Sort(codes)
	return codes
}

// TestWireTxn_OffsetCommit: the rights on the transactional id, then the group,
// then each topic, in every version: from 5 on nothing was asked before it
// (KafkaApis.handleTxnOffsetCommitRequest).
func TestWireTxn_OffsetCommit(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	p := h.client0("owner").begin(t, "orders-tx")
	for version := int16(0); version <= h.offered()[28][1]; version++ {
		for _, row := range []struct {
			who, id, group string
			codes          []int16 // of orders, secret and orders.eu
		}{
			{"owner", "payroll-tx", "payroll", []int16{deniedTxn, deniedTxn, deniedTxn}}, {"reader", "orders-tx", "orders-g", []int16{deniedTxn, deniedTxn, deniedTxn}},
			{"only", "orders-tx", "orders-g", []int16{deniedTxn, deniedTxn, deniedTxn}}, {"admin", "__klamm_tx", "orders-g", []int16{deniedTxn, deniedTxn, deniedTxn}},
			{"owner", "orders-tx", "payroll", []int16{deniedGroup, deniedGroup, deniedGroup}}, {"admin", "orders-tx", "__klamm_g", []int16{deniedGroup, deniedGroup, deniedGroup}},
			{"owner", "orders-tx", "orders-g", []int16{0, deniedTopic, 0}}, {"orders", "orders-tx", "orders-g", []int16{0, deniedTopic, 0}},
		} {
			if version < 5 {
				q := addOffsets(4, "orders-tx", "orders-g")
				q.ProducerID, q.ProducerEpoch = p.id, p.epoch
				h.client0("owner").must(t, q)
			}
			q := txnCommitOf(version, row.id, row.group, "orders", "secret", "orders.eu")
			q.ProducerID, q.ProducerEpoch = p.id, p.epoch
			w, got := h.client0(row.who), map[string]int16{}
			h.up.take()
			for _, topic := range w.must(t, q).(*kmsg.TxnOffsetCommitResponse).Topics {
				got[topic.Topic] = topic.Partitions[0].ErrorCode
			}
			if codes := []int16{got["orders"], got["secret"], got["orders.eu"]}; len(got) != 3 || !slices.Equal(codes, row.codes) {
				t.Errorf("%s, TxnOffsetCommit %d of %s in %s: %v, expected %v", row.who, version, row.group, row.id, codes, row.codes)
			}
			if asked := h.up.take(); (len(asked) > 0) != (row.codes[0] == 0) {
				t.Errorf("%s, TxnOffsetCommit %d: the broker is asked %v", row.who, version, asked)
			}
		}
	}
	// Version 6 names topics by id, and no released broker has it.
	q := txnCommitOf(6, "orders-tx", "orders-g", "")
	q.Topics[0].TopicID = h.topicID("secret")
	raw := h.client0("owner").raw(t, q)
	if r := read[kmsg.Response](t, q, raw); !hasCode(r, unsupported) {
		t.Errorf("TxnOffsetCommit 6: %+v", r)
	}
	h.toldByID(t, "TxnOffsetCommit 6", raw)
}

// TestWireTxn_OffsetsWait: offsets that are committed in a transaction are seen
// after its end, and not at all when it is aborted; in both versions.
func TestWireTxn_OffsetsWait(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w := h.client0("owner")
	for name, v := range map[string]struct{ addOffsets, commit, end int16 }{"first": {4, 4, 4}, "second": {-1, 5, 5}} {
		for _, commits := range []bool{false, true} {
			id, group := "orders-tx-"+name, "orders-"+name
			p := w.begin(t, id)
			if v.addOffsets >= 0 {
				q := addOffsets(v.addOffsets, id, group)
				q.ProducerID, q.ProducerEpoch = p.id, p.epoch
				if r := w.must(t, q).(*kmsg.AddOffsetsToTxnResponse); r.ErrorCode != 0 {
					t.Fatalf("%s: %+v", name, r)
				}
			}
			q := txnCommitOf(v.commit, id, group, "orders.eu")
			q.ProducerID, q.ProducerEpoch = p.id, p.epoch
			if r := w.must(t, q).(*kmsg.TxnOffsetCommitResponse); r.Topics[0].Partitions[0].ErrorCode != 0 {
				t.Fatalf("%s: %+v", name, r)
			}
			committed := func() (int64, int16) {
				f := offsetsOf(9, []string{group}, "orders.eu")
				f.RequireStable = true
				g := w.must(t, f).(*kmsg.OffsetFetchResponse).Groups[0]
				return g.Topics[0].Partitions[0].Offset, g.Topics[0].Partitions[0].ErrorCode
			}
			if at, code := committed(); at != -1 || code != unstableOffsets && code != 0 { // the engine knows of no group before its first commit
				t.Errorf("%s: before the end: %d, error %d", name, at, code)
			}
			end := endTxn(v.end, id, p.id, p.epoch, commits)
			if r := w.must(t, end).(*kmsg.EndTxnResponse); r.ErrorCode != 0 || v.end >= 5 && (r.ProducerID != p.id || r.ProducerEpoch != p.epoch+1) {
				t.Errorf("%s: %+v", name, r)
			}
			want := map[bool]int64{false: -1, true: 1}[commits]
			if at, code := committed(); at != want || code != 0 && commits {
				t.Errorf("%s, commit %v: after the end: %d, error %d", name, commits, at, code)
			}
		}
	}
}

// TestWireTxn_RecordsWithoutID: records that say they are part of a transaction,
// in a request that names none, are refused (KafkaApis.handleProduceRequest), and
// it is not klamm's own user who lacks a right.
func TestWireTxn_RecordsWithoutID(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	p := h.client0("owner").begin(t, "orders-tx")
	for version := int16(3); version <= h.offered()[0][1]; version++ {
		q := produceOf(version, nil, "orders")
		q.Topics[0].TopicID = h.topicID("orders")
		q.Topics[0].Partitions[0].Records = batchBy(p, "x")
		if r := h.client0("only").must(t, q).(*kmsg.ProduceResponse); r.Topics[0].Partitions[0].ErrorCode != deniedTxn {
			t.Errorf("Produce %d: %+v", version, r.Topics)
		}
	}
	if state := h.inside("orders-tx"); len(state) != 1 {
		t.Errorf("another's transaction is %q", state)
	}
	if r, ok := h.run.audit.LastFor("User:pool-only"); ok && r.Steps[len(r.Steps)-1].Code == guard.CodeUpstream {
		t.Errorf("audited as %+v", r.Steps)
	}
}
