package gateway

import (
	"context"
	"strconv"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// session is one client that was let in. Plan is never called concurrently, so
// that what it needs for one request is kept here and used again.
type session struct {
	g      *Gateway
	target *target
	via    relay.Via
	offer  *offer
	grant  *guard.Session

	call       call
	produce    api.Produce
	fetch      api.Fetch
	fetched    fetchSession
	shared     shareSession
	subscribed subscriptions // by regular expressions
	refused    []*refusal    // of the topics of a Produce or Fetch
	produced   answerEdit    // of the Produce requests that pass
	streamed   streamEdit    // of the Fetch requests that pass

	renewal  renewal
	refusals refusals   // of rules that pause
	held     guard.Held // what the request at hand is refused
}

func newSession(v *visitor, grant *guard.Session) *session {
	return &session{g: v.g, target: v.t, via: v.via, offer: v.offer, grant: grant}
}

func (s *session) Dial(ctx context.Context) (*kafka.Link, error) {
	return s.target.Dial(ctx, s.via.Broker)
}

func (s *session) Done() <-chan struct{} { return s.grant.Done() }

func (s *session) Close() { s.grant.Close() }

// Plan decides about one request. Whatever it does not know is closed.
func (s *session) Plan(ctx context.Context, f *kafka.Frame) (relay.Plan, error) {
	if !s.grant.Live() && !s.renewal.begun { // a renewal that began in time may end late (KIP-368)
		return relay.Plan{}, fault.New(fault.Unauthenticated, "the session has ended: %s", s.grant.Reason())
	}
	c := s.begin(ctx, f)
	defer c.end()
	plan, err := s.plan(c, f)
	if fault.KindOf(err) == fault.Malformed {
		c.attack(err.Error(), "a request that can be read", askVersions)
	}
	return plan, err
}

// Unreadable audits a request whose header, or size, is none.
func (s *session) Unreadable(err error) {
	c := s.begin(context.Background(), &kafka.Frame{Header: kafka.Header{Key: -1}})
	defer c.end()
	c.attack(err.Error(), "a request that can be read", askVersions)
}

// Accuse audits an answer that no broker gives: what was wrong with it is the step.
func (s *session) Accuse(err error) {
	c := s.begin(context.Background(), &kafka.Frame{Header: kafka.Header{Key: -1}})
	defer c.end()
	s.grant.Refuse(c.Call, do(iam.ClusterAction, iam.ClusterResource()), iam.Step{
		Name: "upstream", Saw: fault.Detail(err), Wanted: "an answer to the request that was due", Code: guard.CodeBreach,
	})
}

func (s *session) plan(c *call, f *kafka.Frame) (relay.Plan, error) {
	if s.renewal.begun && f.Key != keySaslAuthenticate {
		c.attack("a "+nameOf(f.Key)+" request in the middle of a re-authentication", "SaslAuthenticate after SaslHandshake", newLogin)
		return relay.Plan{}, c.err
	}
	switch f.Key {
	case keyApiVersions:
		b, err := answerVersions(s.target, s.offer, s.via, f)
		return relay.Plan{Verdict: relay.Answer, Bytes: b}, err
	case keySaslHandshake:
		return s.handshake(c, f)
	case keySaslAuthenticate:
		return s.authenticate(c, f)
	}
	r, ok := rules[f.Key]
	switch {
	case !ok || !s.offer.has(f.Key, f.Version):
		return s.unserved(c, f)
	case r.plan != nil:
		return r.plan(s, c, f)
	}
	return s.decoded(c, r, f)
}

// begin makes the session's call ready for a request.
func (s *session) begin(ctx context.Context, f *kafka.Frame) *call {
	clear(s.call.edits) // they hold parts of requests
	s.produce.Topics, s.fetch.Topics, s.refused = small(s.produce.Topics), small(s.fetch.Topics), small(s.refused)
	s.call = call{ctx: ctx, session: s, edits: s.call.edits[:0]}
	s.call.Call = guard.Call{Method: methodOf(f.Key), Correlation: f.Correlation, Held: &s.held}
	if len(f.ClientID) > 0 {
		// The guard copies what it keeps, and the bytes outlive this request.
		s.call.ClientID = unsafe.String(unsafe.SliceData(f.ClientID), len(f.ClientID))
	}
	return &s.call
}

// end brings what was refused to the disk: the answer may leave afterwards.
func (c *call) end() {
	c.session.grant.Settle(&c.session.held)
	c.ClientID, c.ctx = "", nil // they must not outlive the frame
}

func closed(format string, args ...any) (relay.Plan, error) {
	return relay.Plan{}, fault.New(fault.Forbidden, format, args...)
}

// beyond are answers of versions that Kafka has and kmsg cannot write.
var beyond = map[[2]int16]func(*kafka.Frame) []byte{{22, 6}: initProducerID6}

// unserved answers a key, or a version of it, that is not offered with
// UNSUPPORTED_VERSION in that key's own response. One that nobody knows closes,
// as in Kafka.
func (s *session) unserved(c *call, f *kafka.Frame) (relay.Plan, error) {
	if answer, ok := beyond[[2]int16{f.Key, f.Version}]; ok {
		return relay.Plan{Verdict: relay.Answer, Bytes: answer(f)}, nil
	}
	req := kmsg.RequestForKey(f.Key)
	if req == nil || f.Version < 0 || f.Version > req.MaxVersion() {
		c.attack(nameOf(f.Key)+" in a version that is not known", "an API key and version of ApiVersions", askVersions)
		return relay.Plan{}, c.err
	}
	req.SetVersion(f.Version)
	if api.Decodes(f.Key) {
		var err error
		if req, err = s.decode(f, rules[f.Key].limit); err != nil {
			return relay.Plan{}, err
		}
	}
	if q, ok := req.(*kmsg.ProduceRequest); ok && q.Acks == 0 {
		return closed("Produce %d without acks, which has no answer that could say that it is not served", f.Version)
	}
	return relay.Plan{Verdict: relay.Answer, Bytes: appendResponse(f, ownError(req, refusal{code: unsupportedVersion}))}, nil
}

func (s *session) decode(f *kafka.Frame, limit int) (kmsg.Request, error) {
	if limit == 0 {
		limit = decodedBytes
	}
	if n := len(f.Body()); n > limit {
		return nil, fault.New(fault.Malformed, "a %s request of %d bytes, at most %d are decoded", nameOf(f.Key), n, limit)
	}
	return api.Decode(f.Key, f.Version, f.Body())
}

func nameOf(key int16) string {
	if kmsg.RequestForKey(key) == nil {
		return "API key " + strconv.Itoa(int(key))
	}
	return kmsg.Key(key).Name()
}

// keptTopics is how many topics a session has room for between requests.
const keptTopics = 4096

// small lets go of the room that one large request took.
func small[T any](list []T) []T {
	if cap(list) > keptTopics {
		return nil
	}
	return list
}
