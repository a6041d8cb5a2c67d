package app

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/engine"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/upstream"
)

// What the tests of the wire share: the answers as bytes, and a tap between the
// gateway and the engine, which tells what a request became.

// wireDocuments are beside the usual ones: pool-maker manages topics of its own
// name, pool-owner has every right on the resources called orders, pool-only may
// write one topic and nothing else.
const wireDocuments = `
{kind: IdentityPool, id: pool-maker, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "maker"'}
---
{kind: IdentityPool, id: pool-owner, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "owner"'}
---
{kind: IdentityPool, id: pool-only, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "only"'}
---
{kind: RoleBinding, principal: "User:pool-maker", role: DeveloperManage, on: {cluster: lkc-test, topic: "made-*"}}
---
{kind: RoleBinding, principal: "User:pool-owner", role: ResourceOwner, on: {cluster: lkc-test, topic: "orders*"}}
---
{kind: RoleBinding, principal: "User:pool-owner", role: ResourceOwner, on: {cluster: lkc-test, group: "orders*"}}
---
{kind: RoleBinding, principal: "User:pool-owner", role: ResourceOwner, on: {cluster: lkc-test, transactional_id: "orders*"}}
---
{kind: RoleBinding, principal: "User:pool-only", role: DeveloperWrite, on: {cluster: lkc-test, topic: "orders"}}
`

// tapped is a house whose engine is listened to.
type tapped struct {
	*house
	up      *tap
	clients map[string]*wire // to broker 0, by role
}

func newTapped(t testing.TB, o houseOptions) *tapped {
	t.Helper()
	behind, err := engine.Start(engine.Config{ClusterID: "behind", Brokers: max(o.brokers, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(behind.Close)
	up := &tap{dial: behind.Dial}
	o.more += wireDocuments
	o.upstream = &upstream.Config{Name: lkc, Bootstrap: behind.Bootstrap(), Dial: up.Dial}
	return &tapped{newHouse(t, o), up, map[string]*wire{}}
}

// tap keeps every request that the gateway sends to the brokers.
type tap struct {
	dial func(context.Context, string, string) (net.Conn, error)
	mu   sync.Mutex
	seen []passed
}

// passed is a request as the broker reads it.
type passed struct {
	key, version int16
	own          bool // klamm's own, and no client's
	body         string
}

func (p passed) String() string {
	return fmt.Sprintf("%s %d %q", kmsg.NameForKey(p.key), p.version, p.body)
}

func (t *tap) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := t.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &tappedConn{Conn: c, tap: t}, nil
}

// take gives what was sent since the last time.
func (t *tap) take() []passed {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.seen
	t.seen = nil
	return seen
}

type tappedConn struct {
	net.Conn
	tap  *tap
	left []byte
}

// Write is never called concurrently: a connection has one writer.
func (c *tappedConn) Write(b []byte) (int, error) {
	c.left = append(c.left, b...)
	for len(c.left) >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(c.left))
		if len(c.left) < n {
			break
		}
		c.tap.keep(string(c.left[4:n]))
		c.left = c.left[n:]
	}
	return c.Conn.Write(b)
}

func (t *tap) keep(frame string) {
	f, err := kafka.ParseFrame([]byte(frame))
	if err != nil {
		panic(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = append(t.seen, passed{f.Key, f.Version, string(f.ClientID) == "klamm", string(f.Body())})
}

// raw asks and gives the whole answer, without its correlation id, as bytes.
func (w *wire) raw(t testing.TB, req kmsg.Request) string {
	t.Helper()
	if err := w.send(req); err != nil {
		t.Fatalf("%s %d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	answer, err := w.Next()
	if err != nil {
		t.Fatalf("%s %d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	held, err := answer.Hold(kafka.MaxResponse)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	return string(held.Bytes[8:])
}

// read makes a raw answer one to req.
func read[R kmsg.Response](t testing.TB, req kmsg.Request, raw string) R {
	t.Helper()
	head := len(kafka.ResponseHeader(nil, req.Key(), req.GetVersion(), 0)) - 4
	resp := req.ResponseKind()
	if err := resp.ReadFrom([]byte(raw[head:])); err != nil {
		t.Fatalf("%s %d: an answer that cannot be read: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp.(R)
}

// references differ from refusal to refusal, and say nothing.
var references = regexp.MustCompile(`ref=[0-9a-f]{32}`)

// alike are two answers that differ in nothing but a name of the same length.
func alike(a, name, b, other string) bool {
	plain := func(s string) string { return references.ReplaceAllString(s, "ref") }
	return strings.ReplaceAll(plain(a), name, other) == plain(b)
}

// offered is what a client is offered, by key.
func (h *house) offered() map[int16][2]int16 {
	h.t.Helper()
	av := kmsg.NewPtrApiVersionsRequest()
	av.Version = 3
	av.ClientSoftwareName, av.ClientSoftwareVersion = "wire", "1"
	w := h.knock()
	defer w.Close()
	spans := map[int16][2]int16{}
	for _, k := range w.must(h.t, av).(*kmsg.ApiVersionsResponse).ApiKeys {
		spans[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	return spans
}

// behind asks the engine itself, past the gateway.
func behind[R kmsg.Response](h *house, req kmsg.Request) R {
	h.t.Helper()
	resp, err := h.run.upstream.Request(h.ctx(), 0, req)
	if err != nil {
		h.t.Fatalf("%s %d, asked behind: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp.(R)
}

// exists asks the engine whether there is a topic.
func (h *house) exists(name string) bool {
	h.t.Helper()
	return behind[*kmsg.MetadataResponse](h, metadataOf(name)).Topics[0].ErrorCode == 0
}
