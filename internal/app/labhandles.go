package app

import (
	"context"
	"slices"
	"sync"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/ops"
)

// This file holds what a program in the same process may ask of a running lab.

// CA is the certificate of the lab's authority, PEM.
func (l *Lab) CA() []byte { return slices.Clone(l.ca.PEM()) }

// SetIdentity replaces the identity documents, in which ${…} stands for the
// same as in those of the world. When it returns without an error, they are in
// force and the open sessions were reassessed; with one, which joins every
// fault, nothing has changed.
func (l *Lab) SetIdentity(ctx context.Context, documents string) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	return l.rules.replace(ctx, l.documents(documents))
}

// PublishKey begins a rotation at the Entra emulator, see [entra.Entra.PublishKey].
func (l *Lab) PublishKey() error {
	l.changing.Lock()
	defer l.changing.Unlock()
	key, err := l.options.Keys.rotation(l.rotations)
	if err != nil {
		return err
	}
	l.rotations++
	return l.emulators.entra.PublishKey(key)
}

// SignWithNewKey goes on with a rotation: the key published last signs.
func (l *Lab) SignWithNewKey() error { return l.emulators.entra.SignWithNewKey() }

// RemoveOldKey ends a rotation: the key that signed before is not published.
func (l *Lab) RemoveOldKey() error { return l.emulators.entra.RemoveOldKey() }

// Records are the audit records of a lab with Remember, oldest first.
func (l *Lab) Records() []audit.Record { return l.records.all() }

// Refusal finds a refusal by its reference, or the latest of a principal, of an
// identity claim's value or of a client id, and tells it as klamm explain does.
func (l *Lab) Refusal(of string) (r audit.Record, text string, ok bool) {
	if r, ok = l.gateway.audit.ByRef(of); !ok {
		r, ok = l.gateway.audit.LastFor(of)
	}
	if !ok {
		return r, "", false
	}
	return r, ops.Render(r), true
}

// records are audit records in memory. The zero value is empty.
type records struct {
	mu   sync.Mutex
	list []audit.Record
}

func (m *records) add(r audit.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, r)
}

func (m *records) all() []audit.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// heardSink is a sink beside which somebody hears every record, kept or not.
type heardSink struct {
	guard.Sink
	heard func(audit.Record)
}

// Record tells of a record before it is kept, so that a client that was
// answered finds it told.
func (s heardSink) Record(ctx context.Context, r audit.Record) error {
	if s.heard != nil {
		s.heard(r)
	}
	return s.Sink.Record(ctx, r)
}
