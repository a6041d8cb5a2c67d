package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/store/files"
)

// rules keep the identity documents in force.
type rules struct {
	store   *files.Store
	ring    *policy.Keyring
	current policy.Current
	log     *slog.Logger
	options files.Options
	changed func() // after new rules came into force
}

// newRules prepares a store's rules; open makes the store with the check that
// lets nothing through which does not compile.
func newRules(ring *policy.Keyring, log *slog.Logger, o files.Options, open func(files.Options) *files.Store) *rules {
	r := &rules{ring: ring, log: log, changed: func() {}}
	o.Audited = true
	o.Validate = func(s *iam.Snapshot, _ func(id, setting string) string) error {
		_, _, err := policy.Compile(s, ring, authn.Options{})
		return err
	}
	o.OnError = func(err error) {
		for _, e := range each(err) {
			log.Error("the changed identity documents are not valid; the last good ones stay in force", "error", fault.Detail(e))
		}
	}
	r.options, r.store = o, open(o)
	return r
}

// load reads the documents and brings them into force. Nothing changes when
// they are not valid.
func (r *rules) load(ctx context.Context) error {
	s, err := r.store.Load(ctx)
	if err != nil {
		return err
	}
	return r.apply(s)
}

// replace brings the documents of another store into force, from which nothing
// is followed. Nothing changes when they are not valid. Callers take turns.
func (r *rules) replace(ctx context.Context, open func(files.Options) *files.Store) error {
	s, err := open(r.options).Load(ctx)
	if err != nil {
		return err
	}
	next := *s
	next.Generation = r.current.Generation() + 1
	return r.apply(&next)
}

// follow brings every change into force until ctx ends.
func (r *rules) follow(ctx context.Context) {
	err := r.store.Watch(ctx, func(s *iam.Snapshot) {
		if err := r.apply(s); err != nil {
			r.log.Error("the changed identity documents do not compile; the last good ones stay in force", "error", fault.Detail(err))
		}
	})
	if err != nil && ctx.Err() == nil {
		r.log.Error("changes of the identity documents are not followed any more", "error", fault.Detail(err))
	}
}

// apply makes a snapshot the rules in force, unless newer ones are.
func (r *rules) apply(s *iam.Snapshot) error {
	p, _, err := policy.Compile(s, r.ring, authn.Options{})
	if err != nil {
		return err
	}
	if r.current.Swap(p) {
		r.log.Info("identity documents are in force", "generation", s.Generation,
			"providers", len(s.Providers), "pools", len(s.Pools), "role_bindings", len(s.Bindings))
		r.changed()
	}
	return nil
}

// each lists the joined errors of err.
func each(err error) []error {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		return many.Unwrap()
	}
	return []error{err}
}

var (
	_ guard.Authenticator = (*policy.Current)(nil)
	_ guard.Authorizer    = (*policy.Current)(nil)
)
