package files

import (
	"fmt"
	"slices"

	"github.com/klammhq/klamm/internal/iam"
)

// lookAround finds objects that have no effect, which is rarely meant.
func (l *loader) lookAround() {
	s := l.snapshot
	if len(s.Providers) == 0 {
		l.warn("", "no-provider", "there is no IdentityProvider: nobody is let in")
	}
	used := map[string]bool{}
	for id, p := range s.Pools {
		used[p.Provider] = true
		if !l.bound[p.Principal()] {
			l.warn(p.Origin, "pool-without-bindings", fmt.Sprintf("nothing is allowed to %s: no RoleBinding names %s", id, p.Principal()))
		}
		if s.Providers[p.Provider].Disabled && !p.Disabled {
			l.warn(p.Origin, "pool-of-disabled-provider", fmt.Sprintf("%s lets nobody in: its provider %s is disabled", id, p.Provider))
		}
	}
	for id, p := range s.Providers {
		if !used[id] {
			l.warn(p.Origin, "provider-without-pools", fmt.Sprintf("%s lets nobody in: it has no IdentityPool", id))
		}
	}
	for _, b := range s.Bindings {
		l.binds(b)
	}
}

func (l *loader) binds(b iam.Binding) {
	if _, ok := l.snapshot.Pools[b.Principal.ResourceID()]; !ok {
		l.warn(b.Origin, "binding-without-principal", fmt.Sprintf("%s is nobody: there is no such IdentityPool", b.Principal))
	}
	if len(l.o.Clusters) > 0 && b.On.Cluster != "" && !slices.Contains(l.o.Clusters, b.On.Cluster) {
		l.warn(b.Origin, "binding-without-cluster", fmt.Sprintf("%s is no cluster of this klamm", b.On.Cluster))
	}
	if b.On.Type != 0 && (iam.Resource{Type: b.On.Type, Name: b.On.Name}).Reserved() {
		l.warn(b.Origin, "binding-on-reserved", fmt.Sprintf("%s is klamm's own, which nobody may touch", b.On))
	}
}
