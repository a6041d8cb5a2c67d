package advertise

import "sync"

// Auto gives each broker a listener of its own on a port of the system's
// choice, opened when it is first asked for. It is for tests and for a lab that
// must not meet other programs' ports. It may be used concurrently.
type Auto struct {
	// Host is what clients connect to.
	Host string
	// Open begins to listen for a broker, or with Bootstrap for the cluster, and
	// returns the port. Calls do not overlap. After an error the broker has no
	// address, and the next question tries again.
	Open func(cluster string, node int32) (port int32, err error)

	mu    sync.Mutex
	ports map[via]int32
}

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
	port, err := a.Open(cluster, node)
	if err != nil {
		return "", 0, false
	}
	if a.ports == nil {
		a.ports = map[via]int32{}
	}
	a.ports[key] = port
	return a.Host, port, true
}
