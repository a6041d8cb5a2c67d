package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/klammhq/klamm/internal/advertise"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/upstream"
)

// doors are the listeners of one cluster: one for the bootstrap address and
// one for each broker, opened when the broker becomes known or is first told
// to a client.
type doors struct {
	cluster string
	ports   *advertise.Ports // nil: ports of the system's choice
	// bootstrap is the port of the bootstrap address without ports; 0: any.
	bootstrap int
	// listen opens a port, or any for 0, and returns which it was.
	listen func(port int, what string) ([]net.Listener, int, error)
	server *relay.Server
	log    *slog.Logger
	ctx    context.Context // ends the listeners
	serves sync.WaitGroup
}

// open is how advertise.Auto gets an address for a node.
func (d *doors) open(_ string, node int32) (int32, error) {
	what := fmt.Sprintf("broker %d of %s", node, d.cluster)
	if node == advertise.Bootstrap {
		what = "the bootstrap address of " + d.cluster
	}
	wanted, err := d.portOf(node)
	if err != nil {
		return 0, d.complain(what, err)
	}
	listeners, port, err := d.listen(wanted, what)
	if err != nil {
		return 0, d.complain(what, err)
	}
	for _, ln := range listeners {
		d.serves.Go(func() {
			if err := d.server.Serve(d.ctx, ln, relay.Via{Cluster: d.cluster, Broker: node}); err != nil {
				_ = d.complain(what, err)
			}
		})
	}
	return int32(port), nil
}

func (d *doors) portOf(node int32) (int, error) {
	switch {
	case d.ports == nil && node == advertise.Bootstrap:
		return d.bootstrap, nil
	case d.ports == nil:
		return 0, nil
	}
	if _, port, ok := d.ports.Addr(d.cluster, node); ok {
		return int(port), nil
	}
	return 0, d.ports.Check(d.cluster, []int32{node})
}

// complain tells the log of a broker that clients will not find.
func (d *doors) complain(what string, err error) error {
	d.log.Error("clients cannot reach "+what, "error", fault.Detail(err))
	return err
}

// changed opens the listeners of all brokers: after a restart of klamm clients
// come back to addresses that they were told before.
func (d *doors) changed(addresses *advertise.Auto, brokers []upstream.Broker) {
	for _, b := range brokers {
		addresses.Addr(d.cluster, b.ID)
	}
}
