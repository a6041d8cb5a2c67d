package gateway

import "time"

// refusals are those of a connection that its client would have by the thousand. The
// protocol has no word for it: a throttle time is not kept to by such clients.
type refusals struct {
	last time.Time
	n    int // with no longer pause between them than quiet
}

const (
	quick = 5                // refusals that are answered at once
	quiet = 10 * time.Second // after which they begin anew
)

// storm counts one, and reports whether its answer is to be held back.
func (r *refusals) storm(now time.Time) bool {
	if now.Sub(r.last) > quiet {
		r.n = 0
	}
	r.last = now
	r.n++
	return r.n > quick
}
