package relay

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

func TestPipelinedAnswersKeepTheirOrder(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = func(f *kafka.Frame) (Plan, error) {
			switch f.Correlation % 4 {
			case 0:
				return Plan{Verdict: Answer, Bytes: response(f.Correlation, "local")}, nil
			case 1:
				return Plan{Verdict: Send, Bytes: request(3, f.Correlation, "changed")[4:]}, nil
			case 2:
				return Plan{Verdict: Pass, Edit: func(b []byte) ([]byte, error) { return append(b[:4:4], "longer than it was"...), nil }}, nil
			}
			return Plan{Verdict: Pass}, nil
		}
		c := h.client()
		var want []string
		for i := range int32(100) {
			c.send(3, i, "asked")
			want = append(want, fmt.Sprintf("%d:%s", i, []string{"local", "upstream", "longer than it was", "upstream"}[i%4]))
		}
		go func() {
			b := h.broker()
			for i := range int32(100) {
				if i%4 == 0 {
					continue
				}
				b.answer(b.got(map[bool]string{true: "changed", false: "asked"}[i%4 == 1]), "upstream")
			}
		}()
		c.expect(want...)
		c.Close()
		h.ended(ByClient)
		if h.dialled != 1 {
			t.Errorf("dialled %d times", h.dialled)
		}
	})
}

func TestNoUpstreamBeforeItIsNeeded(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = func(f *kafka.Frame) (Plan, error) {
			return Plan{Verdict: Answer, Bytes: response(f.Correlation, "")}, nil
		}
		c := h.client()
		c.send(3, 1, "")
		c.expect("1:")
		if h.dialled != 0 {
			t.Error("dialled for a local answer")
		}
	})
}

func TestLargeAnswersStream(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		c := h.client()
		c.send(1, 1, "")
		body := strings.Repeat("record", 1<<20)
		go func() { b := h.broker(); b.answer(b.got(""), body) }()
		c.expect("1:" + body)
	})
}

// stars edits a stream; it fails at the end when fail is set.
type stars struct{ fail bool }

func (s stars) Edit(b []byte) error {
	copy(b, strings.ReplaceAll(string(b), "x", "*"))
	return nil
}

func (s stars) End() error {
	if s.fail {
		return fault.New(fault.Malformed, "an end that cannot be understood")
	}
	return nil
}

func TestEditedStream(t *testing.T) {
	for name, fail := range map[string]bool{"edited": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, &Server{}, func(h *house) {
				h.plan = func(*kafka.Frame) (Plan, error) { return Plan{Verdict: Pass, Stream: stars{fail}}, nil }
				c := h.client()
				c.send(1, 1, "")
				b := h.broker()
				b.answer(b.got(""), "axbx")
				if fail {
					c.expectEnd()
					h.ended(ByNonsense)
					return
				}
				c.expect("1:a*b*")
			})
		})
	}
}

func TestRefusedFramesEnd(t *testing.T) {
	tooLarge := request(3, 1, strings.Repeat("x", 1000))
	for name, c := range map[string]struct {
		bytes []byte
		plan  func(*kafka.Frame) (Plan, error)
		want  Reason
	}{
		"over the cap": {bytes: tooLarge[:4], want: ByFrame},
		"negative":     {bytes: []byte{0xff, 0xff, 0xff, 0xff}, want: ByFrame},
		"no header":    {bytes: []byte{0, 0, 0, 1, 0}, want: ByFrame},
		"zero plan":    {bytes: request(3, 1, ""), plan: func(*kafka.Frame) (Plan, error) { return Plan{}, nil }, want: ByPlan},
		"error":        {bytes: request(3, 1, ""), plan: func(*kafka.Frame) (Plan, error) { return Plan{Verdict: Pass}, errors.New("no") }, want: ByPlan},
		"panic":        {bytes: request(3, 1, ""), plan: func(*kafka.Frame) (Plan, error) { panic("a fault in a rule") }, want: ByPanic},
		"ended": {bytes: request(3, 1, ""), plan: func(*kafka.Frame) (Plan, error) {
			return Plan{}, fault.New(fault.Unauthenticated, "the token has ended")
		}, want: BySession},
		"no verdict": {bytes: request(3, 1, ""), plan: func(*kafka.Frame) (Plan, error) { return Plan{Verdict: 99}, nil }, want: ByPlan},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, &Server{MaxFrame: 1000}, func(h *house) {
				h.plan = c.plan
				client := h.client()
				_, _ = client.Write(c.bytes)
				client.expectEnd()
				h.ended(c.want)
				if h.dialled != 0 {
					t.Error("a refused frame reached upstream")
				}
			})
		})
	}
}

func TestCloseDeliversWhatIsDue(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = func(f *kafka.Frame) (Plan, error) {
			if f.Correlation == 2 {
				return Plan{Reason: "partly refused"}, nil
			}
			return Plan{Verdict: Pass}, nil
		}
		c := h.client()
		c.send(0, 1, "")
		c.send(0, 2, "")
		c.send(0, 3, "never read")
		b := h.broker()
		id := b.got("")
		synctest.Wait()
		b.answer(id, "")
		c.expect("1:")
		c.expectEnd()
		b.expectEnd()
		h.ended(ByPlan)
	})
}

func TestEditThatFailsEnds(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = func(*kafka.Frame) (Plan, error) {
			return Plan{Verdict: Pass, Edit: func([]byte) ([]byte, error) { return nil, errors.New("not decodable") }}, nil
		}
		c := h.client()
		c.send(3, 1, "")
		b := h.broker()
		b.answer(b.got(""), "with an address")
		c.expectEnd()
		h.ended(ByPlan)
	})
}

func TestHoldAndLast(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = func(f *kafka.Frame) (Plan, error) {
			if f.Key == 36 {
				return Plan{Verdict: Answer, Bytes: response(f.Correlation, "refused"), Hold: time.Second, Last: true}, nil
			}
			return Plan{Verdict: Pass}, nil
		}
		began := time.Now()
		c := h.client()
		c.send(1, 1, "")
		c.send(36, 2, "")
		c.send(1, 3, "after the end")
		b := h.broker()
		id := b.got("")
		b.answer(id, "quick")
		c.expect("1:quick")
		if d := time.Since(began); d != 0 {
			t.Errorf("the frame before a held one took %v", d)
		}
		c.expect("2:refused")
		if d := time.Since(began); d != time.Second {
			t.Errorf("held for %v", d)
		}
		c.expectEnd()
		b.expectEnd()
		h.ended(ByAnswer)
	})
}

// A re-authentication is answered after everything before it, a slow JoinGroup too.
func TestLastWaitsForThoseBeforeIt(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = func(f *kafka.Frame) (Plan, error) {
			if f.Key == 36 {
				return Plan{Verdict: Answer, Bytes: response(f.Correlation, ""), Last: true}, nil
			}
			return Plan{Verdict: Pass, Drop: true}, nil
		}
		c := h.client()
		c.send(11, 1, "")
		c.send(36, 2, "")
		b := h.broker()
		id := b.got("")
		time.AfterFunc(4*time.Minute, func() { b.answer(id, "joined") })
		c.expect("1:joined", "2:")
		c.expectEnd()
	})
}

func TestNoReplyTakesNoPlace(t *testing.T) {
	inHouse(t, &Server{InFlight: 1}, func(h *house) {
		h.plan = func(f *kafka.Frame) (Plan, error) {
			return Plan{Verdict: Pass, NoReply: f.Key == 0}, nil
		}
		c := h.client()
		for range 10 {
			c.send(0, 1, "acks=0")
		}
		c.send(3, 2, "asked")
		b := h.broker()
		for range 10 {
			b.got("acks=0")
		}
		b.answer(b.got("asked"), "")
		c.expect("2:")
	})
}

func TestInFlightIsCapped(t *testing.T) {
	for name, s := range map[string]*Server{"by count": {InFlight: 3}, "by bytes": {InFlightBytes: 3 * 14}} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, s, func(h *house) {
				c := h.client()
				for i := range int32(10) {
					c.send(3, i, "body")
				}
				b := h.broker()
				synctest.Wait()
				if n := b.in.total; n != 3*18 {
					t.Errorf("%d bytes went upstream, expected three requests", n)
				}
				for i := range int32(10) {
					b.got("body")
					b.answer(i, "")
				}
				for i := range 10 {
					c.expect(fmt.Sprintf("%d:", i))
				}
			})
		})
	}
}

// Of an answer of 64 MiB to a client that does not read, klamm holds one chunk.
func TestSlowReaderHoldsNoMemory(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		c := h.client()
		c.send(1, 0, "")
		b := h.broker()
		b.got("")
		go func() { _ = b.conn.WriteBytes(make([]byte, 64<<20)) }()
		synctest.Wait()
		if sent := b.out.total; sent < 128<<10 || sent > 128<<10+32<<10+512 { // two full sockets, a chunk and a small buffer
			t.Errorf("%d bytes were taken from the broker", sent)
		}
		c.Close()
		h.ended(ByClient)
	})
}

// A JoinGroup waits for its rebalance timeout, and a client may say nothing for
// longer: neither is an end while the session lives.
func TestNothingEndsByWaiting(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		c := h.client()
		c.send(11, 1, "join")
		b := h.broker()
		id := b.got("join")
		<-time.After(time.Hour)
		b.answer(id, "joined")
		c.expect("1:joined")
		<-time.After(24 * time.Hour)
		c.send(12, 2, "beat")
		b.answer(b.got("beat"), "")
		c.expect("2:")
		c.Close()
		h.ended(ByClient)
	})
}

// A broker that takes nothing stops the client, and the end of the session is
// not held up by it.
func TestBrokerThatDoesNotRead(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		c := h.client()
		go func() {
			for i := range int32(100) {
				if _, err := c.Write(request(0, i, strings.Repeat("x", 60<<10))); err != nil {
					return
				}
			}
		}()
		h.broker()
		synctest.Wait()
		// Two full sockets and the frame that is being written.
		if n := c.out.total; n > 3*64<<10+1<<10 {
			t.Errorf("%d bytes were taken from the client", n)
		}
		began := time.Now()
		close(h.done)
		c.expectEnd()
		if d := time.Since(began); d > time.Second {
			t.Errorf("the session's end took %v", d)
		}
		h.ended(BySession)
	})
}

func TestStalledClientEnds(t *testing.T) {
	inHouse(t, &Server{Stall: time.Minute}, func(h *house) {
		c := h.client()
		c.send(1, 0, "")
		b := h.broker()
		b.got("")
		go func() { _ = b.conn.WriteBytes(make([]byte, 64<<20)) }()
		<-time.After(59 * time.Second)
		h.ended()
		<-time.After(2 * time.Second)
		h.ended(ByStall)
		c.Close()
	})
}

func TestUpstreamDies(t *testing.T) {
	for name, die := range map[string]func(*far){
		"while idle":   func(b *far) { b.Close() },
		"in an answer": func(b *far) { _, _ = b.Write([]byte{0, 0, 1, 0, 0, 0, 0, 1, 'x'}); b.Close() },
		"in a prefix":  func(b *far) { _, _ = b.Write([]byte{0, 0}); b.Close() },
		"by halves":    func(b *far) { _, _ = b.Write([]byte{0, 0, 1, 0, 0, 0, 0, 1, 'x'}); b.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, &Server{}, func(h *house) {
				c := h.client()
				c.send(3, 1, "")
				b := h.broker()
				b.got("")
				go die(b)
				for { // part of an answer may have come
					if _, err := c.Read(make([]byte, 10)); err != nil {
						break
					}
				}
				h.ended(ByUpstream)
				if h.dialled != 1 {
					t.Errorf("dialled %d times", h.dialled)
				}
			})
		})
	}
}

func TestDialFails(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.dialErr = errors.New("no route")
		c := h.client()
		c.send(3, 1, "")
		c.expectEnd()
		h.ended(ByUpstream)
	})
}

func TestClientDies(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = func(*kafka.Frame) (Plan, error) { return Plan{Verdict: Pass, Drop: true}, nil }
		c := h.client()
		c.send(1, 1, "a long poll")
		b := h.broker()
		b.got("a long poll")
		c.Close()
		b.expectEnd()
		h.ended(ByClient)
	})
}

func TestHalfClosedClientGetsItsAnswers(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		c := h.client()
		c.send(0, 1, "")
		c.CloseWrite()
		b := h.broker()
		id := b.got("")
		synctest.Wait()
		b.answer(id, "written")
		c.expect("1:written")
		c.expectEnd()
		h.ended(ByClient)
	})
}
