package files

import (
	"fmt"
	"slices"

	"github.com/klammhq/klamm/internal/iam"
)

// lookAround finds what these documents say and cannot have meant, as far as the
// rules that are made of them do not say so themselves (package policy).
func (l *loader) lookAround() {
	s := l.snapshot
	if len(s.Providers) == 0 {
		l.warn("", "no-provider", "there is no IdentityProvider: nobody is let in")
	}
	for id, p := range s.Pools {
		if s.Providers[p.Provider].Disabled && !p.Disabled {
			l.warn(p.Origin, "pool-of-disabled-provider", fmt.Sprintf("%s lets nobody in: its provider %s is disabled", id, p.Provider))
		}
	}
	for _, b := range s.Bindings {
		l.binds(b)
	}
}

func (l *loader) binds(b iam.Binding) {
	if len(l.o.Clusters) > 0 && b.On.Cluster != "" && !slices.Contains(l.o.Clusters, b.On.Cluster) {
		l.warn(b.Origin, "binding-without-cluster", fmt.Sprintf("%s is no cluster of this klamm", b.On.Cluster))
	}
	if b.On.Type != 0 && (iam.Resource{Type: b.On.Type, Name: b.On.Name}).Reserved() {
		l.warn(b.Origin, "binding-on-reserved", fmt.Sprintf("%s is klamm's own, which nobody may touch", b.On))
	}
}
