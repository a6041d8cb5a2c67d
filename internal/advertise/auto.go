package advertise

import (
	"sync"
	"time"
)

// Auto gives each broker a listener of its own, opened when its address is
// first asked for. It may be used concurrently.
type Auto struct {
	// Host is what clients connect to.
	Host string
	// Open begins to listen for a broker, or with Bootstrap for the cluster, and
	// returns the port. Calls do not overlap. After an error the broker has no
	// address, and the first question after 10 s tries again.
	Open func(cluster string, node int32) (port int32, err error)

	mu     sync.Mutex
	ports  map[via]int32
	failed map[via]time.Time
}

// pause keeps clients that ask often from opening, and complaining, as often.
const pause = 10 * time.Second

// mostAddresses is more than any cluster has brokers. One that claims to have
// millions cannot make us listen on all ports.
const mostAddresses = 4096

type via struct {
	cluster string
	node    int32
}

// Addr is where clients find a broker; see [Ports.Addr].
func (a *Auto) Addr(cluster string, node int32) (host string, port int32, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := via{cluster, node}
	if port, ok = a.ports[key]; ok {
		return a.Host, port, true
	}
	at, failed := a.failed[key]
	if failed && time.Since(at) < pause || node < Bootstrap || !failed && len(a.ports)+len(a.failed) >= mostAddresses {
		return "", 0, false
	}
	if a.ports == nil {
		a.ports, a.failed = map[via]int32{}, map[via]time.Time{}
	}
	port, err := a.Open(cluster, node)
	if err != nil {
		a.failed[key] = time.Now()
		return "", 0, false
	}
	delete(a.failed, key)
	a.ports[key] = port
	return a.Host, port, true
}
