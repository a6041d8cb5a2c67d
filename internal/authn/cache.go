package authn

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/klammhq/klamm/internal/iam"
)

// verified is a token that was found good, without its text.
type verified struct {
	provider *provider
	version  uint64 // of the key set that verified it
	kid      string
	key      string // its thumbprint: a key id is only a name
	claims   map[string]any
	times    times
	step     iam.Step // of a token that is shown again
}

// keyHolds asks the key set again: it may have lost the key, or been refreshed.
func (v *verified) keyHolds(ctx context.Context) bool {
	_, err := v.provider.trust.Keys.Key(ctx, v.kid)
	return err == nil && v.provider.trust.Keys.Version() == v.version
}

// cache remembers successes only, keyed by the token's hash. It is bounded:
// half of it is given up at a time, the half that was not used lately.
type cache struct {
	size int

	mu       sync.Mutex
	now, old map[[sha256.Size]byte]*verified
}

func (c *cache) get(key [sha256.Size]byte) *verified {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.now[key]
	if v == nil {
		if v = c.old[key]; v != nil {
			c.put(key, v)
		}
	}
	return v
}

func (c *cache) add(key [sha256.Size]byte, v *verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(key, v)
}

func (c *cache) put(key [sha256.Size]byte, v *verified) {
	if len(c.now) >= max(c.size/2, 1) {
		c.old, c.now = c.now, nil
	}
	if c.now == nil {
		c.now = make(map[[sha256.Size]byte]*verified)
	}
	c.now[key] = v
}

func (c *cache) drop(key [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.now, key)
	delete(c.old, key)
}
