package guard_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
)

func read(name string) iam.Action {
	return iam.Action{Op: iam.Read, On: iam.Resource{Type: iam.Topic, Name: name}}
}

// refusedEvents are the refusals of a ledger, by reference.
func (l *ledger) refusedEvents() map[string]audit.Record {
	of := map[string]audit.Record{}
	for _, r := range l.all() {
		if r.Refused() {
			of[r.Event.ID] = r
		}
	}
	return of
}

// refusedMany asks n times in one request and returns the references.
func refusedMany(t *testing.T, s *guard.Session, n int, name func(int) string) []string {
	t.Helper()
	var held guard.Held
	one := call
	one.Held = &held
	refs := make([]string, n)
	for i := range refs {
		r, ok := errors.AsType[*guard.Refusal](s.Allow(one, read(name(i))))
		if !ok {
			t.Fatal("allowed")
		}
		refs[i] = r.Ref
	}
	s.Settle(&held)
	return refs
}

// One request that is refused very often is one write, and its last event says
// how often it was.
func TestRefusalsOfARequestTogether(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	before := d.calls
	refs := refusedMany(t, s, 5000, func(i int) string { return fmt.Sprint("secret.", i) })
	if n := d.calls - before; n != 1 {
		t.Errorf("%d writes for one request", n)
	}
	events := d.refusedEvents()
	if len(events) != 101 || d.missing[guard.Counted] != 4899 || len(d.refused) != 5000 {
		t.Errorf("%d events, %v missing, %d refusals observed", len(events), d.missing, len(d.refused))
	}
	for i, ref := range refs {
		r, ok := events[ref]
		if !ok {
			t.Fatalf("refusal %d has a reference without an event", i)
		}
		checkShape(t, r)
		if i < 100 && r.Event.Data.AuthorizationInfo.ResourceName != fmt.Sprint("secret.", i) {
			t.Errorf("the event of refusal %d is about %s", i, r.Event.Data.AuthorizationInfo.ResourceName)
		}
	}
	last := events[refs[4999]]
	if saw := last.Steps[0].Saw; saw != `4899 more of the same request: Read on Topics that begin with "secret."` || last.Steps[1].Code != guard.CodeNoRole {
		t.Errorf("the last event says %q, %+v", saw, last.Steps)
	}
	// The next request has events of its own.
	if ref := refusedMany(t, s, 1, func(int) string { return "again" })[0]; d.refusedEvents()[ref].Event.Data.AuthorizationInfo.ResourceName != "again" {
		t.Error("a later request is not audited")
	}
}

// What a principal can write is bounded over time, over all of its sessions;
// each reference is on the disk before its answer, and no refusal goes
// uncounted.
func TestRefusalsOfAPrincipalOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		sessions := []*guard.Session{d.enter(t), d.enter(t)}
		total := 0
		for i := range 400 {
			refs := refusedMany(t, sessions[i%2], 50, func(j int) string { return fmt.Sprint("t", i, ".", j) })
			written := d.refusedEvents()
			for _, ref := range refs {
				total++
				if _, ok := written[ref]; !ok {
					t.Fatal("a reference without an event when the request is answered")
				}
			}
		}
		if n := len(d.refusedEvents()); n != 1001 { // the burst, and the first of the window
			t.Errorf("%d events for %d refusals at once", n, total)
		}
		<-time.After(2 * time.Minute)
		synctest.Wait()
		events, counted := d.refusedEvents(), d.missing[guard.Counted]
		if len(events) != 1002 || len(events)+counted != total {
			t.Errorf("%d events and %d counted, for %d refusals", len(events), counted, total)
		}
		said := false
		for _, r := range events {
			checkShape(t, r)
			said = said || strings.Contains(r.Steps[0].Saw, fmt.Sprint(counted, " more of the same principal within 1m0s"))
		}
		if !said {
			t.Errorf("no event says that %d were counted", counted)
		}
		// Later there is room again, and others were never concerned.
		if ref := refusedMany(t, sessions[0], 1, func(int) string { return "later" })[0]; d.refusedEvents()[ref].Event.Data.AuthorizationInfo.ResourceName != "later" {
			t.Error("a later refusal is not audited")
		}
	})
}

// Logins that are refused are bounded by the address they come from, whatever
// they call themselves; each reference is on the disk before its answer.
func TestRefusedLoginsOfAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		refuse := func(ip string, n int) (ref string) {
			origin := from
			for i := range n {
				origin.IP, origin.ClientID = ip, fmt.Sprint("client-", i)
				_, err := d.guard.Open(t.Context(), origin, credential("stranger"))
				r, ok := errors.AsType[*guard.Refusal](err)
				if !ok {
					t.Fatal(err)
				}
				ref = r.Ref
			}
			if _, ok := d.refusedEvents()[ref]; !ok {
				t.Fatal("a reference without an event when the client is answered")
			}
			return ref
		}
		refuse("192.0.2.1", 3000)
		refuse("2001:db8::1", 600)
		refuse("2001:db8::2", 600) // the same network
		if n := len(d.refusedEvents()); n != 2002 {
			t.Errorf("%d events at once, want 1000 and one for each address", n)
		}
		refuse("192.0.2.2", 1) // others are not concerned
		<-time.After(2 * time.Minute)
		synctest.Wait()
		events := d.refusedEvents()
		if n := len(events) + d.missing[guard.Counted]; n != 4201 {
			t.Errorf("%d refusals are accounted for, want 4201", n)
		}
		said := false
		for _, r := range events {
			checkShape(t, r)
			said = said || strings.Contains(r.Steps[0].Saw, "1998 more of the same address within 1m0s: logins refused as ")
			if strings.Contains(fmt.Sprint(r), "stranger") {
				t.Fatal("a token is kept")
			}
		}
		if !said {
			t.Error("no event says how many logins were counted")
		}
	})
}

// The end of the program does not wait for the end of the window.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		s := d.enter(t)
		for i := range 1100 {
			_ = s.Allow(call, read(fmt.Sprint("t", i)))
		}
		d.guard.Flush()
		d.guard.Flush()
		<-time.After(time.Hour)
		synctest.Wait()
		if n := len(d.refusedEvents()) + d.missing[guard.Counted]; n != 1100 {
			t.Errorf("%d refusals are accounted for, want 1100", n)
		}
	})
}

// Permissions are bounded too. What was spared is audited when it is used
// later.
func TestPermissionsOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		s := d.enter(t)
		d.house.mu.Lock()
		for i := range 20_000 {
			d.allow[read(fmt.Sprint("t", i))] = true
		}
		d.house.mu.Unlock()
		for i := range 20_000 {
			if err := s.Allow(call, read(fmt.Sprint("t", i))); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(d.all()); n != 10_001 || d.missing[guard.Spared] != 10_000 {
			t.Errorf("%d events, %v", n, d.missing)
		}
		<-time.After(time.Minute)
		if err := s.Allow(call, read("t19999")); err != nil || len(d.all()) != 10_002 {
			t.Errorf("%v, %d events", err, len(d.all()))
		}
	})
}

// Parties that call themselves ever differently share what is left.
func TestBudgetsAreBounded(t *testing.T) {
	d := newDoor()
	for i := range 12_000 {
		id := identity("pool-a")
		id.Principal = iam.Principal(fmt.Sprint("User:pool-", i))
		d.tokens["x"] = id
		s, err := d.guard.Open(t.Context(), from, credential("x"))
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Allow(call, writeOther)
		s.Close()
	}
	if n := d.guard.Budgets(); n > 10_001 {
		t.Errorf("%d budgets", n)
	}
	// The shared one ends its windows like any other.
	written := len(d.refusedEvents())
	id := identity("pool-a")
	id.Principal = "User:pool-late"
	d.tokens["x"] = id
	s, err := d.guard.Open(t.Context(), from, credential("x"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i := range 1100 {
			_ = s.Allow(call, read(fmt.Sprint("t", i)))
		}
		d.guard.Flush()
	}
	if n := len(d.refusedEvents()) - written + d.missing[guard.Counted]; n < 2200 {
		t.Errorf("%d refusals of those who share are accounted for, want 2200", n)
	}
}

func BenchmarkRefuse(b *testing.B) {
	d := newDoor()
	s := d.enter(b)
	b.ReportAllocs()
	for b.Loop() {
		if s.Allow(call, writeOther) == nil {
			b.Fatal("allowed")
		}
		d.records = d.records[:0]
	}
}
