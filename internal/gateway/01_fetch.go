package gateway

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// heldBytes is how much a broker may send of records for a Fetch whose answer
// has to be held, since what was refused is added to it. A client that wants
// more asks again.
const heldBytes = 4 << 20

// Fetch needs Read on each topic (KafkaApis.handleFetchRequest).
//
//   - Every fetch is made one without a session, in place (KIP-227): a session
//     id is a bearer secret, and Kafka gives the records of a session to any
//     connection that sends its id. A client that goes on with a session it had
//     elsewhere is told that nobody knows it; one that begins is served.
//   - A replica id other than a consumer's, -1, is an attack (CVE-2018-1288); up
//     to v14 it is the first field, from v15 (KIP-903) it stands in a tag.
//   - v12: an answer may end in a field with addresses of new leaders, which
//     brokers fill from v16 on (KIP-951). It is taken out while it streams.
//   - v13: topics by id.
func planFetch(s *session, c *call, f *kafka.Frame) (relay.Plan, error) {
	body := f.Body()
	if err := s.fetch.Read(f.Version, body); err != nil {
		return relay.Plan{}, err
	}
	c.asked = true
	if s.fetch.ReplicaID != -1 {
		c.attack("a Fetch as replica", "a consumer, whose replica id is -1", fetchBehind)
		return relay.Plan{}, c.err
	}
	if e := s.fetch.SessionEpoch; e != 0 && e != -1 {
		resp := kmsg.NewPtrFetchResponse()
		resp.ErrorCode = fetchSessionUnknown
		return s.here(c, f, resp)
	}
	s.fetch.Sessionless(body)
	all := s.topicsAllowed(c, iam.Read, s.fetch.Topics, f.Version >= api.FetchIDs, body)
	if c.err != nil {
		return relay.Plan{}, c.err
	}
	if all {
		return relay.Plan{Verdict: relay.Pass, Drop: true, Stream: s.streamedEdit(c, f.Version)}, nil
	}
	req, err := api.Decode(keyFetch, f.Version, body)
	if err != nil {
		return relay.Plan{}, err
	}
	q, i := req.(*kmsg.FetchRequest), -1
	q.Topics = keep(c, q.Topics, "Topics", func(*kmsg.FetchRequestTopic) *refusal { i++; return s.refused[i] })
	q.ForgottenTopics = nil                 // of the session that is no more
	q.MaxBytes = min(q.MaxBytes, heldBytes) // the answer is held, not streamed
	plan, err := s.finish(c, f, req)
	plan.Drop = true
	return plan, err
}

// fetchAnswers edits a session's answers that stream through. They stream one
// after the other, so that one serves all of a version. It is used on another
// goroutine than the session's plans.
type fetchAnswers struct {
	*api.FetchStream
	refused func() // the broker refused klamm's own user
}

func (a *fetchAnswers) End() error {
	seen, err := a.FetchStream.End()
	if seen {
		a.refused()
	}
	return err
}

// streamedEdit gives the edit for a version; a client speaks one, so that it
// is made once.
func (s *session) streamedEdit(c *call, version int16) kafka.StreamEdit {
	if s.streamed.edit != nil && s.streamed.version == version {
		return s.streamed.edit
	}
	who := guard.Call{Method: c.Method, ClientID: strings.Clone(c.ClientID)}
	s.streamed = streamEdit{version, &fetchAnswers{
		FetchStream: api.NewFetchStream(version, topicDenied),
		refused:     func() { s.refuseUpstream(who, anyTopic(iam.Read)) },
	}}
	return s.streamed.edit
}

// streamEdit is the edit of a version's answers that stream.
type streamEdit struct {
	version int16
	edit    *fetchAnswers
}
