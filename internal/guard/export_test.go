package guard

import "time"

// Remembered is the number of permissions in the session's cache.
func (s *Session) Remembered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.allowed)
}

// Late makes the session's token end while its timer has not fired yet.
func (s *Session) Late() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identity.Expires = time.Now()
}

// Budgets is how many principals have a budget of events.
func (g *Guard) Budgets() int {
	g.budgets.mu.Lock()
	defer g.budgets.mu.Unlock()
	return len(g.budgets.of)
}
