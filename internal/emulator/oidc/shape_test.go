package oidc

import "testing"

// TestShapesHaveWords finds a reason that a shape cannot say.
func TestShapesHaveWords(t *testing.T) {
	for name, row := range shapes {
		for why := noPath; why <= unknownScope; why++ {
			if row.token == "" && why > badMethod {
				break // nobody asks it for a token
			}
			if got := row.refusals[why]; got.status < 400 || got.code == "" {
				t.Errorf("%s: reason %d has no words: %+v", name, why, got)
			}
		}
	}
}
