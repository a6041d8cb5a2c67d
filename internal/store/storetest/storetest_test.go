package storetest_test

import (
	"context"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/store/storetest"
)

// memory is the shortest store that can be written; it proves that the suite
// can be passed.
type memory struct {
	mu      sync.Mutex
	now     *iam.Snapshot
	changed chan struct{}
}

func (m *memory) newest() (*iam.Snapshot, chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now, m.changed
}

func (m *memory) Load(ctx context.Context) (*iam.Snapshot, error) {
	now, _ := m.newest()
	return now, ctx.Err()
}

func (m *memory) Update(ctx context.Context, change func(*iam.Snapshot) error) (*iam.Snapshot, error) {
	for ctx.Err() == nil {
		base, _ := m.newest()
		next := base.Clone()
		if err := change(next); err != nil {
			return nil, err
		}
		if m.publish(base, next) {
			return next, nil
		}
	}
	return nil, ctx.Err()
}

func (m *memory) publish(base, next *iam.Snapshot) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now != base {
		return false
	}
	next.Generation = base.Generation + 1
	m.now = next
	close(m.changed)
	m.changed = make(chan struct{})
	return true
}

func (m *memory) Watch(ctx context.Context, f func(*iam.Snapshot)) error {
	for seen := uint64(0); ctx.Err() == nil; {
		now, changed := m.newest()
		if now.Generation > seen {
			seen = now.Generation
			f(now)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func open(_ *testing.T, seed *iam.Snapshot) iam.Store {
	seed.Generation = 1
	return &memory{now: seed, changed: make(chan struct{})}
}

func TestWritable(t *testing.T) { storetest.Run(t, open, storetest.Options{}) }

// readOnly is memory that only others change.
type readOnly struct{ *memory }

func (readOnly) Update(context.Context, func(*iam.Snapshot) error) (*iam.Snapshot, error) {
	return nil, fault.New(fault.Unsupported, "read-only")
}

func TestReadOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, seed *iam.Snapshot) iam.Store { return readOnly{open(t, seed).(*memory)} }, storetest.Options{
		Replace: func(t *testing.T, s iam.Store, next *iam.Snapshot) {
			m := s.(readOnly).memory
			if now, _ := m.newest(); !m.publish(now, next.Clone()) {
				t.Error("somebody else writes")
			}
		},
	})
}
