package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/advertise"
	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/gateway"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/metrics"
	"github.com/klammhq/klamm/internal/ops"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/upstream"
)

// gatewayParts are what differs between serve and the lab.
type gatewayParts struct {
	cluster         string // logical cluster
	clusterOptional bool   // clients may leave out the extension logicalCluster
	upstream        upstream.Config
	host            string           // that clients are told
	ports           *advertise.Ports // nil: brokers have ports of the system's choice
	port            int              // of the bootstrap address then; 0: any
	listen          func(port int, what string) ([]net.Listener, int, error)
	tls             *tls.Config
	audit           auditlog.Config
	heard           func(audit.Record) // hears every record; nil: nobody does
	ops             []net.Listener
	version         string
	log             *slog.Logger
}

// running is a gateway with everything behind its doors.
type running struct {
	Bootstrap string // host:port

	upstream *upstream.Cluster
	server   *relay.Server
	guard    *guard.Guard
	audit    *auditlog.Log
	doors    *doors
	opsDone  func()
	cancel   context.CancelFunc
	tasks    sync.WaitGroup
}

// startGateway builds and starts a gateway. The rules are in force already.
// It ends by close only; when an error is returned nothing is left of it, nor
// of the listeners in p.
func startGateway(p gatewayParts, r *rules) (_ *running, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	g := &running{cancel: cancel, opsDone: func() {}}
	defer func() {
		if err != nil {
			_ = g.close(context.Background())
			for _, ln := range p.ops {
				_ = ln.Close()
			}
		}
	}()
	if g.audit, err = auditlog.Open(p.audit); err != nil {
		return nil, err
	}
	counts := metrics.New(p.version)
	g.guard = guard.New(guard.Config{Authenticator: &r.current, Authorizer: &r.current, Sink: heardSink{g.audit, p.heard}, Observer: counts.Guard()})
	r.changed = func() { g.guard.Reassess() }

	g.server = &relay.Server{TLS: p.tls, Observer: counts.Relay(), Log: p.log}
	g.doors = &doors{cluster: p.cluster, ports: p.ports, bootstrap: p.port, listen: p.listen, server: g.server, log: p.log, ctx: ctx}
	addresses := &advertise.Auto{Host: p.host, Open: g.doors.open}
	p.upstream.Changed = func(brokers []upstream.Broker) { g.doors.changed(addresses, brokers) }
	if g.upstream, err = upstream.New(p.upstream); err != nil {
		return nil, err
	}
	g.server.Refuse = func(via relay.Via) error { return g.upstream.Live(via.Broker) }
	g.server.Acceptor, err = gateway.New(gateway.Config{
		Guard: g.guard, Clusters: map[string]gateway.Cluster{p.cluster: g.upstream}, Addresses: addresses,
		Rights: r.current.Rights, LogicalClusterOptional: p.clusterOptional, Log: p.log,
	})
	if err != nil {
		return nil, err
	}
	// A port that cannot be opened ends the start; the cluster behind may come
	// later.
	port, err := g.doors.open(p.cluster, advertise.Bootstrap)
	if err != nil {
		return nil, err
	}
	g.Bootstrap = net.JoinHostPort(p.host, strconv.Itoa(int(port)))
	g.tasks.Go(func() { g.upstream.Run(ctx) })
	g.tasks.Go(func() { r.follow(ctx) })
	g.serveOps(p, r, counts)
	return g, nil
}

// serveOps starts the surface for operators.
func (g *running) serveOps(p gatewayParts, r *rules, counts *metrics.Metrics) {
	handler := ops.New(ops.Config{
		Records: g.audit, Sessions: g.guard, Metrics: counts.Handler(),
		Ready:       func() error { return g.upstream.Live(upstream.Any) },
		Reload:      r.load,
		RefreshKeys: func(ctx context.Context, provider string) (int, error) { return g.refreshKeys(ctx, r.ring, provider) },
	})
	server := httpd.NewServer(ops.Local(handler), p.log)
	for _, ln := range p.ops {
		g.tasks.Go(func() {
			if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				p.log.Error("the ops listener ended", "error", err)
			}
		})
	}
	g.opsDone = func() { _ = server.Close() }
}

// refreshKeys fetches the keys of a provider now, and ends the sessions of those
// that are gone. It returns how many those were.
func (g *running) refreshKeys(ctx context.Context, ring *policy.Keyring, provider string) (ended int, err error) {
	gone, err := ring.Refresh(ctx, provider)
	if err != nil {
		return 0, err
	}
	return g.guard.WithdrawKeys(provider, gone), nil
}

// explain is the story of a subject's last refusal, for people.
func (g *running) explain(subject string) (string, error) {
	record, ok := g.audit.LastFor(subject)
	if !ok {
		return "", fault.New(fault.NotFound, "nothing is known of a refusal of %s", subject)
	}
	return ops.Render(record), nil
}

// drainTime is how long clients have to take their answers at the end.
const drainTime = 3 * time.Second

// close ends everything, in the order in which a client would not notice: no
// new connections, the answers that are due, then what is behind.
func (g *running) close(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, drainTime)
	defer stop()
	if g.server != nil {
		_ = g.server.Shutdown(ctx)
	}
	g.cancel()
	g.opsDone()
	if g.upstream != nil {
		g.upstream.Close()
	}
	if g.doors != nil {
		g.doors.serves.Wait()
	}
	g.tasks.Wait()
	if g.audit != nil {
		if g.guard != nil {
			g.guard.Flush()
		}
		return g.audit.Close()
	}
	return nil
}
