package imds

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// shortLife is the life up to which a token is kept for half of it only.
	// Azure's live for a day; a client that renews a short one at 80 % of its
	// life must not get the same again.
	shortLife = 2 * time.Hour
	// margin is how long before its end a token counts as ended for azidentity,
	// which would ask again and again.
	margin = 5 * time.Minute
	// maxCached bounds the memory; the real service keeps no more than a
	// machine's programs ask for.
	maxCached = 1024
)

// key is what a token was made for. Azure keeps tokens by these two alone, so
// that a changed role or token version is not seen before the token ends.
type key struct{ clientID, resource string }

type cached struct {
	grant Grant
	until time.Time
}

// cache keeps tokens. The zero cache is empty. It makes one at a time, so that
// requests that come together get the same.
type cache struct {
	mu      sync.Mutex
	entries map[key]cached
}

func (c *cache) get(k key, now time.Time, bypass bool, issue func() (Grant, error)) (Grant, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, found := c.entries[k]; found && !bypass && now.Before(kept.until) {
		return kept.grant, nil
	}
	grant, err := issue()
	if err != nil {
		return Grant{}, err
	}
	c.put(k, cached{grant, now.Add(keep(grant.Expires.Sub(now)))}, now)
	return grant, nil
}

func (c *cache) put(k key, entry cached, now time.Time) {
	if len(c.entries) >= maxCached {
		for old, kept := range c.entries {
			if !now.Before(kept.until) {
				delete(c.entries, old)
			}
		}
	}
	if c.entries == nil || len(c.entries) >= maxCached {
		c.entries = map[key]cached{}
	}
	c.entries[k] = entry
}

// keep is how long a token is kept that lives so long from now.
func keep(life time.Duration) time.Duration {
	if life <= shortLife {
		return life / 2
	}
	return life - margin
}

// clear forgets all and says how many they were.
func (c *cache) clear() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.entries)
	c.entries = nil
	return n
}

// kept are those that would be handed out now.
func (c *cache) kept(now time.Time) []KeptToken {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []KeptToken{}
	for k, entry := range c.entries {
		if !now.Before(entry.until) {
			continue
		}
		all = append(all, KeptToken{k.clientID, k.resource, entry.grant.Version, entry.until, entry.grant.Expires})
	}
	slices.SortFunc(all, func(a, b KeptToken) int {
		return cmp.Or(cmp.Compare(a.ClientID, b.ClientID), cmp.Compare(a.Resource, b.Resource))
	})
	return all
}
