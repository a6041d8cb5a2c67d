package imds

import (
	"sync"
	"time"
)

// The limits of the identity endpoint for each machine.
const (
	perSecond  = 20
	concurrent = 5
)

// throttle counts requests. The zero throttle lets a full second's in at once.
type throttle struct {
	mu     sync.Mutex
	within int       // being answered
	spent  float64   // of the second's requests
	last   time.Time // when spent was right
}

func (t *throttle) enter(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	// A clock that is set back gives nothing, and takes nothing later.
	passed := max(0, now.Sub(t.last).Seconds())
	t.spent = max(0, t.spent-passed*perSecond)
	t.last = now
	if t.within >= concurrent || t.spent > perSecond-1 {
		return false
	}
	t.within++
	t.spent++
	return true
}

func (t *throttle) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.within--
}
