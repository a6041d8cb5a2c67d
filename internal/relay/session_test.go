package relay

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/kafka"
)

// drops says that nobody waits for Fetch and JoinGroup at the end.
func drops(f *kafka.Frame) (Plan, error) {
	return Plan{Verdict: Pass, Drop: f.Key == 1 || f.Key == 11}, nil
}

func TestSessionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		keys    []int16
		answers time.Duration // after the end; 0 for never
		want    []string
		after   time.Duration
	}{
		"idle":                      {nil, 0, nil, 0},
		"a waiting Fetch":           {[]int16{1}, 0, nil, 0},
		"a waiting JoinGroup":       {[]int16{11}, 0, nil, 0},
		"Produce":                   {[]int16{0}, 300 * time.Millisecond, []string{"1:"}, 300 * time.Millisecond},
		"Produce, too slow":         {[]int16{0}, 0, nil, time.Second},
		"Produce before Fetch":      {[]int16{0, 1}, 300 * time.Millisecond, []string{"1:"}, 300 * time.Millisecond},
		"Produce after a Fetch":     {[]int16{1, 0}, 300 * time.Millisecond, []string{"1:", "2:"}, 300 * time.Millisecond},
		"Produce after a long poll": {[]int16{1, 0}, 0, nil, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, &Server{}, func(h *house) {
				h.plan = drops
				client := h.client()
				for i, key := range c.keys {
					client.send(key, int32(i+1), "")
				}
				synctest.Wait()
				began := time.Now()
				close(h.done)
				synctest.Wait()
				if len(c.keys) > 0 {
					b := h.broker()
					if c.answers > 0 {
						time.AfterFunc(c.answers, func() {
							for i := range c.want {
								b.answer(int32(i+1), "")
							}
						})
					}
				}
				if c.after > 0 {
					client.send(3, 99, "after the end") // is never read
				}
				client.expect(c.want...)
				client.expectEnd()
				if d := time.Since(began); d != c.after {
					t.Errorf("ended after %v, expected %v", d, c.after)
				}
				h.ended(BySession)
			})
		})
	}
}

// What was being decided about when the session ended must not go upstream,
// though the connection stays for a Produce that is under way.
func TestRequestPlannedAtTheEndIsNotForwarded(t *testing.T) {
	for name, plan := range map[string]Plan{
		"with an answer":  {Verdict: Pass},
		"without one":     {Verdict: Pass, NoReply: true},
		"answered here":   {Verdict: Answer, Bytes: response(2, "too late")},
		"rewritten":       {Verdict: Send, Bytes: request(0, 2, "too late")[4:]},
		"without, edited": {Verdict: Send, Bytes: request(0, 2, "too late")[4:], NoReply: true},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, &Server{}, func(h *house) {
				planning := make(chan struct{})
				h.plan = func(f *kafka.Frame) (Plan, error) {
					if f.Correlation == 1 {
						return Plan{Verdict: Pass}, nil
					}
					close(planning)
					<-time.After(500 * time.Millisecond) // the end comes meanwhile
					return plan, nil
				}
				c := h.client()
				c.send(0, 1, "under way")
				c.send(0, 2, "too late")
				<-planning
				close(h.done)
				b := h.broker()
				id := b.got("under way")
				<-time.After(900 * time.Millisecond)
				b.answer(id, "")
				c.expect("1:")
				c.expectEnd()
				b.expectEnd()
				h.ended(BySession)
			})
		})
	}
}
