package relay

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/kafka"
)

// straight lets everybody in and passes every frame to its own broker.
type straight struct{ upstream *end }

func (s straight) Accept(context.Context, *kafka.Conn, Via) (Session, error) { return s, nil }
func (s straight) Dial(context.Context) (*kafka.Link, error) {
	return kafka.NewLink(s.upstream, 1), nil
}
func (straight) Plan(context.Context, *kafka.Frame) (Plan, error) { return Plan{Verdict: Pass}, nil }
func (straight) Done() <-chan struct{}                            { return nil }
func (straight) Close()                                           {}

// BenchmarkRelay1K is one request of 1 KB with an answer of 64 bytes, one at a
// time, all four parties in this process and no network.
func BenchmarkRelay1K(b *testing.B) {
	upstream, broker := pipe(64<<10, "10.0.0.1:9092")
	ln := listen()
	ctx, cancel := context.WithCancel(b.Context())
	served := make(chan error)
	go func() { served <- (&Server{Acceptor: straight{upstream}}).Serve(ctx, ln, Via{}) }()
	one := request(0, 1, strings.Repeat("x", 1024))
	answer := append([]byte{0, 0, 0, 64}, response(1, strings.Repeat("y", 60))...)
	go func() {
		in := make([]byte, len(one))
		for {
			if _, err := io.ReadFull(broker, in); err != nil {
				return
			}
			_, _ = broker.Write(answer)
		}
	}()
	c := ln.dial(64<<10, "192.0.2.1:40000")
	got := make([]byte, len(answer))
	b.ReportAllocs()
	b.SetBytes(int64(len(one)))
	for b.Loop() {
		if _, err := c.Write(one); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, got); err != nil {
			b.Fatal(err)
		}
	}
	cancel()
	<-served
}
