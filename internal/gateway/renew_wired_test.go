package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/kafka"
)

// Re-authentication (KIP-368) and what waits beside it, through relay, gateway
// and guard as they run, over connections in memory and in fake time.

// renew sends a whole re-authentication, in one write since the pipe has no room
// of its own, and waits for nothing.
func (b *byHand) renew(correlation int32, token string) {
	b.t.Helper()
	both := kmsg.NewRequestFormatter().AppendRequest(nil, handshakeRequest(1, mechanism), correlation)
	both = append(both, kmsg.NewRequestFormatter().AppendRequest(nil, authenticateRequest(2, message(token, "logicalCluster="+lkc)), correlation+1)...)
	if _, err := b.link.Write(both); err != nil {
		b.t.Fatal(err)
	}
}

// authenticated waits for the answer to SaslAuthenticate.
func (b *byHand) authenticated(correlation int32) *kmsg.SASLAuthenticateResponse {
	b.t.Helper()
	a, err := b.link.Next()
	if err != nil || a.Correlation != correlation {
		b.t.Fatalf("an answer to request %d, expected %d: %v", a.Correlation, correlation, err)
	}
	held, err := a.Hold(1 << 20)
	if err != nil {
		b.t.Fatal(err)
	}
	r := kmsg.NewPtrSASLAuthenticateResponse()
	r.Version = 2
	if err := r.ReadFrom(held.Bytes[4+4+1:]); err != nil {
		b.t.Fatal(err)
	}
	return r
}

func joinOf(name string) *kmsg.JoinGroupRequest {
	q := kmsg.NewPtrJoinGroupRequest()
	q.Version, q.Group, q.ProtocolType, q.RebalanceTimeoutMillis = 9, name, "consumer", 300_000
	q.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	return q
}

// The token ends while a Fetch waits at the broker. The renewal that was sent
// before holds, although its answer comes after the Fetch's.
func TestRenewalWhileAFetchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wire(t, nil, alice()...)
		w.people.lifetime.Store(int64(20 * time.Second))
		b := w.client("alice")
		began := time.Now()
		b.send(1, fetchOf(12, "orders"))
		broker := <-w.far
		fetch := w.asked(broker, keyFetch)
		<-time.After(15 * time.Second)
		w.people.lifetime.Store(int64(time.Minute))
		b.renew(2, "alice")
		b.send(4, fetchOf(12, "orders"))
		again := w.asked(broker, keyFetch)
		<-time.After(15 * time.Second) // the first token has ended
		go w.answer(broker, fetch, kmsg.NewPtrFetchResponse())
		if !b.next(1) || !b.next(2) {
			t.Fatal("cut while a Fetch waited")
		}
		if at := time.Since(began); at != 30*time.Second {
			t.Errorf("answered after %v", at)
		}
		if r := b.authenticated(3); r.ErrorCode != 0 || r.SessionLifetimeMillis != 60_000 {
			t.Errorf("%+v", r)
		}
		go w.answer(broker, again, kmsg.NewPtrFetchResponse())
		if !b.next(4) {
			t.Error("the request after the renewal is not answered")
		}
		if b.next(5) || time.Since(began) != 75*time.Second {
			t.Errorf("ended after %v, expected with the second token", time.Since(began))
		}
	})
}

// Ten answers are not read yet when the client renews: its renewal takes
// effect, and all answers come in order.
func TestRenewalBehindUnreadAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wire(t, nil, alice()...)
		w.people.lifetime.Store(int64(20 * time.Second))
		b := w.client("alice")
		for i := range int32(10) {
			b.send(i, fetchOf(12, "orders"))
			if i == 0 {
				broker, asked := <-w.far, make(chan *kafka.Frame, 10)
				go func() {
					for range 10 {
						asked <- w.asked(broker, keyFetch)
					}
				}()
				go func() {
					for range 10 {
						w.answer(broker, <-asked, kmsg.NewPtrFetchResponse())
					}
				}()
			}
		}
		<-time.After(15 * time.Second)
		b.renew(10, "alice")
		<-time.After(10 * time.Second) // past the end of the first token
		for i := range int32(11) {
			if !b.next(i) {
				t.Fatalf("cut before answer %d", i)
			}
		}
		if r := b.authenticated(11); r.ErrorCode != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// The same old token renews nothing but the count: the connection ends when
// that token does.
func TestRenewalWithTheSameToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wire(t, nil, alice()...)
		began := time.Now()
		w.people.end.Store(began.Add(30 * time.Second).UnixNano())
		b := w.client("alice")
		for i, left := range []int64{20_000, 10_000, 1} {
			<-time.After(time.Until(began.Add(30*time.Second - time.Duration(left)*time.Millisecond)))
			b.renew(int32(2*i), "alice")
			if !b.next(int32(2 * i)) {
				t.Fatal("cut too early")
			}
			if r := b.authenticated(int32(2*i + 1)); r.ErrorCode != 0 || r.SessionLifetimeMillis != left {
				t.Errorf("with %d ms left: %+v", left, r)
			}
		}
		if b.next(9) || time.Since(began) != 30*time.Second {
			t.Errorf("ended after %v, expected with its token", time.Since(began))
		}
	})
}

// A refused renewal is answered after its hold, ends both connections at once
// afterwards and is audited; what was sent before it is still answered.
func TestRefusedRenewalEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wire(t, nil, alice()...)
		b := w.client("alice")
		b.send(1, fetchOf(12, "orders"))
		broker := <-w.far
		fetch := w.asked(broker, keyFetch)
		began := time.Now()
		b.renew(2, "mallory")
		go w.answer(broker, fetch, kmsg.NewPtrFetchResponse())
		if !b.next(1) || !b.next(2) {
			t.Fatal("cut before what was due")
		}
		r := b.authenticated(3)
		if r.ErrorCode != saslFailed || r.ErrorMessage == nil || time.Since(began) != hold {
			t.Errorf("%+v after %v", r, time.Since(began))
		}
		if b.next(4) || time.Since(began) != hold {
			t.Errorf("goes on after a refused renewal")
		}
		if _, err := broker.ReadFrame(1 << 20); err == nil {
			t.Error("the connection upstream goes on")
		}
		w.log.mu.Lock()
		defer w.log.mu.Unlock()
		last := w.log.records[len(w.log.records)-1]
		if last.Event.Type != audit.TypeAuthentication || !last.Refused() || last.Steps[0].Code != "bad-token" {
			t.Errorf("audited %+v", last)
		}
	})
}

// A lifetime of 1 ms is told as such, never as 0, and kept.
func TestLifetimeOfAMillisecond(t *testing.T) {
	for name, left := range map[string]time.Duration{"a millisecond": time.Millisecond, "less": time.Microsecond} {
		inBubble(t, name, func(t *testing.T) {
			w := wire(t, nil, alice()...)
			b := w.client("alice")
			w.people.lifetime.Store(int64(left))
			began := time.Now()
			b.renew(1, "alice")
			if !b.next(1) {
				t.Fatal("cut before the answer")
			}
			if r := b.authenticated(2); r.ErrorCode != 0 || r.SessionLifetimeMillis != 1 {
				t.Errorf("%+v", r)
			}
			if b.next(3) || time.Since(began) != left {
				t.Errorf("ended after %v", time.Since(began))
			}
		})
	}
}

// A JoinGroup may wait as long as the slowest member needs, here 4 minutes
// without a word from anybody, while the client's tokens of one minute are
// renewed behind it.
func TestWaitingJoinGroupSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wire(t, nil, alice()...)
		w.people.lifetime.Store(int64(time.Minute))
		b := w.client("alice")
		began := time.Now()
		b.send(0, joinOf("orders-1"))
		broker := <-w.far
		join := w.asked(broker, 11)
		for i := range int32(4) {
			<-time.After(50 * time.Second)
			b.renew(1+2*i, "alice")
		}
		<-time.After(time.Until(began.Add(4 * time.Minute)))
		go w.answer(broker, join, kmsg.NewPtrJoinGroupResponse())
		if !b.next(0) {
			t.Fatal("a waiting JoinGroup was cut")
		}
		for i := range int32(4) {
			if !b.next(1 + 2*i) {
				t.Fatal("cut")
			}
			if r := b.authenticated(2 + 2*i); r.ErrorCode != 0 {
				t.Errorf("%+v", r)
			}
		}
	})
	// Idle altogether, with a token that lives long enough.
	synctest.Test(t, func(t *testing.T) {
		w := wire(t, nil, alice()...)
		b := w.client("alice")
		b.send(0, joinOf("orders-1"))
		broker := <-w.far
		join := w.asked(broker, 11)
		<-time.After(30 * time.Minute)
		go w.answer(broker, join, kmsg.NewPtrJoinGroupResponse())
		if !b.next(0) {
			t.Error("a waiting JoinGroup was cut")
		}
	})
}

// A shutdown does not wait for a JoinGroup, and for what stands behind one only
// until its deadline.
func TestDrainBesideAWaitingJoinGroup(t *testing.T) {
	for name, c := range map[string]struct {
		behind kmsg.Request
		took   time.Duration
	}{"alone": {nil, 0}, "a Produce behind it": {produceOf(9, "orders"), 3 * time.Second}} {
		inBubble(t, name, func(t *testing.T) {
			w := wire(t, nil, alice()...)
			b := w.client("alice")
			b.send(0, joinOf("orders-1"))
			broker := <-w.far
			w.asked(broker, 11)
			if c.behind != nil {
				b.send(1, c.behind)
				w.asked(broker, keyProduce)
			}
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			err := w.server.Shutdown(ctx)
			if took := time.Since(began); took != c.took || (c.took > 0) != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v after %v, expected %v", err, took, c.took)
			}
			if b.next(0) {
				t.Error("answered")
			}
		})
	}
}
