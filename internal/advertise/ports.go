// Package advertise says at which addresses clients find each broker of each
// cluster, and which broker an address stands for. Every broker has an address
// of its own, and the bootstrap address differs from all of them, because
// clients take two names for the same host and port as one broker.
//
// It listens nowhere by itself and knows no upstream address.
package advertise

import (
	"maps"
	"slices"

	"github.com/klammhq/klamm/internal/fault"
)

// Bootstrap stands for the address of no particular broker.
const Bootstrap int32 = -1

// Range is where the brokers of one cluster are found: broker n at First+n.
type Range struct {
	Bootstrap   int32 // port of the bootstrap address, outside of First to Last
	First, Last int32 // both included
}

// Ports gives each broker a port by its node id. It is immutable.
type Ports struct {
	host   string
	ranges map[string]Range
}

// NewPorts checks that no port stands for two things. host is the name that
// clients connect to, and that the certificate must cover.
func NewPorts(host string, clusters map[string]Range) (*Ports, error) {
	if host == "" {
		return nil, fault.New(fault.Invalid, "brokers need a host name to be advertised at")
	}
	p := &Ports{host, maps.Clone(clusters)}
	names := slices.Sorted(maps.Keys(clusters))
	for i, name := range names {
		r := clusters[name]
		if r.First < 1 || r.Last < r.First || r.Last > 65535 {
			return nil, fault.New(fault.Invalid, "ports %d-%d of %s, expected an ascending range within 1-65535", r.First, r.Last, name).At("brokers.ports")
		}
		if r.Bootstrap < 1 || r.Bootstrap > 65535 {
			return nil, fault.New(fault.Invalid, "bootstrap port %d of %s, expected one within 1-65535", r.Bootstrap, name).At("address")
		}
		for _, other := range names[:i+1] {
			if err := apart(name, r, other, clusters[other]); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// apart checks two clusters, or one with itself, for ports that both want.
func apart(name string, r Range, otherName string, other Range) error {
	overlap := name != otherName && (r.Bootstrap == other.Bootstrap || r.First <= other.Last && other.First <= r.Last)
	if overlap || other.holds(r.Bootstrap) || r.holds(other.Bootstrap) {
		return fault.New(fault.Conflict, "bootstrap port %d and ports %d-%d of %s meet bootstrap port %d and ports %d-%d of %s",
			r.Bootstrap, r.First, r.Last, name, other.Bootstrap, other.First, other.Last, otherName).
			At("brokers.ports").Mend("give every bootstrap address and every cluster's brokers ports of their own")
	}
	return nil
}

func (r Range) holds(port int32) bool { return r.First <= port && port <= r.Last }

// Addr is where clients find a broker, or with [Bootstrap] the cluster. ok is
// false for an unknown cluster and for a node id that has no port in the range.
func (p *Ports) Addr(cluster string, node int32) (host string, port int32, ok bool) {
	r, known := p.ranges[cluster]
	switch {
	case !known || node < Bootstrap:
		return "", 0, false
	case node == Bootstrap:
		return p.host, r.Bootstrap, true
	case node > r.Last-r.First:
		return "", 0, false
	}
	return p.host, r.First + node, true
}

// Via is the reverse of Addr: what a port stands for.
func (p *Ports) Via(port int32) (cluster string, node int32, ok bool) {
	for name, r := range p.ranges {
		if port == r.Bootstrap {
			return name, Bootstrap, true
		}
		if r.holds(port) {
			return name, port - r.First, true
		}
	}
	return "", 0, false
}

// Check tells of a node id of a cluster that has no port: its clients would
// never find that broker.
func (p *Ports) Check(cluster string, nodes []int32) error {
	for _, n := range nodes {
		if _, _, ok := p.Addr(cluster, n); !ok {
			r := p.ranges[cluster]
			return fault.New(fault.Invalid, "broker %d of %s has no port, ports %d-%d are for node ids 0 to %d", n, cluster, r.First, r.Last, r.Last-r.First).
				At("listeners.kafka.brokers.ports").Mend("widen the range, so that its first port plus the highest node id is in it")
		}
	}
	return nil
}
