package guard_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
)

func TestReauthenticate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		s := d.enter(t)
		<-time.After(50 * time.Minute)
		d.tokens["fresh"] = identity("pool-a") // another hour from now
		if err := s.Reauthenticate(context.Background(), credential("fresh")); err != nil {
			t.Fatal(err)
		}
		if s.Lifetime() != time.Hour || len(d.all()) != 2 || d.last(t).Refused() {
			t.Errorf("%v left, audited %+v", s.Lifetime(), d.all())
		}
		<-time.After(59 * time.Minute)
		synctest.Wait()
		if ended(s) {
			t.Fatal("ended with the old token")
		}
		if err := s.Allow(call, writeOrders); err != nil {
			t.Error(err)
		}
		// The same old token is good for what is left of it.
		if err := s.Reauthenticate(context.Background(), credential("fresh")); err != nil || s.Lifetime() != time.Minute {
			t.Errorf("%v, %v left", err, s.Lifetime())
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if !ended(s) {
			t.Error("goes on without a token")
		}
	})
}

func TestReauthenticateIsTheSameParty(t *testing.T) {
	for _, c := range []struct {
		name     string
		identity func(*iam.Identity)
		say      func(*iam.Credential)
	}{
		{"another provider", func(id *iam.Identity) { id.Provider = "op-b" }, nil},
		{"another claim", func(id *iam.Identity) { id.Claim = "oid-2" }, nil},
		{"another claim and pools, selected", func(id *iam.Identity) { id.Claim, id.Pools = "oid-2", []string{"pool-b"} }, nil},
		{"another mechanism", nil, func(c *iam.Credential) { c.Mechanism = "PLAIN" }},
		{"another cluster", nil, func(c *iam.Credential) { c.Cluster = "lkc-x" }},
		{"another logicalCluster", nil, func(c *iam.Credential) { c.LogicalCluster = "" }},
		{"another selection", nil, func(c *iam.Credential) { c.PoolSelection = "pool-a,pool-b" }},
		{"selection in other bytes", nil, func(c *iam.Credential) { c.PoolSelection = " pool-a" }},
		{"no selection", nil, func(c *iam.Credential) { c.PoolSelection = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDoor()
			s := d.enter(t)
			id, cred := identity("pool-a"), credential("other")
			if c.identity != nil {
				c.identity(&id)
			}
			if c.say != nil {
				c.say(&cred)
			}
			d.tokens["other"] = id
			err := s.Reauthenticate(context.Background(), cred)
			if r, ok := errors.AsType[*guard.Refusal](err); !ok || r.Code != guard.CodeChanged {
				t.Fatalf("%v", err)
			}
			if rec := d.last(t); !rec.Refused() || rec.Steps[len(rec.Steps)-1].Wanted == "" || rec.Event.Data.Result.Message != string(guard.CodeChanged) {
				t.Errorf("audited %+v", rec)
			}
			if s.Allow(call, writeOrders) == nil || s.Visible(writeOrders) {
				t.Error("goes on after a refused re-authentication")
			}
			if s.Reauthenticate(context.Background(), credential(canary)) == nil {
				t.Error("a refused re-authentication can be mended on the same connection")
			}
		})
	}
}

// Pools that were chosen automatically may change, and with them the claim
// that names the party, but not the party.
func TestReauthenticateWithAutomaticPools(t *testing.T) {
	for sub, good := range map[any]bool{"sub-1": true, "sub-2": false, "": false, nil: false} {
		d := newDoor()
		auto := credential(canary)
		auto.PoolSelection = ""
		d.tokens[canary] = identity("pool-a")
		s, err := d.guard.Open(context.Background(), from, auto)
		if err != nil {
			t.Fatal(err)
		}
		more := identity("pool-a", "pool-b")
		more.Claim, more.Claims = "sub-1", map[string]any{"sub": sub}
		d.tokens["fresh"] = more
		fresh := credential("fresh")
		fresh.PoolSelection = ""
		if err := s.Reauthenticate(context.Background(), fresh); (err == nil) != good {
			t.Errorf("sub %v: %v", sub, err)
		}
		if good && fmt.Sprint(s.Identity().Pools) != "[pool-a pool-b]" {
			t.Errorf("pools %v", s.Identity().Pools)
		}
	}
}

func TestUnknownTokenIsNoRenewal(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	if err := s.Reauthenticate(context.Background(), credential("stranger")); err == nil {
		t.Fatal("renewed")
	}
	if s.Allow(call, writeOrders) == nil {
		t.Error("goes on")
	}
	if ended(s) {
		t.Error("Done before the surface has answered")
	}
}

// A re-authentication that began in time may finish after the token's end;
// nothing else is allowed meanwhile, and it does not go on for ever.
func TestRenewalBegunInTime(t *testing.T) {
	for _, finish := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor()
			s := d.enter(t)
			<-time.After(time.Hour - time.Millisecond)
			s.Renewing(10 * time.Second)
			<-time.After(2 * time.Second)
			synctest.Wait()
			if ended(s) {
				t.Fatal("ended while it was renewing")
			}
			if s.Allow(call, writeOrders) == nil {
				t.Error("allows after the token's end")
			}
			if s.Renewing(time.Hour); finish {
				d.tokens["fresh"] = identity("pool-a")
				if err := s.Reauthenticate(context.Background(), credential("fresh")); err != nil {
					t.Fatal(err)
				}
				if err := s.Allow(call, writeOrders); err != nil {
					t.Error(err)
				}
			}
			<-time.After(10 * time.Second)
			synctest.Wait()
			if ended(s) == finish {
				t.Errorf("ended %v, renewed %v", ended(s), finish)
			}
			s.Close()
		})
	}
}

func TestRenewalBegunTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		s := d.enter(t)
		<-time.After(time.Hour)
		s.Renewing(10 * time.Second)
		synctest.Wait()
		if !ended(s) {
			t.Error("a late renewal keeps the session")
		}
	})
}
