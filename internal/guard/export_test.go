package guard

// Remembered is the number of permissions in the session's cache.
func (s *Session) Remembered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.allowed)
}
