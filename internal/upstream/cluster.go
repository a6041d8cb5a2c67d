// Package upstream is the cluster behind klamm: which brokers it has, where
// they are, and logged-in connections to them.
//
// It serves no client and decides nothing about one. Each [kafka.Link] of Dial
// belongs to one client connection; look-ups of klamm's own use other
// connections, so that they never wait behind a client's long poll. TLS
// certificates are always verified.
//
// A broker that limits sessions (KIP-368, connections.max.reauth.ms) closes a
// relayed link at the first request after that time, and the client, whose
// connection ends with it, connects again. Connections for look-ups are
// replaced before.
package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// Any stands for any live broker, as a bootstrap address does.
const Any int32 = -1

// Config says where the cluster is. Only Bootstrap is required.
type Config struct {
	Name      string   // for errors and the log: "lkc-…"
	Bootstrap []string // host:port
	// Dial opens connections; nil dials TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is how brokers are verified; nil is plain. A ServerName in it replaces
	// the host of every broker's address.
	TLS     *tls.Config
	Login   Login
	Refresh time.Duration // between two looks at the brokers: 1 min
	Timeout time.Duration // for one look-up, and for connecting to one broker, login and all, or to up to three: 10 s
	// Changed is called with all brokers, by id, when one came, went or moved.
	// Calls do not overlap; it must not call Refresh.
	Changed func([]Broker)
	Log     *slog.Logger // nil: nothing is logged
}

// Login is klamm's own; the zero value logs in nowhere.
type Login struct {
	Mechanism string // SCRAM-SHA-512 or SCRAM-SHA-256
	Username  string
	Password  secret.String
}

// Broker is one broker at the address that the cluster advertises.
type Broker struct {
	ID      int32
	Address string // host:port; never shown to a client
	Rack    string
}

// Cluster is a cluster; all methods may be called concurrently.
type Cluster struct {
	cfg    Config
	ctx    context.Context // of work that outlives the caller who asked for it
	cancel context.CancelFunc
	work   sync.WaitGroup
	flight singleflight.Group
	asking chan struct{} // a place for each look-up under way

	mu       sync.Mutex
	closed   bool
	id       string
	brokers  map[int32]Broker    // nil until the cluster was reached
	down     map[int32]error     // brokers that could not be reached, and why
	slow     map[int32]time.Time // those that took too long, since when
	probed   map[int32]time.Time
	versions map[int32]versions
	idle     map[int32][]lookup
	topics   topicNames
	told     map[int32]time.Time // when the log heard of a broker's bad answer
	turn     int                 // where the next search for any broker begins
}

// lookups is how many look-ups are under way at the same time.
const lookups = 16

// New checks cfg and reaches for nothing.
func New(cfg Config) (*Cluster, error) {
	if len(cfg.Bootstrap) == 0 {
		return nil, fault.New(fault.Invalid, "cluster %q has no bootstrap address", cfg.Name).At("bootstrap")
	}
	for _, a := range cfg.Bootstrap {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" {
			return nil, fault.New(fault.Invalid, "%q is no address, expected host:port", a).At("bootstrap")
		}
	}
	if err := cfg.Login.check(cfg.TLS != nil); err != nil {
		return nil, err
	}
	if cfg.TLS != nil {
		if cfg.TLS.InsecureSkipVerify {
			return nil, fault.New(fault.Invalid, "certificates of brokers are always verified").At("tls").Mend("name the CA of the brokers in tls.ca")
		}
		cfg.TLS = cfg.TLS.Clone()
		cfg.TLS.MinVersion = max(cfg.TLS.MinVersion, tls.VersionTLS12)
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Refresh = cmp.Or(cfg.Refresh, time.Minute)
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	c := &Cluster{
		cfg: cfg, asking: make(chan struct{}, lookups), down: map[int32]error{}, slow: map[int32]time.Time{}, probed: map[int32]time.Time{},
		versions: map[int32]versions{}, idle: map[int32][]lookup{}, told: map[int32]time.Time{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Run looks at the brokers now and again until ctx ends or Close is called. A
// cluster that cannot be reached is tried again, after at most 5 s.
func (c *Cluster) Run(ctx context.Context) {
	failed := false
	retry := 250 * time.Millisecond
	for {
		wait := c.cfg.Refresh
		err := c.Refresh(ctx)
		if err != nil {
			wait, retry = min(retry, wait), min(2*retry, 5*time.Second)
		} else {
			retry = 250 * time.Millisecond
		}
		if (err != nil) != failed && ctx.Err() == nil {
			c.logReached(err)
			failed = err != nil
		}
		select {
		case <-ctx.Done():
			return
		case <-c.ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (c *Cluster) logReached(err error) {
	if err == nil {
		c.cfg.Log.Info("cluster reached again", "cluster", c.cfg.Name)
		return
	}
	c.cfg.Log.Warn("cluster cannot be reached", "cluster", c.cfg.Name, "detail", fault.Detail(err))
}

// ClusterID is Kafka's own id of the cluster, empty until it was reached.
func (c *Cluster) ClusterID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// Close ends all look-ups. Links belong to those who dialled them.
func (c *Cluster) Close() {
	c.mu.Lock()
	c.closed = true
	idle := c.idle
	c.idle = map[int32][]lookup{}
	c.mu.Unlock()
	c.cancel()
	for _, links := range idle {
		for _, l := range links {
			_ = l.Close()
		}
	}
	c.work.Wait()
}

// once runs f, which several callers may wait for, under the cluster's own
// context, so that a caller who gives up takes nothing from the others.
func once[T any](ctx context.Context, c *Cluster, key string, f func(context.Context) (T, error)) (T, error) {
	done := c.flight.DoChan(key, func() (any, error) { return f(c.ctx) })
	var zero T
	select {
	case r := <-done:
		if r.Err != nil {
			return zero, r.Err
		}
		return r.Val.(T), nil
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}
