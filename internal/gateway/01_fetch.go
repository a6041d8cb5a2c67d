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
//   - v7: sessions (KIP-227). An id that this connection was not given is never
//     forwarded: a client that goes on with it is told that nobody knows it, one
//     that begins anew is served. When a topic of the session is refused the
//     session is over in the same way, so that the client asks for all of them
//     and reads why. A request with a refused topic has no session.
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
	epoch, known := s.fetch.SessionEpoch, s.fetched.has(s.fetch.SessionID)
	if epoch < wholeFetch || epoch > freshSession && !known {
		return s.fetchAnew(c, f)
	}
	byID := f.Version >= api.FetchIDs
	all := s.topicsAllowed(c, iam.Read, s.fetch.Topics, byID, body)
	if epoch > freshSession {
		all = all && s.fetched.follow(s.fetch.Topics, byID, body) && s.fetched.stillAllowed(c)
	}
	switch {
	case c.err != nil:
		return relay.Plan{}, c.err
	case all && !s.fetch.Unknown && !f.Tagged:
		return s.fetchAll(c, f, known), nil
	}
	s.fetched.end()
	if epoch > freshSession {
		return s.fetchAnew(c, f)
	}
	return s.fetchPart(c, f)
}

// Epochs of requests that do not go on with a session: one that has none, and
// ends the one that it names, and one that opens another.
const (
	wholeFetch   = -1
	freshSession = 0
)

// fetchAnew tells the client to begin anew, with all its topics.
func (s *session) fetchAnew(c *call, f *kafka.Frame) (relay.Plan, error) {
	resp := kmsg.NewPtrFetchResponse()
	resp.ErrorCode = fetchSessionUnknown
	return s.here(c, f, resp)
}

// fetchAll passes a request of which all is allowed; known says that the session
// that it names is the connection's own.
func (s *session) fetchAll(c *call, f *kafka.Frame, known bool) relay.Plan {
	q, body := &s.fetch, f.Body()
	open := q.SessionEpoch == freshSession && len(q.Topics) <= keptTopics
	if q.SessionEpoch <= freshSession {
		id, epoch := int32(0), int32(wholeFetch)
		if known {
			id = q.SessionID // which ends
		}
		if open {
			epoch = freshSession
		}
		if known || open {
			s.fetched.end()
		}
		q.Session(body, id, epoch)
	}
	if open {
		s.fetched.follow(q.Topics, f.Version >= api.FetchIDs, body)
	}
	if f.Version >= api.FetchSessions {
		s.fetched.ask(open)
	}
	return relay.Plan{Verdict: relay.Pass, Drop: true, Stream: s.streamedEdit(c, f.Version)}
}

// fetchPart sends what is allowed of a request, without a session.
func (s *session) fetchPart(c *call, f *kafka.Frame) (relay.Plan, error) {
	s.fetch.Session(f.Body(), 0, wholeFetch)
	req, err := api.Decode(keyFetch, f.Version, f.Body())
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
	stream := api.NewFetchStream(version, topicDenied)
	stream.Began = s.fetched.began
	s.streamed = streamEdit{version, &fetchAnswers{
		FetchStream: stream,
		refused:     func() { s.refuseUpstream(who, anyTopic(iam.Read)) },
	}}
	return s.streamed.edit
}

// streamEdit is the edit of a version's answers that stream.
type streamEdit struct {
	version int16
	edit    *fetchAnswers
}
