package guard_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
)

// slow is a sink on a slow disk.
type slow struct {
	*ledger
	takes time.Duration
}

func (s slow) Record(ctx context.Context, r ...audit.Record) error {
	if r[0].Refused() {
		<-time.After(s.takes)
	}
	return s.ledger.Record(ctx, r...)
}

// A change cuts all it concerns at once: nobody goes on because the disk has
// not yet taken the audit event of somebody else.
func TestCutDoesNotWaitForTheDisk(t *testing.T) {
	for what, cut := range map[string]func(*door) int{
		"rules": func(d *door) int {
			d.change(func() { d.barred["pool-a"] = true })
			return d.guard.Reassess()
		},
		"key": func(d *door) int { return d.guard.WithdrawKeys("op-a", func(string) bool { return true }) },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoor()
				d.guard = guard.New(guard.Config{Authenticator: d.house, Authorizer: d.house, Sink: slow{d.ledger, time.Second}})
				var open []*guard.Session
				for range 1000 {
					open = append(open, d.enter(t))
				}
				began, n := time.Now(), 0
				go func() { n = cut(d) }()
				synctest.Wait()
				for _, s := range open {
					if !ended(s) {
						t.Fatal("a session waits for the disk")
					}
				}
				<-time.After(time.Minute)
				synctest.Wait()
				refused := 0
				for _, r := range d.all() {
					if r.Refused() {
						refused++
					}
				}
				if n != 1000 || refused != 1000 || time.Since(began) > 2*time.Minute {
					t.Errorf("%d cut, %d audited", n, refused)
				}
			})
		})
	}
}

// interrupted lets something happen while a login is looked at.
type interrupted struct {
	*house
	meanwhile func()
}

func (h *interrupted) Authenticate(ctx context.Context, c iam.Credential) (iam.Identity, []iam.Step, error) {
	h.meanwhile()
	return h.house.Authenticate(ctx, c)
}

// A session that is cut while it renews is not opened again by the renewal.
func TestRenewalDoesNotUndoACut(t *testing.T) {
	for what, cut := range map[string]func(*door, *guard.Session){
		"killed":    func(d *door, s *guard.Session) { d.guard.Kill(s.ID()) },
		"withdrawn": func(d *door, _ *guard.Session) { d.guard.WithdrawKeys("op-a", func(string) bool { return true }) },
		"barred": func(d *door, _ *guard.Session) {
			d.change(func() { d.barred["pool-a"] = true })
			d.guard.Reassess()
		},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDoor()
			h := &interrupted{house: d.house, meanwhile: func() {}}
			d.guard = guard.New(guard.Config{Authenticator: h, Authorizer: d.house, Sink: d.ledger})
			s := d.enter(t)
			s.Renewing(time.Hour)
			h.meanwhile = func() { cut(d, s) }
			if err := s.Reauthenticate(context.Background(), credential(canary)); err == nil {
				t.Error("renewed")
			}
			if !ended(s) || s.Allow(call, writeOrders) == nil || s.Reauthenticate(context.Background(), credential(canary)) == nil {
				t.Error("goes on")
			}
		})
	}
}

// What was allowed is audited once for a session and a generation, however
// often the session renews; with other rights it is decided anew.
func TestRenewalRepeatsNoEvent(t *testing.T) {
	d := newDoor()
	auto := credential(canary)
	auto.PoolSelection = ""
	d.tokens[canary], d.allow[writeOrders] = identity("pool-a"), true
	s, err := d.guard.Open(context.Background(), from, auto)
	if err != nil {
		t.Fatal(err)
	}
	renew := func(pools ...string) (events int) {
		d.tokens[canary] = identity(pools...)
		if err := s.Reauthenticate(context.Background(), auto); err != nil {
			t.Fatal(err)
		}
		before := len(d.all())
		if err := s.Allow(call, writeOrders); err != nil {
			t.Fatal(err)
		}
		return len(d.all()) - before
	}
	if err := s.Allow(call, writeOrders); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(renew("pool-a"), renew("pool-a"), renew("pool-a", "pool-b"), renew("pool-b"), renew("pool-b")); got != "0 0 1 1 0" {
		t.Errorf("events after renewals as a a ab b b: %s", got)
	}
}

// A decision that was made for other pools than the session has by now is not
// remembered for it.
func TestRenewalDuringADecision(t *testing.T) {
	d := newDoor()
	auto := credential(canary)
	auto.PoolSelection = ""
	d.tokens[canary], d.allow[writeOrders] = identity("pool-a", "pool-b"), true
	s, err := d.guard.Open(context.Background(), from, auto)
	if err != nil {
		t.Fatal(err)
	}
	d.during = func() {
		d.during = nil
		d.tokens[canary] = identity("pool-b")
		if err := s.Reauthenticate(context.Background(), auto); err != nil {
			t.Error(err)
		}
	}
	if err := s.Allow(call, writeOrders); err != nil {
		t.Fatal(err)
	}
	if n := s.Remembered(); n != 0 {
		t.Errorf("%d permissions of the old pools are remembered", n)
	}
}

// overtaken is an authenticator whose rules change right after each login.
type overtaken struct {
	*house
	after func()
}

func (h *overtaken) Authenticate(ctx context.Context, c iam.Credential) (iam.Identity, []iam.Step, error) {
	id, steps, err := h.house.Authenticate(ctx, c)
	h.after()
	return id, steps, err
}

// A change that falls between a login and its place in the registry is not missed.
func TestChangeDuringALogin(t *testing.T) {
	for _, renewed := range []bool{false, true} {
		d := newDoor()
		h := &overtaken{house: d.house, after: func() {}}
		d.guard = guard.New(guard.Config{Authenticator: h, Authorizer: d.house, Sink: d.ledger})
		bar := func() {
			d.change(func() { d.barred["pool-a"] = true })
			d.guard.Reassess()
		}
		if !renewed {
			h.after = bar
		}
		s := d.enter(t)
		if renewed {
			h.after = func() { d.change(func() { d.barred["pool-a"] = true }) }
			if err := s.Reauthenticate(context.Background(), credential(canary)); err != nil {
				t.Fatal(err)
			}
		}
		if !ended(s) {
			t.Errorf("renewed %v: goes on under the old rules", renewed)
		}
	}
}

// live is a sink that asks whether the client is still there.
type live struct {
	*ledger
	t *testing.T
}

func (l live) Record(ctx context.Context, r ...audit.Record) error {
	if ctx.Err() != nil {
		l.t.Error("an audit event depends on the client's patience")
	}
	return l.ledger.Record(ctx, r...)
}

func TestClientThatLeavesIsAudited(t *testing.T) {
	d := newDoor()
	d.guard = guard.New(guard.Config{Authenticator: d.house, Authorizer: d.house, Sink: live{d.ledger, t}})
	ctx, leave := context.WithCancel(context.Background())
	leave()
	if _, err := d.guard.Open(ctx, from, credential("stranger")); err == nil || len(d.all()) != 1 {
		t.Errorf("%v, %d events", err, len(d.all()))
	}
}
