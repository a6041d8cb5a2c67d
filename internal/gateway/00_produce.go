package gateway

import (
	"strings"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// Produce needs Write on each topic, and Write on the transactional id of
// every request that has one: with transactions of the second version nothing
// else is asked before it (KafkaApis.handleProduceRequest). IdempotentWrite is
// InitProducerId's matter (KIP-679).
//
//   - acks 0 has no answer: what is refused closes the connection, as in Kafka.
//     Dropping it silently would lose data unseen.
//   - v10 (KIP-951): the answer may name other brokers' addresses.
//   - v12 (KIP-890): adds partitions to the transaction.
//   - v13: topics by id.
func planProduce(s *session, c *call, f *kafka.Frame) (relay.Plan, error) {
	body := f.Body()
	if err := s.produce.Read(f.Version, body); err != nil {
		return relay.Plan{}, err
	}
	c.asked = true
	if id, ok := s.produce.TransactionalID(body); ok {
		c.whole = c.one(do(iam.Write, transactionalID(text(id))))
	} else if s.produce.Transactional {
		c.whole = c.outcome(iam.TransactionalID, s.grant.Refuse(c.Call, do(iam.Write, transactionalID("")), iam.Step{
			Name: "request", Saw: "records of a transaction in a request that names none", Wanted: "its transactional id",
			Mend: "use a client that names the transaction of its records", Code: guard.CodeUnserved,
		}))
	}
	all := c.whole == nil && s.topicsAllowed(c, iam.Write, s.produce.Topics, f.Version >= api.ProduceIDs, body)
	switch {
	case c.err != nil:
		return relay.Plan{}, c.err
	case all && !s.produce.Unknown && !f.Tagged:
		return relay.Plan{Verdict: relay.Pass, NoReply: s.produce.Acks == 0, Edit: s.producedEdit(c, f.Version)}, nil
	case s.produce.Acks == 0:
		return closed("a Produce without acks was refused, or has fields that nobody knows, and no answer that could say so")
	}
	req, err := api.Decode(keyProduce, f.Version, body)
	if err != nil {
		return relay.Plan{}, err
	}
	if c.whole == nil {
		q, i := req.(*kmsg.ProduceRequest), -1
		q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.ProduceRequestTopic) *refusal {
			i++
			if s.refused[i] != nil {
				forget(t)
			}
			return s.refused[i]
		})
	}
	return s.finish(c, f, req)
}

// forget lets go of the records of a topic that is kept for its error only.
func forget(t *kmsg.ProduceRequestTopic) {
	for i := range t.Partitions {
		t.Partitions[i].Records = nil
	}
}

// topicsAllowed decides about the topics of a request that was only peeked at
// and reports whether all are allowed; s.refused has the refusals otherwise.
// It allocates nothing when the answer is yes and the guard knows it.
func (s *session) topicsAllowed(c *call, op iam.Operation, topics []api.Topic, byID bool, body []byte) bool {
	s.refused = s.refused[:0]
	all := true
	for _, t := range topics {
		no := c.topic(op, byID, text(t.Name(body)), t.ID)
		all = all && no == nil
		s.refused = append(s.refused, no)
	}
	return all
}

// text is b as a string that lives as long as the frame: the guard copies what
// it keeps.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// answerEdit edits the answers of Produce requests that pass as they came. A
// client speaks one version, so that it is made once.
type answerEdit struct {
	version int16
	edit    func([]byte) ([]byte, error)
}

// producedEdit gives the edit for a version. An answer that is plain is not
// touched.
func (s *session) producedEdit(c *call, version int16) func([]byte) ([]byte, error) {
	if s.produced.edit != nil && s.produced.version == version {
		return s.produced.edit
	}
	head := len(kafka.ResponseHeader(nil, keyProduce, version, 0))
	who := guard.Call{Method: c.Method, ClientID: strings.Clone(c.ClientID)}
	s.produced = answerEdit{version, func(b []byte) ([]byte, error) {
		if len(b) >= head && api.PlainProduceAnswer(version, b[head:]) {
			return b, nil
		}
		resp, correlation, err := readResponse(keyProduce, version, b)
		if err != nil {
			return nil, err
		}
		call := who // the edits of two answers must not share it
		call.Correlation = correlation
		s.upstreamRefused(call, anyTopic(iam.Write), resp)
		s.target.rewrite(resp)
		return resp.AppendTo(kafka.ResponseHeader(nil, keyProduce, version, correlation)), nil
	}}
	return s.produced.edit
}
