package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// read is an Edit that knows how an answer must look.
func read(b []byte) ([]byte, error) {
	if string(b[4:]) != "as asked" {
		return nil, fault.New(fault.Malformed, "a Metadata answer cannot be decoded")
	}
	return b, nil
}

// lies are what a broker may do instead of answering two requests, of
// correlation ids 1 and 2.
var lies = map[string]struct {
	plan  Plan
	lie   func(*far)
	whole []string // answers that still reach the client
	want  Reason
	says  string // part of what the session and the log are told
}{
	"another correlation id":      {Plan{}, func(b *far) { b.answer(7, "x") }, nil, ByOrder, "answered correlation id 7, expected 1"},
	"answers in another order":    {Plan{}, func(b *far) { b.answer(2, "x") }, nil, ByOrder, "answered correlation id 2, expected 1"},
	"the same answer twice":       {Plan{}, func(b *far) { b.answer(1, "x"); b.answer(1, "x") }, []string{"1:x"}, ByOrder, "answered correlation id 1, expected 2"},
	"more answers than questions": {Plan{}, func(b *far) { b.answer(1, "x"); b.answer(2, "x"); b.answer(3, "x") }, []string{"1:x", "2:x"}, ByOrder, "3 when no answer was due"},
	"an answer that none wanted":  {Plan{NoReply: true}, func(b *far) { b.answer(1, "x") }, nil, ByOrder, "1 when no answer was due"},
	"a negative length":           {Plan{}, func(b *far) { _, _ = b.Write([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}) }, nil, ByNonsense, "an answer of -1 bytes"},
	"the most negative length":    {Plan{}, func(b *far) { _, _ = b.Write([]byte{0x80, 0, 0, 0, 0, 0, 0, 1}) }, nil, ByNonsense, "an answer of -2147483648 bytes"},
	"a length without an id":      {Plan{}, func(b *far) { _, _ = b.Write([]byte{0, 0, 0, 3, 0, 0, 0, 1}) }, nil, ByNonsense, "an answer of 3 bytes"},
	"more than is held":           {Plan{Edit: read}, func(b *far) { _, _ = b.Write([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1}) }, nil, ByNonsense, "an answer of 2147483647 bytes to be held, at most 1000 are"},
	"the shape of another version": {Plan{Edit: read}, func(b *far) { b.answer(1, "as asked"); b.answer(2, "otherwise") },
		[]string{"1:as asked"}, ByNonsense, "cannot be decoded"},
	"another shape in a stream": {Plan{Stream: stars{true}}, func(b *far) { b.answer(1, "x") }, nil, ByNonsense, "an end that cannot be understood"},
}

func TestBrokersThatLie(t *testing.T) {
	for name, c := range lies {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			s := &Server{MaxHeld: 1000, Log: slog.New(slog.NewTextHandler(&log, nil))}
			inHouse(t, s, func(h *house) {
				h.plan = func(*kafka.Frame) (Plan, error) { p := c.plan; p.Verdict = Pass; return p, nil }
				client := h.client()
				client.send(3, 1, "canary")
				client.send(3, 2, "canary")
				b := h.broker()
				b.got("canary")
				b.got("canary")
				go c.lie(b)
				client.expect(c.whole...)
				client.expectEnd()
				synctest.Wait()
				if _, err := b.Write([]byte{1}); err == nil {
					t.Error("the broker is still listened to")
				}
				h.ended(c.want)
				if len(h.accused) != 1 || !strings.Contains(fault.Detail(h.accused[0]), c.says) || !strings.Contains(h.accused[0].Error(), "broker 1 ") {
					t.Errorf("the session is told %v", h.accused)
				}
			})
			line := log.String()
			for _, part := range []string{"level=WARN", "reason=" + string(c.want), c.says, "cluster=lkc-test", "broker=1"} {
				if !strings.Contains(line, part) {
					t.Errorf("%s is missing in %s", part, line)
				}
			}
			if strings.Count(line, "\n") != 1 || strings.Contains(line, "canary") {
				t.Errorf("log: %s", line)
			}
		})
	}
}

// A lie that comes while the connection ends for another reason is told.
func TestLieAtTheEnd(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		c := h.client()
		c.send(0, 1, "")
		b := h.broker()
		b.got("")
		close(h.done)
		synctest.Wait()
		b.answer(2, "")
		c.expectEnd()
		h.ended(ByOrder)
		if len(h.accused) != 1 {
			t.Errorf("the session is told %v", h.accused)
		}
	})
}

// What is nobody's breach of the protocol accuses nobody.
func TestNobodyIsAccused(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*client, *far)
		edit error
		want Reason
	}{
		"the broker hangs up":   {func(_ *client, b *far) { b.Close() }, nil, ByUpstream},
		"it does in an answer":  {func(_ *client, b *far) { _, _ = b.Write([]byte{0, 0, 0, 9, 0, 0, 0, 1}); b.Close() }, nil, ByUpstream},
		"the client hangs up":   {func(c *client, _ *far) { c.Close() }, nil, ByClient},
		"a rule that has erred": {func(_ *client, b *far) { b.answer(1, "") }, errors.New("no address"), ByPlan},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, &Server{Drain: time.Millisecond}, func(h *house) {
				h.plan = func(*kafka.Frame) (Plan, error) {
					return Plan{Verdict: Pass, Edit: func(b []byte) ([]byte, error) { return b, c.edit }}, nil
				}
				client := h.client()
				client.send(3, 1, "")
				b := h.broker()
				b.got("")
				c.do(client, b)
				<-time.After(time.Second)
				h.ended(c.want)
				if len(h.accused) != 0 {
					t.Errorf("the session is told %v", h.accused)
				}
			})
		})
	}
}

// Clients of a lying broker come back at once: the log is told once a minute,
// and how often it was not; each session is told all the same.
func TestLyingBrokerDoesNotFloodTheLog(t *testing.T) {
	var log strings.Builder
	inHouse(t, &Server{Log: slog.New(slog.NewTextHandler(&log, nil))}, func(h *house) {
		visit := func() {
			c := h.client()
			c.send(3, 1, "")
			b := h.broker()
			b.got("")
			b.answer(2, "")
			c.expectEnd()
			synctest.Wait()
		}
		for range 50 {
			visit()
		}
		<-time.After(tellingPause)
		visit()
		if len(h.accused) != 51 || len(h.reasons) != 51 {
			t.Errorf("%d sessions are told, %d counted", len(h.accused), len(h.reasons))
		}
	})
	if lines := log.String(); strings.Count(lines, "\n") != 2 || strings.Count(lines, "untold=49") != 1 {
		t.Errorf("log: %s", lines)
	}
}

func TestToldIsBounded(t *testing.T) {
	var all told
	now := time.Now()
	for i := range 3 * mostTopics {
		about := topic{Via{Cluster: "lkc-test", Broker: int32(i)}, ByOrder}
		if _, ok := all.due(about, now); !ok || len(all.last) > mostTopics {
			t.Fatalf("%d topics, told %v", len(all.last), ok)
		}
		if _, ok := all.due(about, now); ok {
			t.Fatal(fmt.Sprint("told twice of broker ", i))
		}
	}
}
