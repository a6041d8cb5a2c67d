package relay

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/kafka"
)

// The first byte of a request's body says what becomes of it.
const (
	passed   = 'p' // forwarded as it is
	sent     = 's' // another request takes its place
	edited   = 'e' // its answer is held and gets longer
	streamed = 'f' // its answer is changed while it streams
	local    = 'l' // answered here
	heldBack = 'h' // answered here, later
	acksZero = 'n' // forwarded, no answer
	acksSent = 'm' // the same, rewritten
)

const allKinds = "pppsseefflllhnnm"

// fate is what the rules of this test say about a request.
func fate(f *kafka.Frame) (Plan, error) {
	body := string(f.Body())
	switch body[0] {
	case sent, acksSent:
		other := request(f.Key, f.Correlation, "changed "+body)[4:]
		return Plan{Verdict: Send, Bytes: other, NoReply: body[0] == acksSent}, nil
	case edited:
		return Plan{Verdict: Pass, Edit: func(b []byte) ([]byte, error) { return append(b[:len(b):len(b)], " and more"...), nil }}, nil
	case streamed:
		return Plan{Verdict: Pass, Stream: &flipped{}}, nil
	case local, heldBack:
		p := Plan{Verdict: Answer, Bytes: response(f.Correlation, "here "+body)}
		if body[0] == heldBack {
			p.Hold = time.Duration(len(body)) * time.Millisecond
		}
		return p, nil
	}
	return Plan{Verdict: Pass, NoReply: body[0] == acksZero}, nil
}

// flipped changes the case of an answer's letters, not its correlation id.
type flipped struct{ seen int }

func (e *flipped) Edit(b []byte) error {
	for i := range b {
		if e.seen++; e.seen > 4 {
			b[i] ^= 0x20
		}
	}
	return nil
}
func (*flipped) End() error { return nil }

// story is what a client sends, and what each side must see of it.
type story struct {
	requests []byte
	upstream []string // "id:body", in order
	answers  []string
}

func tell(rnd *rand.Rand, n int) story {
	var s story
	ids := rnd.IntN(3)
	for i := range n {
		// All different, all the same, or any: Kafka's clients count, and nothing
		// obliges them to. The order decides.
		id := []int32{int32(i), 7, int32(rnd.Uint32())}[ids]
		size := rnd.IntN(40)
		if rnd.IntN(100) == 0 {
			size = rnd.IntN(100 << 10)
		}
		body := append([]byte{allKinds[rnd.IntN(len(allKinds))]}, bytes.Repeat([]byte{byte('a' + i%26)}, size)...)
		s.requests = append(s.requests, request(int16(rnd.IntN(16)), id, string(body))...)
		asked, answer := string(body), "re "+string(body)
		switch body[0] {
		case sent, acksSent:
			asked = "changed " + asked
			answer = "re " + asked
		case edited:
			answer += " and more"
		case streamed:
			b := []byte(answer)
			for i := range b {
				b[i] ^= 0x20
			}
			answer = string(b)
		case local, heldBack:
			s.answers = append(s.answers, fmt.Sprintf("%d:here %s", uint32(id), body))
			continue
		}
		s.upstream = append(s.upstream, fmt.Sprintf("%d:%s", uint32(id), asked))
		if body[0] != acksZero && body[0] != acksSent {
			s.answers = append(s.answers, fmt.Sprintf("%d:%s", uint32(id), answer))
		}
	}
	return s
}

// dribble writes b in pieces, some after a moment.
func dribble(w io.Writer, rnd *rand.Rand, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), 1+rnd.IntN(1<<rnd.IntN(16)))
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		if b = b[n:]; rnd.IntN(8) == 0 {
			<-time.After(time.Duration(rnd.IntN(3000)) * time.Microsecond)
		}
	}
	return nil
}

// answerAll is a broker: it reads on while it answers, and answers in pieces.
// It returns what it was asked.
func (f *far) answerAll(rnd *rand.Rand) []string {
	var asked []string
	answers := make(chan []byte, 10_000)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for a := range answers {
			if dribble(f, rnd, a) != nil {
				return
			}
		}
	}()
	defer func() { <-written }()
	defer close(answers)
	for {
		frame, err := f.conn.ReadFrame(1 << 20)
		if err != nil {
			return asked
		}
		body := string(frame.Body())
		asked = append(asked, fmt.Sprintf("%d:%s", uint32(frame.Correlation), body))
		if k := bytes.TrimPrefix(frame.Body(), []byte("changed "))[0]; k != acksZero && k != acksSent {
			b := binary.BigEndian.AppendUint32(nil, uint32(4+3+len(body)))
			answers <- append(b, response(frame.Correlation, "re "+body)...)
		}
		frame.Release()
	}
}

// TestPipelining sends thousands of requests of all kinds without waiting, in
// pieces, to a broker that answers in pieces: each answer comes once, in the
// order of the requests, and the broker sees each request once, in order.
func TestPipelining(t *testing.T) {
	for seed := range uint64(16) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := &Server{InFlight: []int{0, 1, 3, 100}[seed%4], InFlightBytes: []int{0, 200, 20_000}[seed%3], Waiting: []int{0, 300}[seed/4%2]}
		if seed%5 == 1 {
			s.TLS = serverTLS()
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inHouse(t, s, func(h *house) { pipelined(h, rnd, tell(rnd, 3000)) })
		})
	}
}

func pipelined(h *house, rnd *rand.Rand, s story) {
	h.plan = fate
	raw := h.client().end
	var c net.Conn = raw
	if h.TLS != nil {
		_, pool := certificate()
		secure := tls.Client(raw, &tls.Config{RootCAs: pool, ServerName: "klamm.test"})
		if err := secure.Handshake(); err != nil {
			h.t.Fatal(err)
		}
		c = secure
	}
	writing, reading, answering := fork(rnd), fork(rnd), fork(rnd)
	wrote, asked := make(chan error, 1), make(chan []string, 1)
	go func() { wrote <- dribble(c, writing, s.requests) }()
	go func() { asked <- h.broker().answerAll(answering) }()
	for i, want := range s.answers {
		b, err := kafka.ReadBytes(c, 1<<20)
		if err != nil {
			h.t.Fatalf("answer %d of %d: %v", i, len(s.answers), err)
		}
		if got := fmt.Sprintf("%d:%s", binary.BigEndian.Uint32(b), b[4:]); got != want {
			h.t.Fatalf("answer %d is %.60q, expected %.60q", i, got, want)
		}
		if reading.IntN(50) == 0 {
			<-time.After(time.Duration(reading.IntN(5000)) * time.Microsecond)
		}
	}
	if err := <-wrote; err != nil {
		h.t.Fatal(err)
	}
	raw.CloseWrite()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		h.t.Error("one answer too many")
	}
	got := <-asked
	if len(got) != len(s.upstream) {
		h.t.Fatalf("the broker saw %d requests, expected %d", len(got), len(s.upstream))
	}
	for i, want := range s.upstream {
		if got[i] != want {
			h.t.Fatalf("request %d at the broker is %.60q, expected %.60q", i, got[i], want)
		}
	}
	c.Close()
	h.ended(ByClient)
}

func fork(rnd *rand.Rand) *rand.Rand { return rand.New(rand.NewPCG(rnd.Uint64(), 2)) }
