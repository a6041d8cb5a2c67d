package httpd

import (
	"context"
	"time"
)

// TokenFault is what is wrong on purpose with a token. The zero value is
// nothing.
type TokenFault struct {
	Opaque bool          // a random text, as of servers whose tokens only they can read
	Clock  time.Duration // how far the clock of who signs it is ahead; behind when negative
}

// tokenFaultKey is where a request's context has what [TakeTokenFault] takes.
type tokenFaultKey struct{}

// metTokenFault is a fault of tokens that a request met.
type metTokenFault struct {
	of    *Faults
	fault *injected
}

func withTokenFault(ctx context.Context, of *Faults, f *injected) context.Context {
	return context.WithValue(ctx, tokenFaultKey{}, metTokenFault{of, f})
}

// TakeTokenFault is asked with a request's context once for each token that is
// about to be issued, and says what is to be wrong with it. The fault counts it.
// A context that came through no [Faults] has none.
func TakeTokenFault(ctx context.Context) TokenFault {
	met, ok := ctx.Value(tokenFaultKey{}).(metTokenFault)
	if !ok {
		return TokenFault{}
	}
	met.of.mu.Lock()
	defer met.of.mu.Unlock()
	if met.of.current != met.fault || met.fault.over() {
		return TokenFault{} // ended since the request came
	}
	met.fault.left--
	return met.fault.Token
}
