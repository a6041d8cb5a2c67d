package guard

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
)

// countedFor is how long the refusals of an account are only counted.
const countedFor = time.Minute

// window is a time in which the refusals of one account are counted. Its
// first event is on the disk before any of them is answered; its last ones say
// how many there were.
type window struct {
	of      *budget       // which may be shared
	whose   string        // "principal" or "address"
	ref     string        // of the first event
	written chan struct{} // closed when that is on the disk
	timer   *time.Timer

	mu     sync.Mutex
	closed bool
	rest   rest
}

// counted puts a refusal into its account's window, whose first one is
// written at once.
func (g *Guard) counted(r about, explain func() []iam.Step) *window {
	for {
		w, first := g.budgets.window(r.account(), g.closeWindow)
		if first {
			defer close(w.written)
			until := time.Now().Add(countedFor).UTC().Format(time.RFC3339)
			step := iam.Step{
				Name: "counted", Saw: fmt.Sprintf("more than %d refusals of %s", refusalBurst, cut(string(r.account()))),
				Wanted: "fewer; further ones are counted until " + until + " and stand in the events of that time",
			}
			g.record(context.Background(), g.refusal(w.ref, r.kept(), append([]iam.Step{step}, explain()...)))
			return w
		}
		if w.count(r, explain) {
			return w
		}
	}
}

// count is false when the window has just closed.
func (w *window) count(r about, explain func() []iam.Step) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	if k := w.rest.find(r); k != nil {
		k.count(r)
	} else {
		w.rest.begin(r, explain())
	}
	return true
}

// closeWindow writes what a window has counted.
func (g *Guard) closeWindow(w *window) {
	g.budgets.forget(w)
	w.timer.Stop()
	w.mu.Lock()
	already := w.closed
	w.closed = true
	w.mu.Unlock()
	if already {
		return
	}
	g.watch.Unwritten(Counted, w.rest.total())
	g.record(context.Background(), w.rest.records(g, "of the same "+w.whose+" within "+countedFor.String())...)
}

// Flush writes what is only counted yet. Call it when nobody is let in any
// more, before the audit log is closed.
func (g *Guard) Flush() {
	for _, w := range g.budgets.windows() {
		g.closeWindow(w)
	}
}

// recordAll writes what has happened already, many events at a time.
func (g *Guard) recordAll(records []audit.Record) {
	const together = 256
	for chunk := range slices.Chunk(records, together) {
		g.record(context.Background(), chunk...)
	}
}
