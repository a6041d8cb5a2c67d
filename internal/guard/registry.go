package guard

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Info is an open session as it is listed. It holds no token and no claim but
// the one that names the party.
type Info struct {
	ID         string    `json:"id"`
	Principal  string    `json:"principal"`
	Pools      []string  `json:"pools"`
	Provider   string    `json:"provider"`
	Claim      string    `json:"claim"`
	Cluster    string    `json:"cluster"`
	Surface    string    `json:"surface"`
	Address    string    `json:"address"`
	Connection string    `json:"connection,omitempty"`
	Since      time.Time `json:"since"`
	Expires    time.Time `json:"expires"`
	Generation uint64    `json:"generation"`
}

// Sessions lists the open sessions, oldest first.
func (g *Guard) Sessions() []Info {
	list := make([]Info, 0)
	for _, s := range g.all() {
		id := s.Identity()
		list = append(list, Info{
			ID: s.id, Principal: string(id.Principal), Pools: id.Pools, Provider: id.Provider, Claim: id.Claim,
			Cluster: id.Cluster, Surface: s.from.Surface, Address: s.from.address(), Connection: s.from.Connection,
			Since: s.since, Expires: id.Expires, Generation: id.Generation,
		})
	}
	return list
}

// Kill ends one session, with an audit event; false when there is none of
// that id.
func (g *Guard) Kill(id string) bool {
	g.mu.Lock()
	s := g.sessions[id]
	g.mu.Unlock()
	if s == nil {
		return false
	}
	if ended := s.kill(CodeKilled, "an administrator closed it"); ended != nil {
		g.record(context.Background(), *ended)
	}
	return true
}

// WithdrawKeys ends the sessions of a provider whose key, by its thumbprint, was
// withdrawn, with an audit event each, and returns their number. An explicit refresh of a key
// set calls it; an ordinary one only keeps such sessions from renewing.
func (g *Guard) WithdrawKeys(provider string, gone func(thumbprint string) bool) int {
	var ended []audit.Record
	for _, s := range g.all() {
		if id := s.Identity(); id.Provider != provider || !gone(id.Key) {
			continue
		}
		if r := s.kill(CodeKeyGone, "its key was withdrawn"); r != nil {
			ended = append(ended, *r)
		}
	}
	g.recordAll(ended)
	return len(ended)
}

// Reassess evaluates all open sessions under the rules in force. Call it after
// each change; without it a session notices at its next decision only. It
// returns the number of sessions that were ended.
func (g *Guard) Reassess() int {
	var ended []audit.Record
	for _, s := range g.all() {
		if _, r, _ := s.refresh(); r != nil {
			ended = append(ended, *r)
		}
	}
	g.recordAll(ended)
	return len(ended)
}

// all is the registry at one moment, in the order of opening.
func (g *Guard) all() []*Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]*Session, 0, len(g.sessions))
	for _, s := range g.sessions {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Session) int {
		return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id)) // decimal numbers
	})
	return list
}

// kill ends the session for a reason that lies outside of it, and returns the
// audit event of that; nil when it has ended before.
func (s *Session) kill(code iam.Code, reason string) *audit.Record {
	id := s.Identity()
	if !s.end(reason) {
		return nil
	}
	step := iam.Step{Name: "session " + s.id, Saw: reason, Wanted: "a session that may go on", Mend: mendOf(code), Code: code}
	r := s.guard.eviction(s.from, id, []iam.Step{step}, fault.New(fault.Unauthenticated, "%s", generic(id.Mechanism)))
	return &r
}

func (o Origin) address() string {
	if o.Port == 0 {
		return o.IP
	}
	return o.IP + " port " + strconv.Itoa(o.Port)
}
