package guard

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
)

// eventsPerRequest is how many refusals of one request have an event of their
// own. A request has room for hundreds of thousands.
const eventsPerRequest = 100

// Held keeps the refusals of one request together, so that one write brings
// them to the disk. Put it into the [Call]s of the request and hand it to
// [Session.Settle] before the request is answered. The zero value is ready; it
// is not safe for concurrent use.
type Held struct {
	records []audit.Record
	rest    rest
	windows []*window // whose first event must be on the disk
}

// about is what a decision is about, on its way to the audit log. Its strings
// may lie in a buffer that is reused; kept copies them.
type about struct {
	from  Origin
	call  Call
	id    iam.Identity
	on    iam.Action
	login *failedLogin // a login that was refused, which is about no action
}

// failedLogin is what is told of a credential, without its token.
type failedLogin struct {
	credential iam.Credential
	code       iam.Code
}

func (r about) kept() about {
	r.call.Method, r.call.ClientID, r.call.Held = strings.Clone(r.call.Method), strings.Clone(r.call.ClientID), nil
	r.on.On.Name = strings.Clone(r.on.On.Name)
	return r
}

// account is whose budget a refusal counts against: the principal's, or, for a
// login, that of the network it came from.
func (r about) account() account {
	if r.login != nil {
		return account("address " + network(r.from.IP))
	}
	return account(r.id.Principal)
}

// network is an address, or the /64 of one of IPv6, which one party has whole.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Is4() {
		return ip
	}
	p, _ := a.WithZone("").Prefix(64)
	return p.String()
}

func (r about) code() iam.Code {
	if r.login == nil {
		return ""
	}
	return r.login.code
}

func (r about) words() string {
	if r.login != nil {
		return "logins refused as " + string(r.login.code)
	}
	return fmt.Sprintf("%s on %ss", r.on.Op, r.on.On.Type)
}

// refusal composes the record of a refusal.
func (g *Guard) refusal(ref string, r about, steps []iam.Step) audit.Record {
	if r.login == nil {
		return g.decision(ref, r, iam.Decision{}, steps)
	}
	e := authentication(ref, r.from, r.login.credential, nil, string(r.login.code))
	e.Data.AuthenticationInfo.Metadata.Identifier = r.id.Claim
	who := subjects(r.id, r.login.credential.PoolSelection, r.from.ClientID)
	return audit.Record{Event: e, Steps: steps, Subjects: append(who, r.from.IP)} // often all that is known of it
}

// add files a refusal and returns its reference: that of its own event, of the
// event that counts the rest of its request, or of the one that counts all
// that its principal is refused for a while.
func (h *Held) add(g *Guard, r about, explain func() []iam.Step) (ref string) {
	if len(h.records) < eventsPerRequest && g.budgets.refusal(r.account()) {
		ref = audit.NewReference()
		h.records = append(h.records, g.refusal(ref, r.kept(), explain()))
		return ref
	}
	if k := h.rest.find(r); k != nil {
		k.count(r)
		return k.ref
	}
	if g.budgets.refusal(r.account()) {
		return h.rest.begin(r, explain()).ref
	}
	w := g.counted(r, explain)
	if !slices.Contains(h.windows, w) {
		h.windows = append(h.windows, w)
	}
	return w.ref
}

// Settle brings what the request was refused to the disk. Only then may its
// answer leave.
func (s *Session) Settle(h *Held) { s.guard.settle(h) }

func (g *Guard) settle(h *Held) {
	if len(h.records)+len(h.rest)+len(h.windows) == 0 {
		return
	}
	records := append(h.records, h.rest.records(g, "of the same request")...)
	g.watch.Unwritten(Counted, h.rest.total())
	g.record(context.Background(), records...)
	for _, w := range h.windows {
		<-w.written
	}
	*h = Held{} // an idle session has no use for the room
}

// rest is refusals without an event of their own, counted by what they have in
// common.
type rest []*kind

// kind is refusals of one method, operation and type of resource. The first of
// them gives the event.
type kind struct {
	about
	ref    string
	steps  []iam.Step
	more   int    // beside the first
	begins string // what the names of those begin with
}

func (l rest) find(r about) *kind {
	i := slices.IndexFunc(l, func(k *kind) bool {
		return k.call.Method == r.call.Method && k.on.Op == r.on.Op && k.on.On.Type == r.on.On.Type && k.code() == r.code()
	})
	if i < 0 {
		return nil
	}
	return l[i]
}

func (l *rest) begin(r about, steps []iam.Step) *kind {
	k := &kind{about: r.kept(), ref: audit.NewReference(), steps: steps}
	*l = append(*l, k)
	return k
}

func (k *kind) count(r about) {
	if k.more == 0 {
		k.begins = strings.Clone(cut(r.on.On.Name))
	}
	k.more++
	n := 0
	for n < len(k.begins) && n < len(r.on.On.Name) && k.begins[n] == r.on.On.Name[n] {
		n++
	}
	k.begins = k.begins[:n]
}

func (l rest) total() (n int) {
	for _, k := range l {
		n += k.more
	}
	return n
}

// records are the events of the rest, one for each kind; where says what the
// counted refusals belong to.
func (l rest) records(g *Guard, where string) []audit.Record {
	list := make([]audit.Record, 0, len(l))
	for _, k := range l {
		steps := k.steps
		if k.more > 0 {
			saw := fmt.Sprintf("%d more %s: %s", k.more, where, k.words())
			if k.begins != "" {
				saw += " that begin with " + quoted(k.begins)
			}
			steps = append([]iam.Step{{Name: "counted", Saw: saw, Wanted: fmt.Sprintf("at most %d refusals of a request, and %d of a principal or an address at once", eventsPerRequest, refusalBurst)}}, steps...)
		}
		list = append(list, g.refusal(k.ref, k.about, steps))
	}
	return list
}
