package app

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/relay"
)

// TestBadInput_Frames: after a login too, a length is checked before anything
// is allocated, and what cannot be read ends the connection.
func TestBadInput_Frames(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	length := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	for name, bytes := range map[string][]byte{
		"100 MiB and one": length(100<<20 + 1), "2 GiB": length(1<<31 - 1), "negative": length(1 << 31), "-1": length(1<<32 - 1),
		"zero": length(0), "zeros": make([]byte, 64), "half a header": append(length(5), 0, 3, 0, 0, 0), "a header without a body": frame(3, 12, nil),
		"a list of 2 billion": frame(3, 1, length(1<<31-1)), "a negative list": frame(3, 1, length(1<<31)), "a name beyond the end": frame(3, 1, append(length(1), 0x7f, 0xff)),
		"trailing bytes": frame(3, 1, append(length(0), 1, 2, 3)), "a Fetch of nothing": frame(1, 12, nil), "a Produce of nothing": frame(0, 9, nil),
		"a request of 5 MiB that is decoded": frame(3, 1, make([]byte, 5<<20)),
	} {
		w := h.loggedIn(nil, relay.Bootstrap)
		if _, err := w.Write(bytes); err != nil && !strings.Contains(name, "5 MiB") {
			t.Fatal(err)
		}
		if err := w.ended(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.letIn("somebody else", here(h.token(nil)))
	if strings.Contains(h.log.String(), "panic") {
		t.Errorf("the log has a panic:\n%s", h.log)
	}
}

// TestBadInput_LengthWithoutBytes: a length that is allowed and no bytes claim
// little memory.
func TestBadInput_LengthWithoutBytes(t *testing.T) {
	h := newHouse(t, houseOptions{})
	const n = 50
	before := memory()
	for range n {
		w := h.loggedIn(nil, relay.Bootstrap)
		if _, err := w.Write(binary.BigEndian.AppendUint32(nil, 100<<20)); err != nil {
			t.Fatal(err)
		}
	}
	h.eventually("all are open", func() bool { return strings.Count(h.get("/sessions"), `"principal"`) == n })
	per := (memory() - before) / n
	t.Logf("a connection that names 100 MiB and sends nothing: %d KiB", per>>10)
	if per > 10<<20 {
		t.Errorf("%d bytes for each", per)
	}
}

// TestBadInput_CutAtEveryByte: requests that end too early, in the middle of a
// frame and with a length that fits what is left.
func TestBadInput_CutAtEveryByte(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	text := h.token(nil)
	hs := kmsg.NewPtrSASLHandshakeRequest()
	hs.Version, hs.Mechanism = 1, "OAUTHBEARER"
	av := kmsg.NewPtrApiVersionsRequest()
	av.Version, av.ClientSoftwareName, av.ClientSoftwareVersion = 3, "x", "1"
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 9, "orders-cut", "consumer", 10000, 10000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 0}}}
	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Version, commit.Group = 8, "orders-cut"
	commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1}}}}
	heartbeat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	heartbeat.Version, heartbeat.Group, heartbeat.MemberID, heartbeat.SubscribedTopicNames = 1, "orders-cut8", "m", []string{"orders"}
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks, produce.TimeoutMillis = 9, 1, 1000
	produce.Topics = []kmsg.ProduceRequestTopic{{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("xxxx")}}}}
	requests := []struct {
		req   kmsg.Request
		login bool
	}{
		{av, false}, {hs, false}, {metadataOf("orders", "secret"), true}, {fetchOf(12, 0, "orders", "secret"), true}, {fetchOf(4, 0, "orders"), true},
		{produce, true}, {join, true}, {commit, true}, {heartbeat, true},
	}
	type try struct {
		bytes []byte
		login bool
		name  string
	}
	var tries []try
	for _, r := range requests {
		whole := (*wire)(nil).encode(r.req, 7)
		for n := range len(whole) {
			name := fmt.Sprintf("%s cut to %d of %d bytes", kmsg.NameForKey(r.req.Key()), n, len(whole))
			tries = append(tries, try{whole[:n], r.login, name})
			if n >= 4 {
				short := append([]byte(nil), whole[:n]...)
				binary.BigEndian.PutUint32(short, uint32(n-4))
				tries = append(tries, try{short, r.login, name + ", with a length that fits"})
			}
		}
	}
	good := here(text)
	h.together(len(tries), func(i int) error {
		at := tries[i]
		w, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer w.Close()
		if at.login {
			if r, err := w.authenticate(2, good); err != nil || r.ErrorCode != 0 {
				return fmt.Errorf("%+v, %w", r, err)
			}
		}
		if _, err := w.Write(at.bytes); err != nil {
			return fmt.Errorf("%s: %w", at.name, err)
		}
		if err := w.CloseWrite(); err != nil {
			return fmt.Errorf("%s: %w", at.name, err)
		}
		if b, err := io.ReadAll(w); err != nil && isTimeout(err) {
			return fmt.Errorf("%s: %d bytes and no end", at.name, len(b))
		}
		return nil
	})
	h.letIn("somebody else", good)
	if strings.Contains(h.log.String(), "panic") {
		t.Errorf("the log has a panic:\n%s", h.log)
	}
	t.Logf("%d requests", len(tries))
}

// TestBadInput_AcksZero: a refusal that nobody could be told ends the
// connection and is audited, whole or in part.
func TestBadInput_AcksZero(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	for _, names := range [][]string{{"secret"}, {"orders", "secret"}, {"__klamm_state"}, {"nowhere"}} {
		produce := kmsg.NewPtrProduceRequest()
		produce.Version, produce.Acks, produce.TimeoutMillis = 9, 0, 1000
		for _, name := range names {
			produce.Topics = append(produce.Topics, kmsg.ProduceRequestTopic{Topic: name, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("x")}}})
		}
		w := h.loggedIn(nil, relay.Bootstrap)
		if err := w.send(produce); err != nil {
			t.Fatal(err)
		}
		if err := w.ended(); err != nil {
			t.Errorf("%v: %v", names, err)
		}
		r, code := h.lastStory("User:pool-orders")
		if a := r.Event.Data.AuthorizationInfo; a.ResourceName != names[len(names)-1] || r.Event.Data.MethodName != "kafka.Produce" || code != guard.CodeNoRole && code != guard.CodeReserved {
			t.Errorf("%v: audited as %s of %s", names, code, a.ResourceName)
		}
	}
	cl := h.client(h.token(nil), kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite(), kgo.DefaultProduceTopic("orders.eu"))
	for i := range 5 {
		if err := cl.ProduceSync(h.ctx(), kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	reader := h.client(h.token(role("reader")), kgo.ConsumeTopics("orders.eu"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for n := 0; n < 5; {
		f := reader.PollFetches(h.ctx())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		n += f.NumRecords()
	}
}

// TestBadInput_EndlessHandshakes: who takes longer than the handshake's time
// is cut, wherever he dawdles.
func TestBadInput_EndlessHandshakes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	hello := captureHello(t)
	whole := (*wire)(nil).encode(kmsg.NewPtrApiVersionsRequest(), 1)
	login := authenticateFrame(here(h.token(nil)))
	slow := map[string]struct {
		secure bool
		bytes  []byte
		first  func(*wire) error
	}{
		"says nothing":                   {},
		"a TLS hello by the byte":        {bytes: hello},
		"TLS and then nothing":           {secure: true},
		"ApiVersions by the byte":        {secure: true, bytes: whole},
		"a login by the byte":            {secure: true, bytes: login, first: beforeLogin["after SaslHandshake"]},
		"ApiVersions and then nothing":   {secure: true, first: beforeLogin["after ApiVersions"]},
		"SaslHandshake and then nothing": {secure: true, first: beforeLogin["after SaslHandshake"]},
	}
	const handshake = 10 * time.Second
	for name, s := range slow {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", h.run.Bootstrap)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			defer c.Close()
			_ = c.SetDeadline(began.Add(10 * handshake))
			if s.secure {
				c = tls.Client(c, clientTLS())
				w := &wire{Link: linkOf(c)}
				if s.first != nil {
					if err := s.first(w); err != nil {
						t.Fatal(err)
					}
				}
			}
			if t, ok := c.(*tls.Conn); ok {
				_ = t.Handshake()
			}
			gone := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, c)
				gone <- err
			}()
			dribble := time.NewTicker(500 * time.Millisecond)
			defer dribble.Stop()
			for {
				select {
				case err := <-gone:
					took := time.Since(began)
					t.Logf("cut after %s", took)
					if err != nil && isTimeout(err) || took < handshake/2 {
						t.Errorf("cut after %s: %v", took, err)
					}
					return
				case <-dribble.C:
					if len(s.bytes) > 0 {
						_, _ = c.Write(s.bytes[:1])
						s.bytes = s.bytes[1:]
					}
				}
			}
		})
	}
}

// captureHello is a client's first TLS message.
func captureHello(t *testing.T) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	go func() { _ = tls.Client(client, clientTLS()).Handshake() }()
	b := make([]byte, 4096)
	n, err := server.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// TestBadInput_SilentConnections: 2 000 connections that never speak. It is
// alone, because it measures.
func TestBadInput_SilentConnections(t *testing.T) {
	h := newHouse(t, houseOptions{})
	h.letIn("before", here(h.token(nil)))
	h.eventually("the first connection is gone", func() bool { return h.gauge("klamm_connections") == 0 })
	const n = 2000
	goroutines, bytes := runtime.NumGoroutine(), memory()
	conns := make([]net.Conn, 0, n)
	for range n {
		c, err := net.Dial("tcp", h.run.Bootstrap)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	h.eventually("all are accepted", func() bool { return h.gauge("klamm_connections") == n })
	t.Logf("%d silent connections: %.1f KiB and %.2f goroutines each, both ends in this process", n,
		float64(memory()-bytes)/n/1024, float64(runtime.NumGoroutine()-goroutines)/n)
	began := time.Now()
	h.letIn("a client among them", here(h.token(map[string]any{"jti": "among"})))
	cl := h.client(h.token(nil))
	if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	t.Logf("a client among them logs in and produces in %s", time.Since(began))
	cl.Close()
	for _, c := range conns {
		_ = c.Close()
	}
	h.eventually("all are gone", func() bool { return h.gauge("klamm_connections") == 0 })
	h.eventually("their goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+20 })
	left := memory() - bytes
	t.Logf("left afterwards: %d KiB, %d goroutines", left>>10, runtime.NumGoroutine()-goroutines)
	if left > 16<<20 {
		t.Errorf("%d bytes stay", left)
	}
}

// memory is what heap and stacks hold after a collection.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// gauge is a metric of this house, the sum over its labels.
func (h *house) gauge(name string) (sum float64) {
	h.t.Helper()
	for line := range strings.Lines(h.get("/metrics")) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		var v float64
		if _, err := fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &v); err != nil {
			h.t.Fatal(err)
		}
		sum += v
	}
	return sum
}
