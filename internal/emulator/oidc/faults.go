package oidc

import "time"

// Faults are ways in which a provider's tokens are not what a verifier of JWTs
// hopes for. The zero value is none.
type Faults struct {
	Opaque bool          // tokens are random texts, as of servers whose tokens only they can read
	Clock  time.Duration // how far the provider's clock is ahead; behind when negative
}

// SetFaults replaces the faults for every token from now on.
func (p *Provider) SetFaults(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

func (p *Provider) currentFaults() Faults {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults
}
