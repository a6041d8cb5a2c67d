package relay

import (
	"context"
	"net"
	"net/netip"
)

// Shutdown stops accepting, lets every session deliver the answers that are
// due, waiting ones like a Fetch excepted, and returns when all connections
// have ended. At the end of ctx the rest is cut, and the error is ctx's.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for ln := range s.listeners {
		_ = ln.Close()
	}
	open := make([]*connection, 0, len(s.open))
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.drain(ByShutdown, nil, 0)
	}
	for _, c := range open {
		select {
		case <-c.gone:
		case <-ctx.Done():
			for _, c := range open {
				c.end(ByShutdown, ctx.Err())
			}
			for _, c := range open {
				<-c.gone
			}
			return ctx.Err()
		}
	}
	return nil
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	if s.listeners == nil {
		s.listeners = map[net.Listener]struct{}{}
		s.open = map[*connection]struct{}{}
		s.addresses = map[string]int{}
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *Server) removeListener(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
}

// admit counts c in, unless there are too many.
func (s *Server) admit(c *connection, address string) (Reason, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ByShutdown, false
	}
	if len(s.open) >= c.maxConns || s.addresses[address] >= c.maxPerAddress {
		return ByLimit, false
	}
	s.open[c] = struct{}{}
	s.addresses[address]++
	return "", true
}

func (s *Server) leave(c *connection, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if s.addresses[address]--; s.addresses[address] <= 0 {
		delete(s.addresses, address)
	}
}

// addressOf is what connections are counted by: an IPv4 address, or the /64
// that one IPv6 host commonly has to itself.
func addressOf(a net.Addr) string {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return a.String()
	}
	ip := ap.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return p.String()
}
