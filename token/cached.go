package token

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// retryAfter is how long a failed refresh is not repeated while the old token lives.
const retryAfter = 10 * time.Second

// Cached keeps the newest token of source: one fetch at a time, an early
// refresh at four fifths of its life, and the last good token while it lives
// when a refresh fails.
func Cached(source Source) Source { return &cached{source: source} }

type cached struct {
	source Source

	mu      sync.Mutex
	last    Token
	waiting chan struct{} // closed when the fetch that runs has ended; nil when none runs
	err     error         // how the last fetch ended
	notYet  time.Time     // no refresh before this
}

// Token returns the cached token, fetching at most once for all callers. Each
// caller's own context bounds its wait; the fetch goes on for the others.
func (c *cached) Token(ctx context.Context) (Token, error) {
	for {
		c.mu.Lock()
		now := time.Now()
		alive := now.Before(c.last.Expires)
		fresh := alive && now.Before(c.last.RefreshAfter)
		if fresh || alive && now.Before(c.notYet) {
			defer c.mu.Unlock()
			return c.last, nil
		}
		if c.waiting == nil {
			c.waiting = make(chan struct{})
			go c.fetch(context.WithoutCancel(ctx))
		}
		waiting, last := c.waiting, c.last
		c.mu.Unlock()
		if alive { // a refresh runs; nobody waits for it
			return last, nil
		}
		select {
		case <-waiting:
		case <-ctx.Done():
			return Token{}, ctx.Err()
		}
		c.mu.Lock()
		t, err := c.last, c.err
		c.mu.Unlock()
		if err != nil && !time.Now().Before(t.Expires) {
			return Token{}, err
		}
	}
}

// fetchTimeout bounds one fetch, its source's own retries included.
const fetchTimeout = 90 * time.Second

func (c *cached) fetch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	t, err := c.source.Token(ctx)
	now := time.Now()
	if err == nil && !now.Before(t.Expires) {
		err = fmt.Errorf("the token that was fetched expired at %s; compare this machine's clock with the issuer's", t.Expires.UTC().Format(time.RFC3339))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err = err; err == nil {
		c.last = t
	} else {
		c.notYet = now.Add(retryAfter)
	}
	close(c.waiting)
	c.waiting = nil
}
