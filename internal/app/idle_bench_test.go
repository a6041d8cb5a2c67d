package app

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/upstream"
)

// childVariable makes the test binary the far side of BenchmarkIdleConnection:
// the Kafka behind and the clients in front, so that what is measured is the
// gateway alone.
const childVariable = "KLAMM_TEST_FAR_SIDE"

// visit is what the clients of the far side do.
type visit struct {
	Address string `json:"address"`
	CA      []byte `json:"ca"`
	Token   string `json:"token"`
	Batch   []byte `json:"batch"`
	Clients int    `json:"clients"`
}

// runFarSide starts a Kafka, says where it is, reads a visit, pays it, says so
// and stays until its input ends.
func runFarSide() error {
	behind, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation())
	if err != nil {
		return err
	}
	defer behind.Close()
	fmt.Println(behind.ListenAddrs()[0])
	in := json.NewDecoder(os.Stdin)
	var v visit
	if err := in.Decode(&v); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(v.CA)
	secure := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}}
	for range v.Clients {
		c, err := tls.Dial("tcp", v.Address, secure)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := v.pay(&wire{Link: linkOf(c)}); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_ = in.Decode(new(any))
	return nil
}

// pay logs in and does one Metadata, one Produce and one Fetch.
func (v visit) pay(w *wire) error {
	r, err := w.authenticate(2, here(v.Token))
	if err != nil || r.ErrorCode != 0 {
		return fmt.Errorf("the login: %+v, %w", r, err)
	}
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks, produce.TimeoutMillis = 9, 1, 1000
	produce.Topics = []kmsg.ProduceRequestTopic{{Topic: "orders.eu", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: v.Batch}}}}
	for _, req := range []kmsg.Request{metadataOf("orders.eu"), produce, fetchOf(12, 0, "orders.eu")} {
		resp, err := w.ask(req)
		if err != nil {
			return err
		}
		code := int16(0)
		switch r := resp.(type) {
		case *kmsg.MetadataResponse:
			code = r.Topics[0].ErrorCode
		case *kmsg.ProduceResponse:
			code = r.Topics[0].Partitions[0].ErrorCode
		case *kmsg.FetchResponse:
			code = r.Topics[0].Partitions[0].ErrorCode
		}
		if code != 0 {
			return fmt.Errorf("%s is answered %d", kmsg.NameForKey(req.Key()), code)
		}
	}
	return nil
}

// BenchmarkIdleConnection is what an open connection costs the gateway: logged
// in over TLS, with a connection upstream, after one Metadata, Produce and
// Fetch. It runs for real once; the goal stands in docs, this prints.
func BenchmarkIdleConnection(b *testing.B) {
	const clients = 500
	far := exec.Command(os.Args[0])
	far.Env, far.Stderr = append(os.Environ(), childVariable+"=1"), os.Stderr
	to, err := far.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	from, err := far.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := far.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = to.Close()
		if err := far.Wait(); err != nil {
			b.Error(err)
		}
	}()
	lines := bufio.NewScanner(from)
	line := func() string {
		if !lines.Scan() {
			b.Fatalf("the far side has ended: %v", lines.Err())
		}
		return lines.Text()
	}
	h := newHouse(b, houseOptions{upstream: &upstream.Config{Name: lkc, Bootstrap: []string{line()}}})
	v := visit{Address: h.run.Bootstrap, CA: testCA().PEM(), Token: h.token(nil), Clients: clients}
	// One client before the measurement: what is made once, and a batch to send.
	if err := h.client(v.Token).ProduceSync(h.ctx(), &kgo.Record{Topic: "orders.eu", Value: []byte("x")}).FirstErr(); err != nil {
		b.Fatal(err)
	}
	v.Batch = recordBatch(b, h.loggedIn(nil, relay.Bootstrap))

	goroutines, before := runtime.NumGoroutine(), settled()
	if err := json.NewEncoder(to).Encode(v); err != nil {
		b.Fatal(err)
	}
	line()
	var asShipped runtime.MemStats
	runtime.ReadMemStats(&asShipped)
	after := settled()
	if n := h.gauge("klamm_sessions"); n < clients {
		b.Fatalf("only %v sessions are open", n)
	}
	for b.Loop() { // it was measured once; there is nothing to repeat
		continue
	}
	per := func(bytes uint64) float64 { return float64(bytes) / clients }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(per(after.HeapAlloc-before.HeapAlloc), "heap-B/conn")
	b.ReportMetric(per(after.StackInuse-before.StackInuse), "stack-B/conn")
	b.ReportMetric(per(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse), "total-B/conn")
	b.ReportMetric(per(asShipped.HeapInuse+asShipped.StackInuse-before.HeapInuse-before.StackInuse), "no-gc-B/conn")
	b.ReportMetric(per(after.Sys-after.HeapReleased-before.Sys+before.HeapReleased), "sys-B/conn")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/clients, "goroutines/conn")
}

// settled is the memory once finalizers have run and pools are empty.
func settled() (m runtime.MemStats) {
	for range 3 {
		runtime.GC()
		debug.FreeOSMemory()
	}
	runtime.ReadMemStats(&m)
	return m
}
