package policy

import (
	"maps"
	"slices"

	"github.com/klammhq/klamm/internal/iam"
)

// idle finds pools and bindings that have no effect.
func idle(s *iam.Snapshot) []Warning {
	var list []Warning
	bound := map[iam.Principal]bool{}
	for _, id := range slices.Sorted(maps.Keys(s.Bindings)) {
		b := s.Bindings[id]
		bound[b.Principal] = true
		if _, known := s.Pools[b.Principal.ResourceID()]; !known {
			list = append(list, Warning{
				Code: "binding-without-pool", Where: b.Origin,
				Message: "role binding " + b.ID + " is for " + string(b.Principal) + ", and there is no such identity pool",
				Mend:    "correct the principal, or remove the binding",
			})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Pools)) {
		if p := s.Pools[id]; !p.Disabled && !bound[p.Principal()] {
			list = append(list, Warning{
				Code: "pool-without-role", Where: p.Origin,
				Message: "identity pool " + id + " has no role binding, so its clients may log in and do nothing",
				Mend:    "bind a role to " + string(p.Principal()),
			})
		}
	}
	return list
}
