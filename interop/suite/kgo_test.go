//go:build suite

// Put into franz-go's package kgo by an overlay, beside its own tests.
package kgo

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/klammhq/klamm/interop/suite/login"
)

// oauthLogin is what the tests' clients need to pass the gateway; nothing when they
// go to Kafka itself. TLS is put around the dialer of a test that has its own, which
// kgo refuses beside DialTLSConfig (KGO_TEST_TLS).
var oauthLogin = func() []Opt {
	mechanism, config, err := login.FromEnvironment()
	if err != nil {
		panic(err)
	}
	if mechanism == nil {
		return nil
	}
	secure := clientOpt{func(c *cfg) {
		dial := c.dialFn
		if dial == nil {
			dial = (&net.Dialer{Timeout: c.dialTimeout}).DialContext
		}
		c.dialFn = func(ctx context.Context, network, address string) (net.Conn, error) {
			plain, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			named := config.Clone()
			named.ServerName, _, _ = net.SplitHostPort(address)
			conn := tls.Client(plain, named)
			if err := conn.HandshakeContext(ctx); err != nil {
				plain.Close()
				return nil, err
			}
			return conn, nil
		}
	}}
	return []Opt{SASL(mechanism), secure}
}()
