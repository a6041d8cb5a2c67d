package authn

import (
	"context"

	"github.com/klammhq/klamm/internal/iam"
)

// Verify is the part of a login that is about the token alone.
func (a *Authenticator) Verify(ctx context.Context, c iam.Credential) error {
	_, err := a.verify(ctx, &trail{mechanism: c.Mechanism}, c.Token)
	return err
}

// Forget empties the cache, so that every login of a benchmark is the first.
func (a *Authenticator) Forget() {
	a.verified.mu.Lock()
	defer a.verified.mu.Unlock()
	a.verified.now, a.verified.old = nil, nil
}
