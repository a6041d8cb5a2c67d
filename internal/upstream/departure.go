package upstream

import (
	"errors"
	"net"
	"os"
)

// departing is a connection that notices when its broker ends it: a broker that went
// away may come back as an older one, and what it served before must not be offered.
type departing struct {
	net.Conn
	gone func()
}

func (d departing) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		d.gone()
	}
	return n, err
}

// left forgets what a broker serves.
func (c *Cluster) left(broker int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.versions, broker)
	delete(c.versions, Any)
}
