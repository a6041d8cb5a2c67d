package guard

import (
	"strings"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
)

// How much one principal can write into the audit log, whatever it does: so
// many events at once, and so many a second afterwards. What it is refused
// beyond that is counted for a window of time, and what it is allowed is audited
// when it does it again later.
const (
	refusalBurst, refusalsPerSecond = 1000, 2
	allowedBurst, allowedPerSecond  = 10_000, 20
	mostBudgets                     = 10_000
	everybody                       = iam.Principal("") // shares one when there are too many
)

// budgets are those of all principals. A principal that did nothing for long
// has none.
type budgets struct {
	mu    sync.Mutex
	of    map[iam.Principal]*budget
	swept time.Time
}

type budget struct {
	refusals, allowed bucket
	window            *window // nil: refusals are not counted only
}

// refusal takes the event of a refusal.
func (b *budgets) refusal(p iam.Principal) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(p).refusals.take(refusalBurst, refusalsPerSecond, time.Now())
}

// permission takes the event of something allowed.
func (b *budgets) permission(p iam.Principal) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(p).allowed.take(allowedBurst, allowedPerSecond, time.Now())
}

func (b *budgets) find(p iam.Principal) *budget {
	if one := b.of[p]; one != nil {
		return one
	}
	if b.of == nil {
		b.of = map[iam.Principal]*budget{}
	}
	if now := time.Now(); len(b.of) >= mostBudgets && now.Sub(b.swept) > time.Second {
		b.sweep(now)
		b.swept = now
	}
	if len(b.of) >= mostBudgets && p != everybody {
		return b.find(everybody)
	}
	one := &budget{}
	b.of[iam.Principal(strings.Clone(string(p)))] = one
	return one
}

// sweep forgets the principals whose budget is whole.
func (b *budgets) sweep(now time.Time) {
	for p, one := range b.of {
		if one.window == nil && one.refusals.full(refusalsPerSecond, now) && one.allowed.full(allowedPerSecond, now) {
			delete(b.of, p)
		}
	}
}

// window finds or begins the window of a principal; first tells which. ended is
// called at its end.
func (b *budgets) window(p iam.Principal, ended func(*window)) (w *window, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.find(p)
	if one.window != nil {
		return one.window, false
	}
	w = &window{of: one, ref: audit.NewReference(), written: make(chan struct{})}
	w.timer = time.AfterFunc(countedFor, func() { ended(w) })
	one.window = w
	return w, true
}

// forget ends a window: the next refusal finds another one.
func (b *budgets) forget(w *window) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.of.window == w {
		w.of.window = nil
	}
}

func (b *budgets) windows() (list []*window) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.of {
		if one.window != nil {
			list = append(list, one.window)
		}
	}
	return list
}

// bucket is a token bucket. The zero value is full.
type bucket struct {
	taken float64
	last  time.Time
}

func (b *bucket) take(burst, perSecond float64, now time.Time) bool {
	b.refill(perSecond, now)
	if b.taken+1 > burst {
		return false
	}
	b.taken++
	return true
}

func (b *bucket) full(perSecond float64, now time.Time) bool {
	b.refill(perSecond, now)
	return b.taken == 0
}

func (b *bucket) refill(perSecond float64, now time.Time) {
	b.taken = max(0, b.taken-perSecond*now.Sub(b.last).Seconds())
	b.last = now
}
