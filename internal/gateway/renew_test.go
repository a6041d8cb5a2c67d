package gateway

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/relay"
)

func TestReauthentication(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	for range 3 { // at once, with the same old token: kafkajs does so
		if r := b.login("alice", "logicalCluster="+lkc); r.ErrorCode != 0 || r.SessionLifetimeMillis < 1 {
			t.Fatalf("%+v", r)
		}
		b.ask(kmsg.NewPtrMetadataRequest())
	}
}

// TestSecurity_13_Reauthentication: another party, or the same with something
// changed, is refused and the connection ends after the answer.
func TestSecurity_13_Reauthentication(t *testing.T) {
	ok := "logicalCluster=" + lkc
	for name, c := range map[string]struct {
		token      string
		extensions []string
	}{
		"another party":   {"admin", []string{ok}},
		"another pool":    {"alice", []string{ok, "identityPoolId=pool-alice"}},
		"no cluster":      {"alice", nil},
		"a refused token": {"mallory", []string{ok}},
		"another cluster": {"alice", []string{"logicalCluster=lkc-other"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t, alice())
			b := h.loggedIn("alice", 0)
			began := time.Now()
			r := b.login(c.token, c.extensions...)
			if r.ErrorCode != saslFailed || !strings.Contains(*r.ErrorMessage, "ref=") {
				t.Errorf("%+v", r)
			}
			if took := time.Since(began); took < hold {
				t.Errorf("answered after %v", took)
			}
			b.dies(kmsg.NewPtrMetadataRequest())
		})
	}
}

func TestReauthenticationInOrder(t *testing.T) {
	for name, c := range map[string]struct{ first, then kmsg.Request }{
		"a request in the middle":          {handshakeRequest(1, mechanism), kmsg.NewPtrMetadataRequest()},
		"ApiVersions in the middle":        {handshakeRequest(1, mechanism), kmsg.NewPtrApiVersionsRequest()},
		"SaslHandshake twice":              {handshakeRequest(1, mechanism), handshakeRequest(1, mechanism)},
		"SaslHandshake 0":                  {nil, handshakeRequest(0, mechanism)},
		"SaslAuthenticate is half written": {handshakeRequest(1, mechanism), authenticateRequest(2, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t, alice())
			b := h.loggedIn("alice", 0)
			if c.first != nil {
				b.ask(c.first)
			}
			if q, ok := c.then.(*kmsg.SASLAuthenticateRequest); ok {
				if r := b.ask(q).(*kmsg.SASLAuthenticateResponse); r.ErrorCode != saslFailed {
					t.Errorf("%+v", r)
				}
				return
			}
			b.dies(c.then)
		})
	}
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	if r := b.authenticate(message("alice")); r.ErrorCode != illegalSaslState {
		t.Errorf("SaslAuthenticate without SaslHandshake: %+v", r)
	}
	b.ask(kmsg.NewPtrMetadataRequest())
}

// TestSecurity_12_SessionEnds: the connection ends with the token, also while
// the client says nothing, and a re-authentication carries it on.
func TestSecurity_12_SessionEnds(t *testing.T) {
	h := build(t, alice())
	h.people.lifetime.Store(int64(300 * time.Millisecond))
	b := h.loggedIn("alice", 0)
	carried := h.loggedIn("alice", 0)
	h.people.lifetime.Store(0)
	if r := carried.login("alice", "logicalCluster="+lkc); r.ErrorCode != 0 || r.SessionLifetimeMillis < 60_000 {
		t.Fatalf("%+v", r)
	}
	if n, err := b.link.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes instead of the end", n)
	}
	carried.ask(kmsg.NewPtrMetadataRequest())
}

func TestTooManyRenewals(t *testing.T) {
	var r renewal
	now := time.Now()
	for range renewalsPerMinute {
		if r.tooMany(now) {
			t.Fatal("refused too early")
		}
	}
	if !r.tooMany(now) {
		t.Error("no limit")
	}
	if r.tooMany(now.Add(2 * time.Minute)) {
		t.Error("the limit does not pass")
	}
}

// TestReauthenticationBehindAFetch: its answers wait for those before them.
func TestReauthenticationBehindAFetch(t *testing.T) {
	h := build(t, alice())
	node, _ := h.leader("orders")
	b := h.loggedIn("alice", node)
	fetch := fetchOf(12, "orders")
	fetch.MaxWaitMillis, fetch.MinBytes = 300, 1
	requests := []kmsg.Request{fetch, handshakeRequest(1, mechanism), authenticateRequest(2, message("alice", "logicalCluster="+lkc)), kmsg.NewPtrListGroupsRequest()}
	for i, req := range requests {
		if err := b.link.WriteBytes(kmsg.NewRequestFormatter().AppendRequest(nil, req, int32(100+i))[4:]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range requests {
		a, err := b.link.Next()
		if err != nil {
			t.Fatal(err)
		}
		if a.Correlation != int32(100+i) {
			t.Errorf("answer %d is to request %d", i, a.Correlation-100)
		}
		if _, err := a.Hold(1 << 20); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReauthenticationByAnotherMechanism(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	if r := b.ask(handshakeRequest(1, "PLAIN")).(*kmsg.SASLHandshakeResponse); r.ErrorCode != unsupportedMechanism {
		t.Errorf("%+v", r)
	}
	b.dies(kmsg.NewPtrMetadataRequest())
	if n := len(h.log.refusals()); n != 1 {
		t.Errorf("%d audit events", n)
	}
}

// TestRenewalPastTheEnd: a SaslHandshake that came before the token's end may
// finish within the handshake's time, and nothing else is done meanwhile.
func TestRenewalPastTheEnd(t *testing.T) {
	for late, want := range map[time.Duration]bool{5 * time.Second: true, 11 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			e, p := newEverything(), &people{}
			p.bind(t, alice()...)
			p.lifetime.Store(int64(time.Second))
			g, err := New(Config{Guard: guard.New(guard.Config{Authenticator: p, Authorizer: p, Sink: nowhere{}}), Clusters: map[string]Cluster{lkc: e}, Addresses: e})
			if err != nil {
				t.Fatal(err)
			}
			h := &house{t: t, gateway: g, guard: g.Guard}
			s := h.session("alice")
			if plan, err := s.Plan(t.Context(), frame(t, handshakeRequest(1, mechanism))); err != nil || plan.Verdict != relay.Answer {
				t.Fatalf("%+v, %v", plan, err)
			}
			<-time.After(late)
			p.lifetime.Store(0)
			q := authenticateRequest(2, message("alice", "logicalCluster="+lkc))
			plan, err := s.Plan(t.Context(), frame(t, q))
			if !want {
				if err == nil {
					t.Errorf("after %v: %+v", late, plan)
				}
				return
			}
			if err != nil {
				t.Fatalf("after %v: %v", late, err)
			}
			if r := answer(t, q, plan).(*kmsg.SASLAuthenticateResponse); r.ErrorCode != 0 || r.SessionLifetimeMillis != time.Hour.Milliseconds() {
				t.Errorf("after %v: %+v", late, r)
			}
			if plan, err := s.Plan(t.Context(), frame(t, fetchOf(12, "orders"))); err != nil || plan.Verdict != relay.Pass {
				t.Errorf("%+v, %v", plan, err)
			}
		})
	}
}
