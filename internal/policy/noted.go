package policy

import (
	"context"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
)

// noted is a key set that notes which key it gave last to an authentication, so
// that its session is tied to the key itself. A key id is only a name, and a
// provider may put another key under it.
type noted struct{ *jwt.Remote }

// note is where; it travels with the context of one authentication.
type note struct{ thumbprint string }

type noteKey struct{}

// Key implements jwt.KeySet.
func (n noted) Key(ctx context.Context, kid string) (jwt.Key, error) {
	key, err := n.Remote.Key(ctx, kid)
	if to, ok := ctx.Value(noteKey{}).(*note); ok {
		to.thumbprint = key.Thumbprint()
	}
	return key, err
}

// authenticate has an identity carry the key that verified it.
func authenticate(ctx context.Context, a *authn.Authenticator, c iam.Credential) (iam.Identity, []iam.Step, error) {
	used := &note{}
	id, steps, err := a.Authenticate(context.WithValue(ctx, noteKey{}, used), c)
	id.Key = used.thumbprint
	return id, steps, err
}
