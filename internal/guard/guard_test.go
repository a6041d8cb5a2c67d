package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
)

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		s := d.enter(t)
		if got := s.Identity().Principal; got != "User:pool-a" || s.Lifetime() != time.Hour || ended(s) || s.Reason() != "" {
			t.Errorf("session of %s for %v, %q", got, s.Lifetime(), s.Reason())
		}
		if all := d.all(); len(all) != 1 || all[0].Refused() || len(all[0].Steps) != 0 {
			t.Errorf("audited %+v", all)
		}
		if d.open != 1 || fmt.Sprint(d.logins) != "[ok]" {
			t.Errorf("observed %d open, logins %v", d.open, d.logins)
		}
		s.Close()
		s.Close()
		if !ended(s) || d.open != 0 || len(d.all()) != 1 {
			t.Errorf("after Close: ended %v, %d open, %d events", ended(s), d.open, len(d.all()))
		}
		if err := s.Allow(call, writeOrders); err == nil || fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("a closed session allows: %v", err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	d := newDoor()
	s, err := d.guard.Open(context.Background(), from, credential("stranger"))
	if s != nil || err == nil {
		t.Fatal("a stranger was let in")
	}
	r, ok := errors.AsType[*guard.Refusal](fmt.Errorf("login: %w", err))
	if !ok || r.Code != "unknown-token" || len(r.Ref) != 32 {
		t.Fatalf("%#v", err)
	}
	if want := "Authentication failed (ref=" + r.Ref + ")"; err.Error() != want {
		t.Errorf("client reads %q, want %q", err, want)
	}
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("kind %s", fault.KindOf(err))
	}
	rec := d.last(t)
	if rec.Event.ID != r.Ref || !rec.Refused() || rec.Steps[0].Saw != "unknown" || fmt.Sprint(rec.Subjects) != "[User:pool-a verified-claim producer-1 192.0.2.7]" {
		t.Errorf("audited %+v", rec)
	}
	if fmt.Sprint(d.logins) != "[unknown-token]" || d.open != 0 {
		t.Errorf("observed %v, %d open", d.logins, d.open)
	}
}

// A guard that lacks one of its parts lets nobody in.
func TestIncompleteGuardRefuses(t *testing.T) {
	h, l := newHouse(), &ledger{}
	h.tokens[canary] = identity("pool-a")
	for name, c := range map[string]guard.Config{
		"authenticator": {Authorizer: h, Sink: l}, "authorizer": {Authenticator: h, Sink: l}, "sink": {Authenticator: h, Authorizer: h}, "everything": {},
	} {
		if s, err := guard.New(c).Open(context.Background(), from, credential(canary)); s != nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if s, err := (*guard.Guard)(nil).Open(context.Background(), from, credential(canary)); s != nil || err == nil {
		t.Error("no guard lets in")
	}
}

// An authenticator that forgets the end gives no endless session.
func TestIdentityWithoutTimeLeft(t *testing.T) {
	for _, expires := range []time.Time{{}, time.Now().Add(-time.Second)} {
		d := newDoor()
		id := identity("pool-a")
		id.Expires = expires
		d.tokens[canary] = id
		if s, err := d.guard.Open(context.Background(), from, credential(canary)); s != nil || err == nil {
			t.Fatalf("let in until %v", expires)
		}
		if rec := d.last(t); !rec.Refused() || rec.Event.Data.Result.Message != string(guard.CodeNoLifetime) {
			t.Errorf("audited %+v", rec)
		}
	}
}

func TestFullAuditLogStillRefuses(t *testing.T) {
	d := newDoor()
	d.fail = errors.New("disk full")
	if _, err := d.guard.Open(context.Background(), from, credential("stranger")); err == nil {
		t.Error("a stranger was let in")
	}
	s := d.enter(t)
	if err := s.Allow(call, writeOther); err == nil {
		t.Error("allowed")
	}
	if n := d.missing[guard.Lost]; n != 3 {
		t.Errorf("%d events counted as lost, want 3", n)
	}
}

// TestEndIsNotTheTimersAlone: a timer that fires late lets nothing through.
func TestEndIsNotTheTimersAlone(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	if err := s.Allow(call, writeOrders); err != nil {
		t.Fatal(err)
	}
	s.Late()
	if ended(s) {
		t.Fatal("the timer has fired")
	}
	if s.Reason() != "the token has ended" {
		t.Errorf("ended for %q", s.Reason())
	}
	if err := s.Allow(call, writeOrders); err == nil || !strings.Contains(err.Error(), "token has ended") {
		t.Errorf("after the end: %v", err)
	}
	if s.Visible(writeOrders) || s.Live() {
		t.Error("after the end: visible, or live")
	}
}

func TestSessionEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		s := d.enter(t)
		<-time.After(time.Hour - time.Second)
		synctest.Wait()
		if ended(s) || s.Lifetime() != time.Second {
			t.Fatalf("ended %v with %v left", ended(s), s.Lifetime())
		}
		<-time.After(time.Second)
		synctest.Wait()
		if !ended(s) || d.open != 0 || !strings.Contains(s.Reason(), "token has ended") {
			t.Errorf("ended %v, %q", ended(s), s.Reason())
		}
		if s.Lifetime() < time.Millisecond {
			t.Error("a lifetime below 1 ms stands for no end")
		}
		if len(d.all()) != 1 {
			t.Error("an ordinary end was audited as a refusal")
		}
		if s.Allow(call, writeOrders) == nil || s.Visible(writeOrders) || s.Reauthenticate(context.Background(), credential(canary)) == nil {
			t.Error("an ended session goes on")
		}
	})
}

func TestKillAndList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		one, two := d.enter(t), d.enter(t)
		list := d.guard.Sessions()
		if len(list) != 2 || list[0].ID != one.ID() || list[0].Principal != "User:pool-a" || list[0].Address != "192.0.2.7 port 40123" {
			t.Fatalf("listed %+v", list)
		}
		if strings.Contains(fmt.Sprintf("%+v", list), canary) {
			t.Error("a claim is listed")
		}
		if d.guard.Kill("99") || !d.guard.Kill(one.ID()) || d.guard.Kill(one.ID()) {
			t.Error("Kill does not tell whom it found")
		}
		if !ended(one) || ended(two) || len(d.guard.Sessions()) != 1 {
			t.Errorf("ended: %v %v", ended(one), ended(two))
		}
		rec := d.last(t)
		if !rec.Refused() || rec.Event.Data.Result.Message != string(guard.CodeKilled) || rec.Event.Data.AuthenticationInfo.Principal != "User:pool-a" || rec.Steps[0].Mend == "" {
			t.Errorf("audited %+v", rec)
		}
		n := d.guard.WithdrawKeys("op-a", func(key string) bool { return key == "key-1" })
		if n != 1 || !ended(two) || d.last(t).Event.Data.Result.Message != string(guard.CodeKeyGone) {
			t.Errorf("%d withdrawn, ended %v", n, ended(two))
		}
	})
}

// A change cuts open sessions at once, and what it lets in goes on.
func TestReassessAfterAChange(t *testing.T) {
	d := newDoor()
	d.tokens["b"] = identity("pool-b")
	barred := d.enter(t)
	kept, err := d.guard.Open(context.Background(), from, credential("b"))
	if err != nil {
		t.Fatal(err)
	}
	d.change(func() { d.barred["pool-a"] = true })
	if n := d.guard.Reassess(); n != 1 || !ended(barred) || ended(kept) {
		t.Errorf("%d ended; %v, %v", n, ended(barred), ended(kept))
	}
	rec := d.last(t)
	if !rec.Refused() || rec.Event.Data.Result.Message != "filter-false" || rec.Event.Data.AuthenticationInfo.PrincipalResourceID != "pool-a" || rec.Steps[0].Name != "pool pool-a" {
		t.Errorf("audited %+v", rec)
	}
	if kept.Identity().Generation != 2 {
		t.Errorf("generation %d", kept.Identity().Generation)
	}
}

// Without a word from outside, the next decision notices the change.
func TestNextDecisionNoticesAChange(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	if err := s.Allow(call, writeOrders); err != nil {
		t.Fatal(err)
	}
	d.change(func() { d.allow[writeOrders] = false })
	if err := s.Allow(call, writeOrders); err == nil || ended(s) {
		t.Errorf("a lost right: %v, ended %v", err, ended(s))
	}
	d.change(func() { d.barred["pool-a"] = true })
	if err := s.Allow(call, writeOrders); err == nil || !ended(s) {
		t.Errorf("a lost pool: %v, ended %v", err, ended(s))
	}
	if _, ok := errors.AsType[*guard.Refusal](s.Allow(call, writeOrders)); ok {
		t.Error("an ended session speaks of refusals of topics")
	}
}

// A change that falls into a decision makes it be decided again: an identity of
// the old rules never meets the new bindings.
func TestDecisionIsOfOneGeneration(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	once := false
	d.during = func() {
		if !once {
			once = true
			d.change(func() { d.barred["pool-a"] = true })
		}
	}
	if err := s.Allow(call, writeOrders); err == nil || !ended(s) {
		t.Errorf("allowed across a change: %v", err)
	}
	d.during = nil
}

func TestNoTokenAnywhere(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	_, refused := d.guard.Open(context.Background(), from, credential("stranger-"+canary))
	denied := s.Allow(call, writeOther)
	again := s.Reauthenticate(context.Background(), credential("again-"+canary))
	text := fmt.Sprintf("%+v %+v %v %v %v %+v", d.all(), d.guard.Sessions(), fault.Detail(refused), denied, again, d.tally)
	for _, r := range d.all() {
		text += string(encode(t, r))
	}
	if strings.Contains(text, canary) {
		t.Errorf("a token is in %s", text)
	}
}

func TestTableOfRefusals(t *testing.T) {
	seen := map[iam.Code]bool{}
	for _, e := range guard.Refusals() {
		if e.Code == "" || e.Means == "" || e.Mend == "" || seen[e.Code] {
			t.Errorf("row %+v is incomplete or stands twice", e)
		}
		seen[e.Code] = true
	}
}
