// Package storetest is what every iam.Store must pass. It knows no
// implementation and keeps nothing.
package storetest

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Open makes a store that holds seed. It runs inside a synctest bubble.
type Open func(t *testing.T, seed *iam.Snapshot) iam.Store

// Options say what the store cannot do by itself.
type Options struct {
	// Replace brings next about as another party would. It is required for a
	// read-only store, and makes it one: Update must refuse.
	Replace func(t *testing.T, s iam.Store, next *iam.Snapshot)
}

// Run checks a store against the contract of [iam.Store]. Generation and Origin
// are the store's own; everything else must come back as it was put in.
func Run(t *testing.T, open Open, o Options) {
	for _, c := range []struct {
		name string
		run  func(*subject)
	}{
		{"load gives what is there", loadGives},
		{"a snapshot never changes", neverChanges},
		{"generations rise", generationsRise},
		{"an ended context", endedContext},
		{"watch begins with the newest", watchBegins},
		{"watch calls one at a time and in order", watchInOrder},
		{"watch skips to the newest", watchSkips},
		{"every watcher hears", everyWatcher},
		{"watch ends with its context", watchEnds},
		{"update", updates},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // of the bubble's time
				defer cancel()
				c.run(&subject{T: t, ctx: ctx, store: open(t, seed()), o: o})
			})
		})
	}
}

// subject is one store under test.
type subject struct {
	*testing.T
	ctx   context.Context
	store iam.Store
	o     Options
}

const org = "6a4e3a2c-1111-4222-8333-444455556666"

func seed() *iam.Snapshot {
	return &iam.Snapshot{
		Organization: iam.Organization{ID: org, Environment: "env-test"},
		Providers: map[string]iam.Provider{"op-a": {
			ID: "op-a", DisplayName: "A", Description: "first", Issuer: "https://a.example.com", JWKSURI: "https://a.example.com/keys",
			Audiences: []string{"kafka", "other"}, RequireAudience: true, IdentityClaim: "claims.sub",
		}},
		Pools: map[string]iam.Pool{
			"pool-1": {ID: "pool-1", Provider: "op-a", DisplayName: "one", Description: "d", IdentityClaim: "claims.oid", Filter: `claims.aud == "kafka"`},
			"pool-2": {ID: "pool-2", Provider: "op-a", Filter: "true", Disabled: true},
		},
		Bindings: map[string]iam.Binding{
			"rb-1": binding("rb-1", iam.Pattern{Organization: org, Environment: "env-test", Cluster: "lkc-a", Type: iam.Topic, Name: "orders.", Prefix: true}),
			"rb-2": binding("rb-2", iam.Pattern{Organization: org, Environment: "env-test", Cluster: "lkc-a", Type: iam.TransactionalID, Name: "a/b*c"}),
			"rb-3": binding("rb-3", iam.Pattern{Organization: org}),
		},
	}
}

func binding(id string, on iam.Pattern) iam.Binding {
	return iam.Binding{ID: id, Principal: "User:pool-1", Role: "DeveloperRead", On: on}
}

// with is s and the pool id.
func with(s *iam.Snapshot, id string) *iam.Snapshot {
	c := s.Clone()
	c.Pools[id] = iam.Pool{ID: id, Provider: "op-a", Filter: "true"}
	return c
}

func (s *subject) load() *iam.Snapshot {
	s.Helper()
	got, err := s.store.Load(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	return got
}

// put changes the store from outside.
func (s *subject) put(next *iam.Snapshot) {
	s.Helper()
	if s.o.Replace != nil {
		s.o.Replace(s.T, s.store, next)
		return
	}
	if _, err := s.store.Update(s.ctx, func(c *iam.Snapshot) error {
		c.Organization, c.Providers, c.Pools, c.Bindings = next.Organization, next.Providers, next.Pools, next.Bindings
		return nil
	}); err != nil {
		s.Fatal(err)
	}
}

// same compares without what is the store's own.
func same(a, b *iam.Snapshot) bool {
	return reflect.DeepEqual(content(a), content(b))
}

func content(s *iam.Snapshot) *iam.Snapshot {
	c := s.Clone()
	c.Generation = 0
	for id, p := range c.Providers {
		p.Origin = ""
		c.Providers[id] = p
	}
	for id, p := range c.Pools {
		p.Origin = ""
		c.Pools[id] = p
	}
	for id, b := range c.Bindings {
		b.Origin = ""
		c.Bindings[id] = b
	}
	return c
}

func loadGives(s *subject) {
	got := s.load()
	if !same(got, seed()) {
		s.Errorf("got %+v\nwant %+v", got, seed())
	}
	if got.Generation == 0 {
		s.Error("generation 0, which stands for nothing")
	}
	if again := s.load(); again.Generation != got.Generation || !same(again, got) {
		s.Errorf("nothing changed, and generation %d became %d", got.Generation, again.Generation)
	}
}

func neverChanges(s *subject) {
	before := s.load()
	providers, pools, bindings := maps.Clone(before.Providers), maps.Clone(before.Pools), maps.Clone(before.Bindings)
	next := with(seed(), "pool-new")
	delete(next.Bindings, "rb-1")
	s.put(next)
	if after := s.load(); !same(after, next) {
		s.Errorf("got %+v\nwant %+v", after, next)
	}
	if !reflect.DeepEqual(before.Providers, providers) || !reflect.DeepEqual(before.Pools, pools) || !reflect.DeepEqual(before.Bindings, bindings) {
		s.Error("a snapshot that was handed out has changed")
	}
}

func generationsRise(s *subject) {
	last := s.load().Generation
	for _, id := range []string{"pool-x", "pool-y", "pool-z"} {
		s.put(with(seed(), id))
		now := s.load()
		if now.Generation <= last {
			s.Errorf("generation %d after %d", now.Generation, last)
		}
		last = now.Generation
	}
	s.put(seed())
	if back := s.load(); back.Generation <= last {
		s.Errorf("going back to an earlier state went back to generation %d", back.Generation)
	}
}

func endedContext(s *subject) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.store.Load(ctx); !errors.Is(err, context.Canceled) {
		s.Errorf("Load: %v, want context.Canceled", err)
	}
	called := false
	if err := s.store.Watch(ctx, func(*iam.Snapshot) { called = true }); !errors.Is(err, context.Canceled) || called {
		s.Errorf("Watch: %v, called %v", err, called)
	}
}

// watch hands the snapshots of one watcher over; stop ends it and returns its error.
func (s *subject) watch() (next func() *iam.Snapshot, stop func() error) {
	ctx, cancel := context.WithCancel(s.ctx)
	seen, ended := make(chan *iam.Snapshot), make(chan error, 1)
	go func() {
		ended <- s.store.Watch(ctx, func(n *iam.Snapshot) {
			select {
			case seen <- n:
			case <-ctx.Done():
			}
		})
	}()
	next = func() *iam.Snapshot {
		s.Helper()
		select {
		case n := <-seen:
			return n
		case err := <-ended:
			s.Fatalf("Watch ended: %v", err)
		case <-s.ctx.Done():
			s.Fatal("Watch did not call in an hour")
		}
		return nil
	}
	return next, func() error { cancel(); return <-ended }
}

func watchBegins(s *subject) {
	s.put(with(seed(), "pool-x"))
	next, stop := s.watch()
	if got := next(); !same(got, with(seed(), "pool-x")) || got.Generation != s.load().Generation {
		s.Errorf("first call with %+v", got)
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		s.Errorf("Watch: %v", err)
	}
}

func watchInOrder(s *subject) {
	var inside atomic.Int32
	ctx, cancel := context.WithCancel(s.ctx)
	var last uint64
	seen, ended := make(chan uint64, 100), make(chan error, 1)
	go func() {
		ended <- s.store.Watch(ctx, func(n *iam.Snapshot) {
			if inside.Add(1) != 1 {
				s.Error("two calls at a time")
			}
			defer inside.Add(-1)
			if n.Generation <= last {
				s.Errorf("generation %d after %d", n.Generation, last)
			}
			last = n.Generation
			seen <- n.Generation
		})
	}()
	<-seen
	for _, id := range []string{"pool-x", "pool-y", "pool-z"} {
		s.put(with(seed(), id))
	}
	newest := s.load().Generation
	for n := uint64(0); n != newest; {
		select {
		case n = <-seen:
		case <-s.ctx.Done():
			s.Fatalf("generation %d never came", newest)
		}
	}
	cancel()
	<-ended
}

// A watcher that was busy must end up with the newest state, not with each one.
func watchSkips(s *subject) {
	next, stop := s.watch()
	next()
	for _, id := range []string{"pool-x", "pool-y", "pool-z"} {
		s.put(with(seed(), id))
	}
	want := s.load()
	for got := next(); got.Generation != want.Generation; got = next() {
		if got.Generation > want.Generation {
			s.Fatalf("generation %d, newest is %d", got.Generation, want.Generation)
		}
	}
	_ = stop()
}

func everyWatcher(s *subject) {
	next1, stop1 := s.watch()
	next2, stop2 := s.watch()
	next1()
	next2()
	want := with(seed(), "pool-x")
	s.put(want)
	if a, b := next1(), next2(); !same(a, want) || !same(b, want) {
		s.Errorf("got %+v and %+v", a, b)
	}
	_ = stop1()
	_ = stop2()
}

func watchEnds(s *subject) {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Minute)
	defer cancel()
	began := time.Now()
	if err := s.store.Watch(ctx, func(*iam.Snapshot) {}); !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("Watch: %v, want context.DeadlineExceeded", err)
	}
	if took := time.Since(began); took != 10*time.Minute {
		s.Errorf("Watch took %v", took)
	}
}

func updates(s *subject) {
	if s.o.Replace == nil {
		updateChanges(s)
		updateRefuses(s)
		updatesMeet(s)
		return
	}
	before := s.load()
	called := false
	_, err := s.store.Update(s.ctx, func(*iam.Snapshot) error { called = true; return nil })
	if fault.KindOf(err) != fault.Unsupported || called {
		s.Errorf("Update of a read-only store: %v, called %v", err, called)
	}
	if after := s.load(); after.Generation != before.Generation {
		s.Error("it changed all the same")
	}
}

func updateChanges(s *subject) {
	before := s.load()
	got, err := s.store.Update(s.ctx, func(c *iam.Snapshot) error {
		c.Pools["pool-x"] = iam.Pool{ID: "pool-x", Provider: "op-a", Filter: "true"}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	if want := with(seed(), "pool-x"); !same(got, want) || !same(s.load(), want) || got.Generation <= before.Generation {
		s.Errorf("got %+v\nwant %+v", got, want)
	}
	if _, leaked := before.Pools["pool-x"]; leaked {
		s.Error("the change is in a snapshot that was handed out before")
	}
}

func updateRefuses(s *subject) {
	before := s.load()
	refused := fault.New(fault.Conflict, "no")
	_, err := s.store.Update(s.ctx, func(c *iam.Snapshot) error {
		clear(c.Pools)
		return refused
	})
	if err != error(refused) {
		s.Errorf("got %v, want the change's own error", err)
	}
	if after := s.load(); after.Generation != before.Generation || !same(after, before) {
		s.Error("a refused change was made")
	}
}

// updatesMeet has writers that all read before one of them has written.
func updatesMeet(s *subject) {
	ids := []string{"pool-a", "pool-b", "pool-c", "pool-d"}
	results := make(chan error)
	for _, id := range ids {
		go func() {
			_, err := s.store.Update(s.ctx, func(c *iam.Snapshot) error {
				c.Pools[id] = iam.Pool{ID: id, Provider: "op-a", Filter: "true"}
				return nil
			})
			results <- err
		}()
	}
	for range ids {
		if err := <-results; err != nil {
			s.Error(err)
		}
	}
	now := s.load()
	for _, id := range ids {
		if _, ok := now.Pools[id]; !ok {
			s.Errorf("%s was lost", id)
		}
	}
}
