package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/upstream"
)

// unheard is an end that has no reference, since nobody had shown a token or
// there is nobody to blame.
type unheard struct {
	name, sees     string // by the client
	reason, detail string // in klamm's log; none when empty
	mend           string
	by             func(*house) error
	elsewhere      bool // it happens in a house of its own, and by has looked at the log there
}

// atTheDoorUnheard are the ends of connections that no audit event tells.
func atTheDoorUnheard() []unheard {
	const closes = "the connection is closed"
	return []unheard{
		{"no TLS", closes, "handshake", "first record does not look like a TLS handshake", "set security.protocol to SASL_SSL", withoutTLS, false},
		{"only TLS 1.1 or older", "the TLS alert `protocol version not supported`", "handshake", "client offered only unsupported versions", "use a client that speaks TLS 1.2",
			handshakeWith(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), false},
		{"the client does not trust klamm's certificate", "its own TLS error, such as `certificate verify failed` or `PKIX path building failed`", "handshake", "remote error: tls: bad certificate",
			"give the client the authority that certified klamm: ssl.ca.location, ssl.truststore.location", handshakeWith(func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }), false},
		{"the client dials a name that is not in klamm's certificate", "its own TLS error, such as `no alternative names`", "handshake", "remote error: tls: bad certificate",
			"dial a name of the certificate, or have one issued for this name", handshakeWith(func(c *tls.Config) { c.ServerName = "elsewhere.test" }), false},
		{"a request before the login, as with security.protocol=SSL", closes, "handshake", "a Metadata request before the login", "set security.protocol to SASL_SSL",
			closedAfter(func(w *wire) error { return w.send(metadataOf()) }), false},
		{"16 requests without a login", closes, "handshake", "a client sent 16 requests and did not log in", "let the client log in after ApiVersions", closedAfter(neverLogsIn), false},
		{"a length above 64 KiB before the login, such as that of HTTP", closes, "handshake", "expected between 0 and 65536", "point a Kafka client at this address, not one of HTTP",
			closedAfter(func(w *wire) error {
				_, err := io.WriteString(w, "GET / HTTP/1.1\r\n\r\n")
				return err
			}), false},
		{"SaslHandshake 0, an old client", "`{\"status\":\"invalid_token\"}` when its token is refused; no reference", "", "", "the refusal is audited: `klamm explain --principal CLIENT-ID --last`; better use a client that speaks SaslHandshake 1", oldHandshake, false},
		{"a version of a request that klamm does not serve", "error 35 (UNSUPPORTED_VERSION)", "", "", "let the client ask for ApiVersions; every maintained one does", unservedVersion, false},
		{"SaslAuthenticate without SaslHandshake, once inside", "error 34 (ILLEGAL_SASL_STATE) and `" + twiceInside + "`", "", "", "begin a re-authentication with SaslHandshake 1", inside(aloneAuthenticates), false},
		{"the broker behind this address is gone", closes, "dead-broker", "", "look at the cluster behind; klamm keeps trying", brokerGone, true},
		{"the broker behind this address hangs up", closes, "upstream", "", "look at the log of that broker, which has the time and klamm's user", brokerHangsUp, true},
		{"the token ends and the client does not log in again", closes, "session", "", "use a client that re-authenticates (KIP-368), or let it reconnect", tokenEnds, false},
	}
}

// logged waits for the line of klamm's log that tells the end.
func (h *house) logged(u unheard) {
	h.t.Helper()
	if u.reason == "" || u.elsewhere {
		return
	}
	h.eventually("the log tells of "+u.name, func() bool {
		for line := range strings.Lines(h.log.String()) {
			if strings.Contains(line, "reason="+u.reason) && strings.Contains(line, u.detail) {
				return true
			}
		}
		return false
	})
}

func withoutTLS(h *house) error {
	c, err := net.Dial("tcp", h.run.Bootstrap)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write((*wire)(nil).encode(kmsg.NewPtrApiVersionsRequest(), 1)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c); isTimeout(err) {
		return err
	}
	return nil
}

func handshakeWith(change func(*tls.Config)) func(*house) error {
	return func(h *house) error {
		config := clientTLS()
		change(config)
		d := tls.Dialer{Config: config}
		c, err := d.DialContext(h.ctx(), "tcp", h.run.Bootstrap)
		if err == nil {
			_ = c.Close()
			return errors.New("the TLS handshake succeeds")
		}
		return nil
	}
}

// closedAfter dials and wants the connection to be closed after something.
func closedAfter(f func(*wire) error) func(*house) error {
	return func(h *house) error {
		w, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer w.Close()
		if err := f(w); err != nil {
			return err
		}
		return w.ended()
	}
}

func neverLogsIn(w *wire) error {
	for range 16 {
		if _, err := w.ask(kmsg.NewPtrApiVersionsRequest()); err != nil {
			return err
		}
	}
	return nil
}

// inside logs in first.
func inside(f func(*wire) error) func(*house) error {
	return func(h *house) error {
		w, err := h.admitted(here(h.token(map[string]any{"sub": "svc-inside"})))
		if err != nil {
			return err
		}
		defer w.Close()
		return f(w)
	}
}

func oldHandshake(h *house) error {
	w, err := h.dial(h.run.Bootstrap)
	if err != nil {
		return err
	}
	defer w.Close()
	if r, err := w.handshakeAs("an-old-client", 0, "OAUTHBEARER"); err != nil || r.ErrorCode != 0 {
		return fmt.Errorf("%+v, %w", r, err)
	}
	if err := w.WriteBytes(here(h.token(map[string]any{"exp": 1}))); err != nil {
		return err
	}
	var size [4]byte
	if _, err := io.ReadFull(w, size[:]); err != nil {
		return err
	}
	answer := make([]byte, min(binary.BigEndian.Uint32(size[:]), 1<<10))
	if _, err := io.ReadFull(w, answer); err != nil || string(answer) != `{"status":"invalid_token"}` {
		return fmt.Errorf("answered %q, %w", answer, err)
	}
	h.last("an-old-client", authn.Expired)
	return nil
}

func unservedVersion(h *house) error {
	return inside(func(w *wire) error {
		q := kmsg.NewPtrDescribeDelegationTokenRequest()
		q.Version = 2
		r, err := w.ask(q)
		if err != nil || r.(*kmsg.DescribeDelegationTokenResponse).ErrorCode != 35 {
			return fmt.Errorf("%+v, %w", r, err)
		}
		return nil
	})(h)
}

const twiceInside = "SaslAuthenticate request received after successful authentication"

func aloneAuthenticates(w *wire) error {
	r, err := w.ask(kmsg.NewPtrSASLAuthenticateRequest())
	if err != nil {
		return err
	}
	if a := r.(*kmsg.SASLAuthenticateResponse); a.ErrorCode != 34 || a.ErrorMessage == nil || *a.ErrorMessage != twiceInside {
		return fmt.Errorf("%+v", a)
	}
	return nil
}

// brokerGone closes the cluster behind a gateway of its own and connects until
// that is noticed; then what the log says counts.
func brokerGone(h *house) error {
	behind, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation())
	if err != nil {
		return err
	}
	defer behind.Close()
	far := newHouse(h.t, houseOptions{upstream: &upstream.Config{Name: lkc, Bootstrap: behind.ListenAddrs()}})
	address := far.address(0)
	behind.Close()
	far.eventually("the death is noticed", func() bool {
		if w, err := far.dial(address); err == nil {
			if r, err := w.authenticate(2, here(far.token(nil))); err == nil && r.ErrorCode == 0 {
				_, _ = w.ask(metadataOf())
			}
			_ = w.Close()
		}
		return strings.Contains(far.log.String(), "reason="+string(relay.ByDeath))
	})
	return nil
}

// brokerHangsUp is in front of a broker that closes when it is asked something.
func brokerHangsUp(h *house) error {
	far, behind, err := h.far()
	if err != nil {
		return err
	}
	behind.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("no more"), true
	})
	w, err := far.dial(far.address(0))
	if err != nil {
		return err
	}
	defer w.Close()
	if r, err := w.authenticate(2, here(far.token(nil))); err != nil || r.ErrorCode != 0 {
		return fmt.Errorf("%+v, %w", r, err)
	}
	if err := errors.Join(w.send(heartbeat()), w.ended()); err != nil {
		return err
	}
	far.eventually("the log tells it", func() bool { return strings.Contains(far.log.String(), "reason="+string(relay.ByUpstream)) })
	return nil
}

// tokenEnds stays inside for longer than its token. One that ends before a slow machine
// has logged in with it is followed by a longer one.
func tokenEnds(h *house) (err error) {
	for life := 2 * time.Second; life < patience; life *= 2 {
		var w *wire
		if w, err = h.admitted(here(h.token(map[string]any{"exp": ending(life)["exp"], "sub": "svc-ends"}))); err == nil {
			defer w.Close()
			return w.ended()
		}
	}
	return err
}
