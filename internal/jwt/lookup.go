package jwt

import (
	"context"
	"fmt"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// Key implements [KeySet]. It waits for at most one fetch, and never beyond ctx.
func (r *Remote) Key(ctx context.Context, kid string) (Key, error) {
	now := time.Now()
	good := r.usable(now)
	key, found := good.find(kid)
	if found && now.Before(good.refresh) {
		return key, nil
	}
	fetch, down := r.fetchFor(kid, good, now)
	// Keys that were asked for lately, or whose provider is down, are not waited for.
	if found && (down || now.Before(good.wait)) {
		return key, nil
	}
	fetch.wait(ctx)
	good = r.usable(time.Now())
	if key, found = good.find(kid); found {
		return key, nil
	}
	return Key{}, r.missing(ctx, kid, good, fetch != nil)
}

// Refresh fetches now, outside the rate of lookups. What it finds was
// published after the call began.
func (r *Remote) Refresh(ctx context.Context) error {
	r.mu.Lock()
	earlier := r.flight
	r.mu.Unlock()
	earlier.wait(ctx)

	r.mu.Lock()
	fetch := r.flight
	if fetch == nil {
		fetch = r.start()
	}
	r.mu.Unlock()
	if !fetch.wait(ctx) {
		return unavailable(ctx.Err())
	}
	if fetch.err != nil {
		return unavailable(fetch.err)
	}
	return nil
}

// usable is nil when there are no keys or they are older than goodFor.
func (r *Remote) usable(now time.Time) *fetched {
	if good := r.good.Load(); good != nil && now.Sub(good.at) < goodFor {
		return good
	}
	return nil
}

// find is safe on nil, which has no keys.
func (f *fetched) find(kid string) (Key, bool) {
	if f == nil {
		return Key{}, false
	}
	return f.keys.find(kid)
}

// fetchFor starts or joins a fetch; nil when the lookup must do without. It
// also says whether the last one failed.
func (r *Remote) fetchFor(kid string, good *fetched, now time.Time) (f *flight, down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	down = r.failed != nil
	if r.flight != nil {
		return r.flight, down
	}
	// No fetch tells which of several keys a token without kid means.
	ambiguous := kid == "" && good != nil && now.Before(good.refresh)
	if missed, known := r.misses[kid]; ambiguous || known && now.Sub(missed) < missFor || !r.budget.take(now) {
		return nil, down
	}
	return r.start(), down
}

// missing says why there is no key, and remembers the ids that were asked for in vain.
func (r *Remote) missing(ctx context.Context, kid string, good *fetched, asked bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return unavailable(ctx.Err())
	case r.failed != nil || good == nil:
		return unavailable(r.failed)
	}
	if asked && kid != "" {
		if len(r.misses) >= maxMisses {
			clear(r.misses) // the budget of fetches still holds
		}
		r.misses[kid] = time.Now()
	}
	return good.keys.unknown(kid)
}

// unavailable tells causes in words only: they are the network's, not ours to promise.
func unavailable(cause error) error {
	why := "never fetched"
	if cause != nil {
		why = fault.Detail(cause)
	}
	return fault.New(fault.Unavailable, "the key set of the identity provider cannot be had").
		Because(fmt.Errorf("%w: %s", NoKeys, why))
}

// flight is one fetch that any number of lookups wait for.
type flight struct {
	done chan struct{}
	err  error // readable once done is closed
}

// wait reports whether the fetch ended before ctx did; nil is no fetch.
func (f *flight) wait(ctx context.Context) bool {
	if f == nil {
		return true
	}
	select {
	case <-f.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// start begins a fetch of its own time, so that a caller who leaves does not
// end it for the others. The caller holds r.mu.
func (r *Remote) start() *flight {
	f := &flight{done: make(chan struct{})}
	r.flight = f
	go r.fly(f)
	return f
}

func (r *Remote) fly(f *flight) {
	defer close(f.done)
	ctx, cancel := context.WithTimeout(r.closed, fetchTime)
	defer cancel()
	found, err := fetchSet(ctx, r.client, r.url)
	now := time.Now()
	var unsaved error
	if err == nil {
		unsaved = r.land(found, now)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flight, r.tried, r.failed, f.err = nil, now, err, err
	if err == nil {
		r.unsaved = unsaved
	}
}

// land makes the answer the keys in force. Only one flight at a time gets here.
// They are in force before the cache file is written; the error is the file's.
func (r *Remote) land(found answer, now time.Time) error {
	next := &fetched{keys: found.keys, version: 1, at: now, refresh: now.Add(found.fresh), wait: now.Add(2 * found.fresh)}
	if last := r.good.Load(); last != nil {
		next.version = last.version
		if !last.keys.equal(next.keys) {
			next.version++
		}
	}
	r.good.Store(next)
	if r.file == "" {
		return nil
	}
	return writeKeyFile(r.file, r.url, next)
}

// bucket is the budget of fetches: fetchBurst at once and one more per
// fetchEvery. The zero bucket is full.
type bucket struct {
	tokens float64
	last   time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.tokens = min(fetchBurst, b.tokens+float64(now.Sub(b.last))/float64(fetchEvery))
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
