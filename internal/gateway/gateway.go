// Package gateway lets Kafka clients in and decides every request they send:
// SASL/OAUTHBEARER at the door, one rule per API key behind it. A request goes
// through as it came, goes through without what the client may not touch, or
// is answered here with the error that Kafka itself would give.
//
// It verifies no token, knows no role and keeps no connection: package guard
// decides, package relay carries, and what is behind is a [Cluster]. What it
// has no rule for is refused.
package gateway

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
)

// Cluster is the Kafka cluster behind. It is safe for concurrent use; broker
// is a node id or relay.Bootstrap.
type Cluster interface {
	// Versions is what the broker supports, or what all live brokers have in
	// common. The same answer is the same pointer, and is never changed.
	Versions(ctx context.Context, broker int32) (*kmsg.ApiVersionsResponse, error)
	// Dial opens a logged-in connection for one client.
	Dial(ctx context.Context, broker int32) (*kafka.Link, error)
	// Request asks on a connection of klamm's own.
	Request(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error)
	// TopicName finds the topic of an id; it caches and allocates nothing for
	// an id that it knows.
	TopicName(ctx context.Context, id [16]byte) (string, error)
}

// Addresses says where clients find brokers.
type Addresses interface {
	Addr(cluster string, node int32) (host string, port int32, ok bool)
}

// Config is what a [Gateway] is made of. Guard, Clusters and Addresses are
// required; without them nobody is let in.
type Config struct {
	Guard     *guard.Guard
	Clusters  map[string]Cluster // by logical cluster, "lkc-…"
	Addresses Addresses
	// Rights tells what principals may do on a cluster, as DescribeAcls shows it;
	// nil: nobody is told.
	Rights func(cluster string, tell func(iam.Principal, iam.Pattern, iam.OperationSet))
	// Surface is the security protocol and mechanism in audit events;
	// "SASL_SSL/OAUTHBEARER" when empty.
	Surface string
	// LogicalClusterOptional lets clients leave out the extension
	// logicalCluster. A wrong one is refused in any case.
	LogicalClusterOptional bool
	Handshake              time.Duration // for a re-authentication, from SaslHandshake on; 10 s when zero
	Log                    *slog.Logger  // nil: nothing is logged
}

// Gateway is the relay's Acceptor. It is safe for concurrent use.
type Gateway struct {
	Config
	targets map[string]*target
}

// New makes a gateway.
func New(c Config) (*Gateway, error) {
	if c.Guard == nil || c.Addresses == nil || len(c.Clusters) == 0 {
		return nil, fault.New(fault.Internal, "a gateway needs a guard, addresses and at least one cluster")
	}
	if c.Surface == "" {
		c.Surface = "SASL_SSL/" + mechanism
	}
	if c.Handshake == 0 {
		c.Handshake = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{Config: c, targets: make(map[string]*target, len(c.Clusters))}
	for name, cluster := range c.Clusters {
		g.targets[name] = newTarget(name, cluster, c.Addresses, c.Log)
	}
	return g, nil
}

// target is one cluster with what all its sessions share.
type target struct {
	Cluster
	name    string // logical cluster; also the ClusterId that clients see
	log     *slog.Logger
	resolve api.Resolve
	offers  offers
	topics  topicList
}

func newTarget(name string, cluster Cluster, addresses Addresses, log *slog.Logger) *target {
	t := &target{Cluster: cluster, name: name, log: log.With("cluster", name)}
	t.resolve = func(node int32) (string, int32, bool) {
		if node < 0 { // none: the bootstrap address, which has such a number, is no broker's
			return "", 0, false
		}
		return addresses.Addr(name, node)
	}
	return t
}

// rewrite puts clients' addresses into an answer and says loudly which brokers
// have none.
func (t *target) rewrite(resp kmsg.Response) {
	for _, node := range api.Rewrite(resp, t.resolve) {
		t.log.Error("a broker has no address that clients can be told, so they cannot reach it", "broker", node)
	}
}
