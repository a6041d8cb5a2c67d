package app

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

var quiet = log.New(io.Discard, "", 0)

// wire is a client's connection on which the test writes every byte itself.
type wire struct {
	*kafka.Link
	correlation int32
}

// address is where clients find a node; relay.Bootstrap is the first address.
func (h *house) address(node int32) string {
	if node == relay.Bootstrap {
		return h.run.Bootstrap
	}
	h.t.Helper()
	ask := kmsg.NewPtrMetadataRequest()
	ask.Version = 4
	w := h.loggedIn(nil, relay.Bootstrap)
	defer w.Close()
	for _, b := range w.must(h.t, ask).(*kmsg.MetadataResponse).Brokers {
		if b.NodeID == node {
			return net.JoinHostPort(b.Host, fmt.Sprint(b.Port))
		}
	}
	h.t.Fatalf("no address for broker %d", node)
	return ""
}

// dial opens a connection, with TLS.
func (h *house) dial(address string) (*wire, error) {
	d := tls.Dialer{Config: clientTLS()}
	c, err := d.DialContext(h.t.Context(), "tcp", address)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return &wire{Link: kafka.NewLink(c, -1)}, nil
}

// knock is dial of the first address, for tests that cannot go on without.
func (h *house) knock() *wire {
	h.t.Helper()
	w, err := h.dial(h.run.Bootstrap)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = w.Close() })
	return w
}

// loggedIn is a connection after a login with a token of changed claims.
func (h *house) loggedIn(change map[string]any, node int32) *wire {
	h.t.Helper()
	w, r := h.login(node, h.token(change))
	if r.ErrorCode != 0 {
		h.t.Fatalf("the login is refused: %d %s", r.ErrorCode, *r.ErrorMessage)
	}
	return w
}

// login is a connection after an attempt.
func (h *house) login(node int32, token string, extensions ...string) (*wire, *kmsg.SASLAuthenticateResponse) {
	h.t.Helper()
	w, err := h.dial(h.address(node))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = w.Close() })
	if len(extensions) == 0 {
		extensions = []string{"logicalCluster=" + lkc}
	}
	r, err := w.authenticate(2, message(token, extensions...))
	if err != nil {
		h.t.Fatal(err)
	}
	return w, r
}

// message is the first of an OAUTHBEARER client (RFC 7628, section 3.1).
func message(token string, extensions ...string) []byte {
	m := "n,,\x01auth=Bearer " + token + "\x01"
	for _, e := range extensions {
		m += e + "\x01"
	}
	return []byte(m + "\x01")
}

// here is the message of a token for this cluster.
func here(token string, extensions ...string) []byte {
	return message(token, append([]string{"logicalCluster=" + lkc}, extensions...)...)
}

// authenticate does SaslHandshake 1 and SaslAuthenticate.
func (w *wire) authenticate(version int16, message []byte) (*kmsg.SASLAuthenticateResponse, error) {
	r, err := w.handshake(1, "OAUTHBEARER")
	if err != nil {
		return nil, err
	}
	if r.ErrorCode != 0 {
		return nil, fmt.Errorf("SaslHandshake is answered %d", r.ErrorCode)
	}
	au := kmsg.NewPtrSASLAuthenticateRequest()
	au.Version, au.SASLAuthBytes = version, message
	resp, err := w.ask(au)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.SASLAuthenticateResponse), nil
}

func (w *wire) handshake(version int16, mechanism string) (*kmsg.SASLHandshakeResponse, error) {
	hs := kmsg.NewPtrSASLHandshakeRequest()
	hs.Version, hs.Mechanism = version, mechanism
	resp, err := w.ask(hs)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.SASLHandshakeResponse), nil
}

// handshakeAs is a handshake of a client that names itself.
func (w *wire) handshakeAs(clientID string, version int16, mechanism string) (*kmsg.SASLHandshakeResponse, error) {
	hs := kmsg.NewPtrSASLHandshakeRequest()
	hs.Version, hs.Mechanism = version, mechanism
	if _, err := w.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, hs, 1)); err != nil {
		return nil, err
	}
	resp, err := w.receive(hs)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.SASLHandshakeResponse), nil
}

// ask sends a request in the version that it is set to and waits for the answer.
func (w *wire) ask(req kmsg.Request) (kmsg.Response, error) {
	if err := w.send(req); err != nil {
		return nil, err
	}
	return w.receive(req)
}

func (w *wire) must(t testing.TB, req kmsg.Request) kmsg.Response {
	t.Helper()
	resp, err := w.ask(req)
	if err != nil {
		t.Fatalf("%s %d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp
}

// send only sends.
func (w *wire) send(req kmsg.Request) error {
	w.correlation++
	_, err := w.Write(w.encode(req, w.correlation))
	return err
}

func (*wire) encode(req kmsg.Request, correlation int32) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("wire")).AppendRequest(nil, req, correlation)
}

// receive reads the next answer, as one to req.
func (w *wire) receive(req kmsg.Request) (kmsg.Response, error) {
	answer, err := w.Next()
	if err != nil {
		return nil, err
	}
	held, err := answer.Hold(kafka.MaxResponse)
	if err != nil {
		return nil, err
	}
	body := append([]byte(nil), held.Bytes[8:]...)
	held.Release()
	head := kafka.ResponseHeader(nil, req.Key(), req.GetVersion(), 0)
	if len(body) < len(head)-4 {
		return nil, errors.New("an answer without its header")
	}
	resp := req.ResponseKind()
	if err := resp.ReadFrom(body[len(head)-4:]); err != nil {
		return nil, fmt.Errorf("an answer that cannot be read: %w", err)
	}
	return resp, nil
}

// frame writes any header and body.
func frame(key, version int16, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, 1)
	b = append(b, 0xff, 0xff) // no client id
	b = append(b, body...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// ended wants the other side to close without another word.
func (w *wire) ended() error {
	n, err := io.Copy(io.Discard, w)
	switch {
	case n > 0:
		return fmt.Errorf("%d bytes are answered", n)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the connection stays open")
	}
	return nil
}

// CloseWrite says that nothing more is coming.
func (w *wire) CloseWrite() error { return w.Conn.(*tls.Conn).CloseWrite() }

// refused wants a login to be refused: at once by its own error code, with
// nothing but the sentence and the reference, audited under a code, and ended.
func (h *house) refused(message []byte, code iam.Code) (audit.Record, error) {
	w, err := h.dial(h.run.Bootstrap)
	if err != nil {
		return audit.Record{}, err
	}
	defer w.Close()
	r, err := w.authenticate(2, message)
	if err != nil {
		return audit.Record{}, err
	}
	if r.ErrorCode != 58 || len(r.SASLAuthBytes) > 0 || r.SessionLifetimeMillis != 0 || r.ErrorMessage == nil {
		return audit.Record{}, fmt.Errorf("the answer is %+v", r)
	}
	record, err := h.story(*r.ErrorMessage, code)
	if err != nil {
		return record, err
	}
	return record, w.ended()
}

// attack is a login that must fail.
type attack struct {
	name    string
	message []byte
	code    iam.Code
}

// repel tries all attacks side by side: each answer is held back for a second.
func (h *house) repel(attacks []attack) {
	h.t.Helper()
	h.together(len(attacks), func(i int) error {
		if _, err := h.refused(attacks[i].message, attacks[i].code); err != nil {
			return fmt.Errorf("%s: %w", attacks[i].name, err)
		}
		return nil
	})
}

// together runs n of f side by side, some at a time.
func (h *house) together(n int, f func(i int) error) {
	h.t.Helper()
	var all sync.WaitGroup
	turn := make(chan struct{}, 64)
	for i := range n {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			if err := f(i); err != nil {
				h.t.Error(err)
			}
		})
	}
	all.Wait()
}

// letIn wants logins to succeed.
func (h *house) letIn(name string, message []byte) {
	h.t.Helper()
	w := h.knock()
	r, err := w.authenticate(2, message)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	if r.ErrorCode != 0 {
		h.t.Fatalf("%s is refused: %s\n%s", name, *r.ErrorMessage, h.get("/explain/"+sentences.FindStringSubmatch(*r.ErrorMessage)[2]))
	}
	_ = w.Close()
}

// authenticateFrame is a SaslAuthenticate request as it stands on the wire.
func authenticateFrame(message []byte) []byte {
	au := kmsg.NewPtrSASLAuthenticateRequest()
	au.Version, au.SASLAuthBytes = 2, message
	return (*wire)(nil).encode(au, 99)
}

func linkOf(c net.Conn) *kafka.Link { return kafka.NewLink(c, -1) }

// overhear dials with TLS and keeps what the client reads.
func overhear(into io.Writer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := tls.Dialer{Config: clientTLS()}
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return overheard{c, into}, nil
	}
}

type overheard struct {
	net.Conn
	into io.Writer
}

func (o overheard) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	_, _ = o.into.Write(p[:n])
	return n, err
}
