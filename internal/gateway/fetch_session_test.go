package gateway

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// fetching is a connection with a fetch session, or on the way to one.
type fetching struct {
	*byHand
	version int16
	ids     map[string][16]byte
	session int32
}

// fetches logs in and is ready to fetch in a version.
func (h *house) fetches(token string, version int16) *fetching {
	f := &fetching{byHand: h.loggedIn(token, 0), version: version, ids: map[string][16]byte{}}
	for _, name := range []string{"orders", "orders.eu", "secret", ownTopic} {
		_, f.ids[name] = h.leader(name)
	}
	return f
}

// request names topics as its version does.
func (f *fetching) request(session, epoch int32, topics ...string) *kmsg.FetchRequest {
	q := fetchOf(f.version, topics...)
	q.SessionID, q.SessionEpoch, q.MaxWaitMillis = session, epoch, 1
	for i := range q.Topics {
		q.Topics[i].TopicID = f.ids[q.Topics[i].Topic]
	}
	return q
}

// open opens a session of topics that may be read.
func (f *fetching) open(topics ...string) *fetching {
	f.t.Helper()
	r := f.ask(f.request(0, 0, topics...)).(*kmsg.FetchResponse)
	if r.ErrorCode != 0 || r.SessionID == 0 || len(r.Topics) != len(topics) {
		f.t.Fatalf("version %d: no session: %+v", f.version, r)
	}
	f.session = r.SessionID
	return f
}

// goesOn wants an answer within the session.
func (f *fetching) goesOn(epoch int32, topics ...string) {
	f.t.Helper()
	if r := f.ask(f.request(f.session, epoch, topics...)).(*kmsg.FetchResponse); r.ErrorCode != 0 || r.SessionID != f.session {
		f.t.Errorf("version %d, epoch %d: %+v", f.version, epoch, r)
	}
}

// isUnknown wants nothing but the advice to begin anew.
func (f *fetching) isUnknown(session, epoch int32, topics ...string) {
	f.t.Helper()
	if r := f.ask(f.request(session, epoch, topics...)).(*kmsg.FetchResponse); r.ErrorCode != fetchSessionUnknown || r.SessionID != 0 || len(r.Topics) != 0 {
		f.t.Errorf("version %d, session %d, epoch %d: %+v", f.version, session, epoch, r)
	}
}

// eachSessionVersion runs f with a house of one broker.
func eachSessionVersion(t *testing.T, f func(t *testing.T, h *house, version int16)) {
	h := build(t, alice(), kfake.NumBrokers(1))
	for version := int16(7); version <= rules[keyFetch].max; version++ {
		h.people.bind(t, alice()...)
		f(t, h, version)
	}
}

// TestFetchSession: a client goes on with what it was given, and the broker is
// sent no more than it sent.
func TestFetchSession(t *testing.T) {
	eachSessionVersion(t, func(t *testing.T, h *house, version int16) {
		f := h.fetches("alice", version).open("orders")
		f.goesOn(1)
		f.goesOn(2, "orders.eu")
		f.goesOn(3)
		q := f.request(f.session, 4)
		q.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "orders", TopicID: f.ids["orders"], Partitions: []int32{0}}}
		if r := f.ask(q).(*kmsg.FetchResponse); r.ErrorCode != 0 || r.SessionID != f.session {
			t.Errorf("version %d: %+v", version, r)
		}
		// It opens another in place of it, and ends that.
		old := f.session
		r := f.ask(f.request(old, 0, "orders")).(*kmsg.FetchResponse)
		if r.ErrorCode != 0 || r.SessionID == 0 || r.SessionID == old {
			t.Errorf("version %d: %+v", version, r)
		}
		f.isUnknown(old, 5)
		f.session = r.SessionID
		f.goesOn(1)
		if r := f.ask(f.request(f.session, -1, "orders")).(*kmsg.FetchResponse); r.ErrorCode != 0 || r.SessionID != 0 || len(r.Topics) != 1 {
			t.Errorf("version %d: %+v", version, r)
		}
		f.isUnknown(f.session, 2)
	})
}

// TestSecurity_21_StolenFetchSession: the id of another client's session gives
// nothing; who begins anew with an old id is served, and the session's owner
// notices nothing.
func TestSecurity_21_StolenFetchSession(t *testing.T) {
	eachSessionVersion(t, func(t *testing.T, h *house, version int16) {
		owner := h.fetches("admin", version).open("secret")
		broker := sees[*kmsg.FetchRequest](h, keyFetch)
		thief := h.fetches("alice", version)
		for _, epoch := range []int32{1, 2, 1<<31 - 1, -2, -1 << 31} {
			thief.isUnknown(owner.session, epoch)
			thief.isUnknown(owner.session, epoch, "orders")
			thief.isUnknown(0, epoch)
		}
		if saw := broker.take(t); len(saw) != 0 {
			t.Errorf("version %d: the broker saw %+v", version, saw)
		}
		for _, epoch := range []int32{0, -1} {
			r := thief.ask(thief.request(owner.session, epoch, "orders")).(*kmsg.FetchResponse)
			if r.ErrorCode != 0 || r.SessionID == owner.session || (r.SessionID != 0) != (epoch == 0) || len(r.Topics) != 1 {
				t.Errorf("version %d, epoch %d: %+v", version, epoch, r)
			}
			if saw := broker.take(t); len(saw) != 1 || saw[0].SessionID != 0 || saw[0].SessionEpoch != epoch {
				t.Errorf("version %d, epoch %d: the broker saw %+v", version, epoch, saw)
			}
		}
		// Nor with a session of its own.
		thief.open("orders")
		thief.isUnknown(owner.session, 1)
		thief.goesOn(1)
		owner.goesOn(1)
		// Nor on another connection of the owner.
		h.fetches("admin", version).isUnknown(owner.session, 2)
		owner.goesOn(2)
	})
}

// TestRightsInAFetchSession: what is taken away ends the session at its next
// request, what was never given does not get into it, and the client that begins
// anew reads which topic it was.
func TestRightsInAFetchSession(t *testing.T) {
	eachSessionVersion(t, func(t *testing.T, h *house, version int16) {
		f := h.fetches("alice", version).open("orders", "orders.eu")
		f.goesOn(1)
		h.people.bind(t, append(alice()[2:], binding("alice", "DeveloperRead", iam.Topic, "orders"))...)
		f.isUnknown(f.session, 2)
		f.isUnknown(f.session, 2) // and stays so
		r := f.ask(f.request(f.session, 0, "orders", "orders.eu")).(*kmsg.FetchResponse)
		codes := map[[16]byte]int16{}
		for _, topic := range r.Topics {
			codes[topic.TopicID] = topic.Partitions[0].ErrorCode
			if topic.Topic != "" {
				codes[f.ids[topic.Topic]] = topic.Partitions[0].ErrorCode
			}
		}
		if r.ErrorCode != 0 || r.SessionID != 0 || codes[f.ids["orders"]] != 0 || codes[f.ids["orders.eu"]] != topicDenied {
			t.Errorf("version %d: %+v", version, r)
		}
		f.open("orders") // an answer that was held counts for nothing
		f.goesOn(1)
		for _, name := range []string{"secret", ownTopic, "orders.eu"} {
			f.isUnknown(f.session, 2, name)
			f.open("orders")
		}
		h.people.bind(t, alice()...)
		f.open("orders", "orders.eu").goesOn(1)
	})
}

// TestSessionsInFlight: the id of a session is taken from the answer to the
// request that opened it and from no other, so that the topics which are decided
// about are those of the session.
func TestSessionsInFlight(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	plan := func(id, epoch int32, topics ...string) relay.Plan {
		t.Helper()
		q := fetchOf(12, topics...)
		q.SessionID, q.SessionEpoch = id, epoch
		p, err := s.Plan(h.ctx(), frame(t, q))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	answered := func(p relay.Plan, id int32, code int16) {
		t.Helper()
		r := kmsg.NewPtrFetchResponse()
		r.Version, r.SessionID, r.ErrorCode = 12, id, code
		b := r.AppendTo(kafka.ResponseHeader(nil, keyFetch, 12, 7))
		for i := range b { // byte by byte
			if err := p.Stream.Edit(b[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Stream.End(); err != nil {
			t.Fatal(err)
		}
	}
	passes := func(id, epoch int32, want bool) {
		t.Helper()
		if p := plan(id, epoch); (p.Verdict == relay.Pass) != want {
			t.Errorf("session %d, epoch %d: verdict %d", id, epoch, p.Verdict)
		} else if want {
			answered(p, id, 0)
		}
	}
	first, second := plan(0, 0, "orders"), plan(0, 0, "orders.eu")
	passes(71, 1, false)
	answered(first, 71, 0)
	passes(71, 1, false) // the second is what counts
	answered(second, 72, 0)
	passes(71, 1, false)
	passes(72, 1, true)

	whole := plan(0, -1, "orders") // beside the session
	answered(whole, 99, 0)
	passes(72, 2, true)
	passes(99, 1, false)
	passes(72, 3, true)

	third := plan(72, 0, "orders")
	passes(72, 4, false)
	answered(third, 0, 0) // the broker has no room for sessions
	passes(0, 1, false)
	answered(plan(0, 0, "orders"), 74, 6) // an error is no session
	passes(74, 1, false)
	if p := plan(0, 0, "orders", "secret"); p.Verdict != relay.Send || p.Stream != nil {
		t.Errorf("%+v", p)
	}
	answered(plan(0, 0, "orders"), 75, 0)
	passes(75, 1, true)
	// Topics of the sessions before are forgotten.
	if len(s.fetched.names) != 1 || s.fetched.ids != nil {
		t.Errorf("%v %v", s.fetched.names, s.fetched.ids)
	}
}

// TestLargeFetchSessions: more topics than are remembered have no session.
func TestLargeFetchSessions(t *testing.T) {
	h := build(t, alice())
	s := h.session("admin")
	var many []string
	for _, n := range names(keptTopics + 1) {
		many = append(many, "orders-"+n)
	}
	q := fetchOf(12, many...)
	q.SessionEpoch = 0
	f := frame(t, q)
	planPasses(t, s, f)
	if err := s.fetch.Read(12, f.Body()); err != nil || s.fetch.SessionEpoch != -1 {
		t.Errorf("epoch %d, %v", s.fetch.SessionEpoch, err)
	}
	q = fetchOf(12, many[:keptTopics]...)
	q.SessionEpoch = 0
	planPasses(t, s, frame(t, q))
	s.fetched.began(0, 0)
	s.fetched.began(0, 7)
	q = fetchOf(12, many[:keptTopics]...) // which are remembered already
	q.SessionID, q.SessionEpoch = 7, 1
	planPasses(t, s, frame(t, q))
	q = fetchOf(12, many[keptTopics])
	q.SessionID, q.SessionEpoch = 7, 1
	if p, err := s.Plan(h.ctx(), frame(t, q)); err != nil || p.Verdict != relay.Answer {
		t.Errorf("%+v, %v", p, err)
	}
	if s.fetched.names != nil || s.fetched.id != 0 {
		t.Errorf("%d names are kept", len(s.fetched.names))
	}
}

// inSession is a session that has a fetch session of topics.
func (h *house) inSession(t testing.TB, id int32, topics ...string) *session {
	s := h.session("alice")
	q := fetchOf(12, topics...)
	q.SessionEpoch = 0
	planPasses(t, s, frame(t, q))
	s.fetched.began(0, id)
	return s
}
