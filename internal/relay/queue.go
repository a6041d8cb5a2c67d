package relay

import (
	"time"

	"github.com/klammhq/klamm/internal/kafka"
)

// pending is one answer that a client is owed.
type pending struct {
	local       bool // bytes are the answer; else the broker's is waited for
	bytes       []byte
	ready       time.Time // of a local answer that is held back
	correlation int32     // that the broker's answer must have
	edit        func([]byte) ([]byte, error)
	stream      kafka.StreamEdit
	size        int // what it counts against the limit of bytes
	last, drop  bool
}

// queue is a ring of what is owed, in the order of the requests.
type queue struct {
	items   []pending
	first   int
	n       int
	bytes   int
	waiting int // bytes of local answers
	awaited int // how many are worth waiting for at the session's end
}

func (q *queue) head() *pending { return &q.items[q.first] }

func (q *queue) push(p pending) {
	if q.n == len(q.items) {
		larger := make([]pending, max(4, 2*q.n))
		for i := range q.n {
			larger[i] = q.items[(q.first+i)%q.n]
		}
		q.items, q.first = larger, 0
	}
	q.items[(q.first+q.n)%len(q.items)] = p
	q.n++
	q.bytes += p.size
	q.waiting += len(p.bytes)
	if !p.drop {
		q.awaited++
	}
}

// keep is how many places an empty queue holds on to.
const keep = 16

func (q *queue) pop() pending {
	p := q.items[q.first]
	q.items[q.first] = pending{}
	q.first = (q.first + 1) % len(q.items)
	q.n--
	q.bytes -= p.size
	q.waiting -= len(p.bytes)
	if !p.drop {
		q.awaited--
	}
	if q.n == 0 && len(q.items) > keep {
		q.items, q.first = nil, 0
	}
	return p
}
