package app

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/store/files"
)

// Report says what a configuration means.
type Report struct {
	Does     []string         // plain sentences
	Warnings []config.Warning // risky or strange, in the order of their places
}

// Check reads a configuration and its identity documents, and starts nothing.
// The error holds every fault of both.
func Check(ctx context.Context, path string) (Report, error) {
	cfg, err := config.Load(path, config.Options{})
	if err != nil {
		return Report{}, err
	}
	report := Report{Does: config.Describe(cfg), Warnings: cfg.Warnings}
	store := files.Dir(string(cfg.Identity.Files), files.Options{Audited: true, Clusters: []string{cfg.Listeners.Kafka.Cluster}})
	s, err := store.Load(ctx)
	if err != nil {
		return report, err
	}
	report.Warnings = append(report.Warnings, store.Warnings()...)
	ring := policy.NewKeyring(policy.KeyOptions{NamedInConfiguration: true, Proxy: proxyOf(cfg.Proxy)})
	defer ring.Close()
	_, warnings, err := policy.Compile(s, ring, authn.Options{})
	for _, w := range warnings {
		report.Warnings = append(report.Warnings, config.Warning{Code: string(w.Code), Where: w.Where, Message: w.Message, Hint: w.Mend})
	}
	config.SortWarnings(report.Warnings)
	report.Does = append(report.Does, describeIdentity(s)...)
	return report, err
}

// describeIdentity says who may come in and what they may do.
func describeIdentity(s *iam.Snapshot) []string {
	var say []string
	for _, id := range slices.Sorted(maps.Keys(s.Providers)) {
		p := s.Providers[id]
		if p.Disabled {
			say = append(say, fmt.Sprintf("Provider %s is disabled: its tokens are refused.", id))
			continue
		}
		say = append(say, fmt.Sprintf("Tokens of %s come in through provider %s, verified with the keys at %s.", p.Issuer, id, p.JWKSURI))
	}
	for _, id := range slices.Sorted(maps.Keys(s.Pools)) {
		p := s.Pools[id]
		say = append(say, fmt.Sprintf("A token of %s for which %s becomes %s.", p.Provider, filterWords(p), p.Principal()))
	}
	for _, id := range slices.Sorted(maps.Keys(s.Bindings)) {
		b := s.Bindings[id]
		say = append(say, fmt.Sprintf("%s has %s on %s.", b.Principal, b.Role, b.On))
	}
	return say
}

func filterWords(p iam.Pool) string {
	switch {
	case p.Disabled:
		return "nothing holds, since the pool is disabled,"
	case p.Filter == "":
		return "nothing holds, since its filter is empty,"
	}
	return p.Filter
}
