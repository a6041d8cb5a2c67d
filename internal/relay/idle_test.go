package relay

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/kafka"
)

// loopback is TLS on both sides, as klamm runs.
type loopback struct{ broker string }

func (l loopback) Accept(context.Context, *kafka.Conn, Via) (Session, error) {
	return &overTLS{l.broker, make(chan struct{})}, nil
}

type overTLS struct {
	broker string
	done   chan struct{}
}

func (s *overTLS) Dial(context.Context) (*kafka.Link, error) {
	c, err := dialTLS(s.broker)
	if err != nil {
		return nil, err
	}
	return kafka.NewLink(c, 1), nil
}
func (*overTLS) Plan(context.Context, *kafka.Frame) (Plan, error) { return Plan{Verdict: Pass}, nil }
func (s *overTLS) Done() <-chan struct{}                          { return s.done }
func (*overTLS) Close()                                           {}

func dialTLS(address string) (net.Conn, error) {
	_, pool := certificate()
	return tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: "klamm.test", SessionTicketsDisabled: true, CurvePreferences: []tls.CurveID{tls.X25519}})
}

// echo is a broker that answers every 1 KB request with 1 KB.
func echo(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for {
				b := make([]byte, 1024)
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
				_, _ = c.Write(append(append([]byte{0, 0, 3, 252}, b[8:12]...), b[:1016]...))
			}
		}()
	}
}

// BenchmarkIdleConnection prints what an idle connection costs klamm, with TLS
// to the client and to the broker, after one request: heap and stacks of
// everything, less the same peers connected without klamm.
func BenchmarkIdleConnection(b *testing.B) {
	for b.Loop() {
		const n = 500
		broker, err := tls.Listen("tcp", "127.0.0.1:0", serverTLS())
		if err != nil {
			b.Fatal(err)
		}
		go echo(broker)
		peers := cost(b, n, broker.Addr().String())
		front, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		s := &Server{Acceptor: loopback{broker.Addr().String()}, TLS: serverTLS()}
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, front, Via{}) }()
		all := cost(b, n, front.Addr().String())
		cancel()
		<-served
		broker.Close()
		b.ReportMetric(float64(all-peers)/n, "B/conn")
	}
}

// cost is the memory of n idle connections to address.
func cost(b *testing.B, n int, address string) int {
	before := inUse()
	conns := make([]net.Conn, n)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := w; i < n; i += 4 {
				c, err := dialTLS(address)
				if err != nil {
					b.Error(err)
					return
				}
				one := request(0, 1, string(make([]byte, 1010)))
				_, _ = c.Write(one)
				if _, err := io.ReadFull(c, one); err != nil {
					b.Error(err)
				}
				conns[i] = c
			}
		})
	}
	all.Wait()
	after := inUse()
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
	return after - before
}

func inUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
