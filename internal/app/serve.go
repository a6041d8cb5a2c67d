package app

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"github.com/klammhq/klamm/internal/advertise"
	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/store/files"
	"github.com/klammhq/klamm/internal/upstream"
)

// identityInterval is how often the folder of identity documents is looked at.
const identityInterval = 5 * time.Second

// Serve runs the gateway of a klamm.yaml until ctx ends. ready is called once
// clients can connect. Nothing is started when the configuration or the
// identity documents have a fault.
func Serve(ctx context.Context, path, version string, log *slog.Logger, ready func(bootstrap string)) error {
	cfg, err := config.Load(path, config.Options{})
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		log.Warn(w.Message, "where", w.Where, "hint", w.Hint)
	}
	ring := policy.NewKeyring(policy.KeyOptions{CacheDir: string(cfg.Cache), NamedInConfiguration: true, Proxy: proxyOf(cfg.Proxy)})
	defer ring.Close()
	r := newRules(ring, log, files.Options{Interval: identityInterval, Clusters: []string{cfg.Listeners.Kafka.Cluster}},
		func(o files.Options) *files.Store { return files.Dir(string(cfg.Identity.Files), o) })
	if err := r.load(ctx); err != nil {
		return err
	}
	parts, err := serveParts(cfg, version, log)
	if err != nil {
		return err
	}
	g, err := startGateway(parts, r)
	if err != nil {
		return err
	}
	ready(g.Bootstrap)
	<-ctx.Done()
	log.Info("stopping: clients get the answers that are due")
	return g.close(context.Background())
}

// serveParts turns a configuration into what a gateway is made of.
func serveParts(cfg *config.Config, version string, log *slog.Logger) (p gatewayParts, err error) {
	l := &cfg.Listeners.Kafka
	certificate, err := l.TLS.Certificate()
	if err != nil {
		return p, err
	}
	p = gatewayParts{
		cluster: l.Cluster, clusterOptional: l.LogicalCluster == "optional",
		host: l.Brokers.Host, version: version, log: log,
		tls:   &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
		audit: auditlog.Config{File: string(cfg.Audit.File), Rotate: int64(cfg.Audit.Rotate)},
	}
	if p.upstream, err = upstreamConfig(l.Cluster, cfg.Clusters[l.Cluster], log); err != nil {
		return p, err
	}
	p.port = int(l.Address.Port())
	if !l.Brokers.Ports.Auto {
		p.ports, err = advertise.NewPorts(p.host, map[string]advertise.Range{l.Cluster: {
			Bootstrap: int32(l.Address.Port()), First: int32(l.Brokers.Ports.First), Last: int32(l.Brokers.Ports.Last),
		}})
		if err != nil {
			return p, err
		}
	}
	p.listen = func(port int, what string) ([]net.Listener, int, error) {
		ln, err := listen(l.Address.Host(), port, what, "change listeners.kafka in the configuration, or end the other program")
		if err != nil {
			return nil, 0, err
		}
		return []net.Listener{ln}, ln.Addr().(*net.TCPAddr).Port, nil
	}
	if o := cfg.Listeners.Ops; o.Address != "" {
		ln, err := net.Listen(o.Network, o.Address)
		if err != nil {
			return p, fault.New(fault.Unavailable, "cannot listen for ops").At(o.String()).
				Mend("change listeners.ops, or end the program that has it").Because(err)
		}
		p.ops = []net.Listener{ln}
	}
	return p, nil
}

func proxyOf(p *config.Proxy) jwt.Proxy {
	if p == nil {
		return jwt.Proxy{}
	}
	return jwt.Proxy{URL: p.URL, Username: p.Username, Password: p.Password.Value, Direct: p.Direct}
}

func upstreamConfig(name string, c *config.Cluster, log *slog.Logger) (upstream.Config, error) {
	u := upstream.Config{Name: name, Log: log}
	for _, a := range c.Bootstrap {
		u.Bootstrap = append(u.Bootstrap, string(a))
	}
	if c.TLS != nil {
		pool, err := c.TLS.Pool()
		if err != nil {
			return u, err
		}
		u.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	if c.Login.Mechanism != "none" {
		u.Login = upstream.Login{Mechanism: c.Login.Mechanism, Username: c.Login.Username, Password: c.Login.Password.Value}
	}
	return u, nil
}
