package guard

import (
	"strings"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/audit"
)

// account is what a budget is for: a principal, or an address from which logins
// are refused.
type account string

// How much one account can write into the audit log, whatever it does: so many
// events at once, and so many a second afterwards. What it is refused beyond that
// is counted for a window of time, and what it is allowed is audited when it does
// it again later.
const (
	refusalBurst, refusalsPerSecond = 1000, 2
	allowedBurst, allowedPerSecond  = 10_000, 20
	mostBudgets                     = 10_000
	everybody                       = account("") // shares one when there are too many
)

// kind says what an account is, in the words of an event.
func (a account) kind() string {
	if strings.HasPrefix(string(a), "address ") {
		return "address"
	}
	return "principal"
}

// budgets are those of all accounts. One that did nothing for long has none.
type budgets struct {
	mu    sync.Mutex
	of    map[account]*budget
	swept time.Time
}

type budget struct {
	refusals, allowed bucket
	window            *window // nil: refusals are not counted only
}

// refusal takes the event of a refusal.
func (b *budgets) refusal(a account) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(a).refusals.take(refusalBurst, refusalsPerSecond, time.Now())
}

// permission takes the event of something allowed.
func (b *budgets) permission(a account) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(a).allowed.take(allowedBurst, allowedPerSecond, time.Now())
}

func (b *budgets) find(a account) *budget {
	if one := b.of[a]; one != nil {
		return one
	}
	if b.of == nil {
		b.of = map[account]*budget{}
	}
	if now := time.Now(); len(b.of) >= mostBudgets && now.Sub(b.swept) > time.Second {
		b.sweep(now)
		b.swept = now
	}
	if len(b.of) >= mostBudgets && a != everybody {
		return b.find(everybody)
	}
	one := &budget{}
	b.of[account(strings.Clone(string(a)))] = one
	return one
}

// sweep forgets the accounts whose budget is whole.
func (b *budgets) sweep(now time.Time) {
	for a, one := range b.of {
		if one.window == nil && one.refusals.full(refusalsPerSecond, now) && one.allowed.full(allowedPerSecond, now) {
			delete(b.of, a)
		}
	}
}

// window finds or begins the window of an account; first tells which. ended is
// called at its end.
func (b *budgets) window(a account, ended func(*window)) (w *window, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.find(a)
	if one.window != nil {
		return one.window, false
	}
	w = &window{of: one, whose: a.kind(), ref: audit.NewReference(), written: make(chan struct{})}
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
