package gateway

import (
	"sync"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka/api"
)

// fetchSession is the session of a connection's Fetch requests (KIP-227): the
// broker remembers what was asked for, and later requests name changes only. Its
// id is a bearer secret, for Kafka gives the records of a session to any
// connection that sends its id: klamm forwards no id but the one that the broker
// gave to this connection, and decides at each request about all topics that
// were ever asked for in it.
//
// A connection has one session, the last that it opened.
type fetchSession struct {
	mu       sync.Mutex
	id       int32  // 0: there is none, or the answer that opens it is not here yet
	asked    uint64 // requests whose answers stream, in order
	answered uint64 // answers of those that have begun
	opening  uint64 // which of them opens the session; 0: none

	// Topics by name and by id. Only plans use them.
	names map[string]struct{}
	ids   map[[16]byte]struct{}
}

// has reports whether an id is that of the session.
func (s *fetchSession) has(id int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return id != 0 && id == s.id
}

// ask counts a request whose answer streams; it opens a session when open, after
// end.
func (s *fetchSession) ask(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; open {
		s.opening = s.asked
	}
}

// began is told what the next of the answers that stream begins with. It is
// called on another goroutine than the rest.
func (s *fetchSession) began(code int16, id int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered++; s.answered == s.opening && code == 0 {
		s.id = id
	}
}

// end forgets the session.
func (s *fetchSession) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.opening, s.names, s.ids = 0, 0, nil, nil
}

// follow adds the topics of a request to those of the session, and reports
// whether there is room. Once all are known it allocates nothing.
func (s *fetchSession) follow(topics []api.Topic, byID bool, body []byte) bool {
	for _, t := range topics {
		if byID {
			if _, ok := s.ids[t.ID]; !ok {
				s.ids = with(s.ids, t.ID)
			}
		} else if _, ok := s.names[text(t.Name(body))]; !ok {
			s.names = with(s.names, string(t.Name(body)))
		}
	}
	return len(s.names)+len(s.ids) <= keptTopics
}

func with[K comparable](set map[K]struct{}, key K) map[K]struct{} {
	if set == nil {
		set = map[K]struct{}{}
	}
	set[key] = struct{}{}
	return set
}

// stillAllowed decides about all topics of the session.
func (s *fetchSession) stillAllowed(c *call) bool {
	for name := range s.names {
		if c.one(do(iam.Read, topic(name))) != nil {
			return false
		}
	}
	for id := range s.ids {
		if c.topicByID(iam.Read, id) != nil {
			return false
		}
	}
	return true
}
