package relay

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/kafka"
)

// A broker that takes nothing is not read past, and when the client has gone
// meanwhile, which nobody notices, the connection ends all the same.
func TestBrokerThatTakesNothingEnds(t *testing.T) {
	for name, leave := range map[string]bool{"the client waits": false, "the client has gone": true} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, &Server{Stall: time.Minute}, func(h *house) {
				c := h.client()
				go c.repeat(100, request(0, 1, strings.Repeat("x", 60<<10)))
				b := h.broker()
				synctest.Wait()
				if leave {
					c.Close()
				}
				<-time.After(time.Minute)
				h.ended()
				<-time.After(2 * time.Minute)
				h.ended(ByUpstream)
				if _, err := b.Write([]byte{1}); err == nil {
					t.Error("the upstream connection stays")
				}
				c.Close()
			})
		})
	}
}

// A client whose requests nobody answers is not read any more when there are
// too many of them, so nobody notices that it went.
func TestFullQueueThatDoesNotMoveEnds(t *testing.T) {
	inHouse(t, &Server{Stall: time.Minute, InFlight: 3}, func(h *house) {
		c := h.client()
		c.repeat(10, request(0, 1, ""))
		b := h.broker()
		for range 3 {
			b.got("")
		}
		c.Close()
		<-time.After(time.Minute)
		h.ended()
		<-time.After(2 * time.Minute)
		h.ended(ByUpstream)
		b.expectEnd()
	})
}

// What moves, however slowly, goes on: answer after answer, or one large one.
func TestFullQueueThatMovesStays(t *testing.T) {
	inHouse(t, &Server{Stall: time.Minute, InFlight: 3}, func(h *house) {
		c := h.client()
		c.repeat(50, request(0, 1, ""))
		b := h.broker()
		for range 40 {
			<-time.After(70 * time.Second)
			b.got("")
			b.answer(1, "late")
			c.expect("1:late")
		}
		_, _ = b.Write([]byte{0, 0, 4, 4, 0, 0, 0, 1})
		for range 1024 {
			<-time.After(70 * time.Second)
			_, _ = b.Write([]byte{'x'})
		}
		c.expect("1:" + strings.Repeat("x", 1024))
		h.ended()
		c.Close()
		b.Close()
		<-time.After(3 * time.Minute)
	})
}

// When both wait, it is the client that takes nothing.
func TestFullQueueOfASlowClient(t *testing.T) {
	inHouse(t, &Server{Stall: time.Minute, InFlight: 3}, func(h *house) {
		c := h.client()
		go c.repeat(100, request(1, 1, ""))
		go h.broker().answers(100, response(1, strings.Repeat("x", 60<<10)))
		<-time.After(10 * time.Minute)
		h.ended(ByStall)
		c.Close()
	})
}

// In TLS nothing may follow a write that failed, not even a goodbye: the client
// would read there that somebody has changed bytes on their way.
func TestStalledClientIsCutInTLS(t *testing.T) {
	inHouse(t, &Server{Stall: time.Minute, TLS: serverTLS()}, func(h *house) {
		_, pool := certificate()
		raw := h.client().end
		c := tls.Client(raw, &tls.Config{RootCAs: pool, ServerName: "klamm.test"})
		if _, err := c.Write(request(1, 1, "")); err != nil {
			t.Fatal(err)
		}
		b := h.broker()
		b.got("")
		go b.answers(1, response(1, strings.Repeat("x", 1<<20)))
		synctest.Wait()
		sent := raw.in.total
		<-time.After(time.Minute + time.Second) // it reads again, a moment too late
		_, _ = io.Copy(io.Discard, c)
		if after := raw.in.total; after != sent {
			t.Errorf("%d bytes after the write that failed", after-sent)
		}
		h.ended(ByStall)
	})
}

// Klamm's own answers behind a long poll are in memory, so they are few.
func TestOwnAnswersBehindALongPoll(t *testing.T) {
	inHouse(t, &Server{Waiting: 1000}, func(h *house) {
		planned := 0
		h.plan = func(f *kafka.Frame) (Plan, error) {
			if planned++; f.Key == 1 {
				return Plan{Verdict: Pass}, nil
			}
			return Plan{Verdict: Answer, Bytes: response(f.Correlation, strings.Repeat("y", 296))}, nil
		}
		c := h.client()
		c.send(1, 1, "")
		c.repeat(20, request(3, 2, ""))
		b := h.broker()
		id := b.got("")
		synctest.Wait()
		if planned != 1+4 {
			t.Errorf("%d requests are taken, expected the long poll and 1200 bytes of answers", planned)
		}
		<-time.After(5 * time.Minute)
		b.answer(id, "polled")
		c.expect("1:polled")
		for range 20 {
			c.expect("2:" + strings.Repeat("y", 296))
		}
	})
}

// TestAcksZero: requests without answers are forwarded one after the other
// behind a long poll, and take no place and no memory.
func TestAcksZero(t *testing.T) {
	inHouse(t, &Server{InFlight: 2}, func(h *house) {
		h.plan = func(f *kafka.Frame) (Plan, error) { return Plan{Verdict: Pass, NoReply: f.Key == 0}, nil }
		c := h.client()
		c.send(1, 1, "poll")
		b := h.broker()
		id := b.got("poll")
		before := heap()
		const many = 100_000
		go c.repeat(many, request(0, 2, strings.Repeat("x", 100)))
		for range many {
			b.got(strings.Repeat("x", 100))
		}
		grown := heap() - before
		t.Logf("figure: %d bytes more after %d requests with acks=0", grown, many)
		if grown > 200<<10 {
			t.Errorf("%d bytes more", grown)
		}
		b.answer(id, "")
		c.expect("1:")
		c.Close()
		h.ended(ByClient)
	})
}
