package jwt

import (
	"fmt"
	"testing"
	"time"
)

// TestMissesAreBounded: whoever invents key ids costs no memory.
func TestMissesAreBounded(t *testing.T) {
	r, err := NewRemote(RemoteOptions{URL: "https://id.example/keys"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	good := &fetched{at: time.Now()}
	for i := range 10 * maxMisses {
		if ProblemOf(r.missing(t.Context(), fmt.Sprint(i), good, true)) != UnknownKey {
			t.Fatal("a key that nobody has was not unknown")
		}
	}
	if len(r.misses) > maxMisses {
		t.Errorf("%d key ids are remembered, want at most %d", len(r.misses), maxMisses)
	}
}
