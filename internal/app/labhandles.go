package app

import (
	"context"
	"slices"
	"sync"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/lab"
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

// RefreshKeys fetches the keys of an identity provider now, as an operator does
// at the ops surface, and ends the sessions of keys that it no longer has. It
// returns how many those were.
func (l *Lab) RefreshKeys(ctx context.Context, provider string) (ended int, err error) {
	return l.gateway.refreshKeys(ctx, l.ring, provider)
}

// LabClient is a client application and where it gets its tokens.
type LabClient struct {
	TokenURL, ID, Secret string
	Basic                bool // the secret is taken in the header Authorization only
}

// OIDCClients are the first clients that have a secret of the servers of other
// shapes, by the names of the servers in the world.
func (l *Lab) OIDCClients() map[string]LabClient {
	clients := map[string]LabClient{}
	for _, s := range l.world.OIDC {
		i := slices.IndexFunc(s.Clients, func(c lab.OIDCClient) bool { return c.Secret != "" })
		if i < 0 {
			continue
		}
		c := s.Clients[i]
		clients[s.Name] = LabClient{l.emulators.oidc[s.Name].TokenURL(), c.ClientID, c.Secret, c.Method == httpd.SecretBasic}
	}
	return clients
}

// AppService are the variables by which a program of an App Service finds the
// managed identities.
func (l *Lab) AppService() map[string]string {
	return map[string]string{"IDENTITY_ENDPOINT": l.emulators.imdsURL + imds.AppServicePath, "IDENTITY_HEADER": l.emulators.appService.Reveal()}
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

// Record tells of records before they are kept, so that a client that was
// answered finds it told.
func (s heardSink) Record(ctx context.Context, records ...audit.Record) error {
	if s.heard != nil {
		for _, r := range records {
			s.heard(r)
		}
	}
	return s.Sink.Record(ctx, records...)
}
