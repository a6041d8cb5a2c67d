package auditlog

import (
	"sync"

	"github.com/klammhq/klamm/internal/audit"
)

// index is the latest refusals, by reference and by whom they concern. It is
// bounded: the oldest makes room.
type index struct {
	mu    sync.Mutex
	ring  []audit.Record
	next  int               // where the next one goes
	byRef map[string]int    // place in ring
	last  map[string]string // subject to reference
}

func newIndex(size int) *index {
	return &index{ring: make([]audit.Record, size), byRef: map[string]int{}, last: map[string]string{}}
}

func (x *index) add(r audit.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.ring[x.next]
	delete(x.byRef, old.Event.ID)
	for _, subject := range old.Subjects {
		if x.last[subject] == old.Event.ID {
			delete(x.last, subject)
		}
	}
	x.ring[x.next] = r
	x.byRef[r.Event.ID] = x.next
	for _, subject := range r.Subjects {
		x.last[subject] = r.Event.ID
	}
	x.next = (x.next + 1) % len(x.ring)
}

func (x *index) ref(ref string) (audit.Record, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, ok := x.byRef[ref]
	if !ok {
		return audit.Record{}, false
	}
	return x.ring[i], true
}

func (x *index) lastFor(subject string) (audit.Record, bool) {
	x.mu.Lock()
	ref := x.last[subject]
	x.mu.Unlock()
	if ref == "" {
		return audit.Record{}, false
	}
	return x.ref(ref)
}
