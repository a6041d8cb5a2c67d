package relay

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// Server accepts clients and relays their frames. Only Acceptor is required;
// a zero limit takes the default in its comment. The fields must not change
// once Serve was called. One Server serves any number of listeners.
type Server struct {
	Acceptor Acceptor
	// TLS makes the listeners speak TLS 1.2 or newer, whatever its MinVersion;
	// nil leaves them plain.
	TLS *tls.Config
	// Refuse is asked before TLS and closes the connection by an error. A broker
	// that cannot be reached is refused here: a client that logs in and is then
	// closed comes back at once.
	Refuse func(Via) error

	Handshake     time.Duration // TLS and Accept together: 10 s
	Drain         time.Duration // at the end of a session, for the answers that are due: 1 s
	Stall         time.Duration // a write that the client does not take: 10 min, as Kafka's connections.max.idle.ms; a broker that keeps requests waiting has up to 2.5 times as long
	MaxFrame      int           // bytes of a request: 100 MiB, as Kafka's socket.request.max.bytes
	MaxHeld       int           // bytes of an answer that is edited: 256 MiB
	InFlight      int           // unanswered requests of a connection: 512
	InFlightBytes int           // bytes of those; a single request may exceed it: 128 MiB
	Waiting       int           // bytes of klamm's own answers behind others; a single one may exceed it: 256 KiB
	MaxConns      int           // connections: 20 000
	MaxPerAddress int           // connections of one IPv4 address or IPv6 /64: 10 000

	Observer Observer     // nil: nobody counts
	Log      *slog.Logger // nil: nothing is logged

	mu        sync.Mutex
	closing   bool
	listeners map[net.Listener]struct{}
	open      map[*connection]struct{}
	addresses map[string]int
	told      told
}

// withDefaults is s's configuration with every zero replaced.
func (s *Server) withDefaults() *settings {
	observer, log := s.Observer, s.Log
	if observer == nil {
		observer = nobody{}
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	secure := s.TLS.Clone() // of nil it is nil
	if secure != nil {
		secure.MinVersion = max(secure.MinVersion, tls.VersionTLS12)
	}
	return &settings{
		tls:           secure,
		handshake:     cmp.Or(s.Handshake, 10*time.Second),
		drain:         cmp.Or(s.Drain, time.Second),
		stall:         cmp.Or(s.Stall, 10*time.Minute),
		maxFrame:      cmp.Or(s.MaxFrame, 100<<20),
		maxHeld:       cmp.Or(s.MaxHeld, kafka.MaxResponse),
		inFlight:      cmp.Or(s.InFlight, 512),
		inFlightBytes: cmp.Or(s.InFlightBytes, 128<<20),
		waiting:       cmp.Or(s.Waiting, 256<<10),
		maxConns:      cmp.Or(s.MaxConns, 20_000),
		maxPerAddress: cmp.Or(s.MaxPerAddress, 10_000),
		observer:      observer,
		log:           log,
		told:          &s.told,
	}
}

type settings struct {
	tls                     *tls.Config
	handshake, drain, stall time.Duration
	maxFrame, maxHeld       int
	inFlight, inFlightBytes int
	waiting                 int
	maxConns, maxPerAddress int
	observer                Observer
	log                     *slog.Logger
	told                    *told
}

// Serve accepts connections, all of them by way of via, until ctx ends, ln
// fails or Shutdown is called, and returns when they have ended too. The end of
// ctx cuts them at once. It closes ln; its error is nil after the end of ctx or
// a Shutdown.
func (s *Server) Serve(ctx context.Context, ln net.Listener, via Via) error {
	defer ln.Close()
	if s.Acceptor == nil {
		return fault.New(fault.Internal, "a relay without an acceptor, which would let nobody in")
	}
	if !s.addListener(ln) {
		return nil
	}
	defer s.removeListener(ln)
	ctx, cut := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	var open sync.WaitGroup
	defer open.Wait()

	settings := s.withDefaults()
	for {
		nc, err := accept(ctx, ln)
		if err == nil {
			open.Go(func() { s.serve(ctx, settings, nc, via) })
			continue
		}
		if s.isClosing() {
			open.Wait() // Shutdown decides how long
		}
		ended := ctx.Err() != nil || s.isClosing()
		cut()
		if ended {
			return nil
		}
		return fault.New(fault.Unavailable, "the listener for broker %d of %q failed", via.Broker, via.Cluster).Because(err)
	}
}

// passing are errors of accept that say nothing about the listener.
var passing = []error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR}

// accept waits for the next connection. Want of resources passes as soon as
// other connections close, so it is waited out.
func accept(ctx context.Context, ln net.Listener) (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		nc, err := ln.Accept()
		if err == nil || !isAny(err, passing) {
			return nc, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

func isAny(err error, of []error) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
