package upstream

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// TestLyingBroker ends each answer with a count of four billion tagged fields
// that do not follow. Who believes it keeps a core busy for a minute, and no
// context ends that.
func TestLyingBroker(t *testing.T) {
	c, err := New(Config{Name: "lkc-test", Bootstrap: []string{"localhost:1"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			conn := kafka.NewConn(far)
			for {
				f, err := conn.ReadFrame(1 << 20)
				if err != nil {
					return
				}
				resp := kmsg.ResponseForKey(f.Key)
				resp.SetVersion(f.Version)
				answer := resp.AppendTo(kafka.ResponseHeader(nil, f.Key, f.Version, f.Correlation))
				_ = conn.WriteBytes(append(answer[:len(answer)-1], 0xff, 0xff, 0xff, 0xff, 0x0f))
				f.Release()
			}
		}()
		return near, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	metadata, versions, create := kmsg.NewPtrMetadataRequest(), kmsg.NewPtrApiVersionsRequest(), kmsg.NewPtrCreateTopicsRequest()
	metadata.Version, versions.Version, create.Version = 12, newestApiVersions, 5
	for _, req := range []kmsg.Request{metadata, versions, create} {
		began := time.Now()
		if _, err := c.Request(t.Context(), Any, req); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", kmsg.Key(req.Key()).Name(), err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: refused after %v", kmsg.Key(req.Key()).Name(), took)
		}
	}
}

// TestBrokenAnswers: what comes in place of an answer is refused, whatever it
// is, and the connection is not used again.
func TestBrokenAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func(right []byte) []byte // both with their length
		says string
	}{
		"another correlation id":  {func(b []byte) []byte { b[7]++; return b }, "another correlation id"},
		"that of a later request": {func(b []byte) []byte { b[7] += 2; return b }, "another correlation id"},
		"a negative length":       {func(b []byte) []byte { b[0] = 0xff; return b }, "expected at least a correlation id"},
		"no room for an id":       {func([]byte) []byte { return []byte{0, 0, 0, 2, 0, 0} }, "expected at least a correlation id"},
		"more than is held":       {func(b []byte) []byte { binary.BigEndian.PutUint32(b, kafka.MaxResponse+1); return b }, "to be held"},
		"a body that is cut":      {func(b []byte) []byte { binary.BigEndian.PutUint32(b, uint32(len(b)-4-3)); return b[:len(b)-3] }, "Metadata"},
		"bytes after its end":     {func(b []byte) []byte { binary.BigEndian.PutUint32(b, uint32(len(b)-4+1)); return append(b, 0) }, "Metadata"},
		"the shape of version 0":  {func(b []byte) []byte { return append([]byte{0, 0, 0, 12}, append(b[4:8], 0, 0, 0, 0, 0, 0, 0, 0)...) }, "Metadata"},
		"an answer before it":     {func(b []byte) []byte { return append([]byte{0, 0, 0, 4, 0x7f, 0, 0, 0}, b...) }, "another correlation id"},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			dials := 0
			cluster, err := New(Config{Name: "lkc-test", Bootstrap: []string{"localhost:1"}, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Dial: func(context.Context, string, string) (net.Conn, error) { dials++; return answering(c.lie), nil }})
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			for range 3 {
				err := cluster.Refresh(t.Context())
				if unavailable(t, name, err); !strings.Contains(fault.Detail(err), c.says) {
					t.Errorf("it says %s", fault.Detail(err))
				}
			}
			if dials != 3 || cluster.Brokers() != nil {
				t.Errorf("%d connections, brokers %v", dials, cluster.Brokers())
			}
			if l := log.String(); strings.Count(l, "\n") != 1 || !strings.Contains(l, "level=WARN") || !strings.Contains(l, "cluster=lkc-test") {
				t.Errorf("log: %s", l)
			}
		})
	}
}

// answering is a connection to a broker whose answers lie makes out of the right
// ones.
func answering(lie func([]byte) []byte) net.Conn {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		conn := kafka.NewConn(far)
		for {
			f, err := conn.ReadFrame(1 << 20)
			if err != nil {
				return
			}
			resp := kmsg.NewPtrMetadataResponse()
			resp.Version = f.Version
			resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "kafka", Port: 9092}}
			answer := resp.AppendTo(kafka.ResponseHeader(nil, f.Key, f.Version, f.Correlation))
			f.Release()
			if _, err := far.Write(lie(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))); err != nil {
				return
			}
		}
	}()
	return near
}

// TestUnbelievableBrokers: a list of brokers with anything in it that cannot be
// changes nothing, and nothing in it is dialled.
func TestUnbelievableBrokers(t *testing.T) {
	at := func(id int32, host string, port int32) kmsg.MetadataResponseBroker {
		return kmsg.MetadataResponseBroker{NodeID: id, Host: host, Port: port}
	}
	many := make([]kmsg.MetadataResponseBroker, 100_000)
	for i := range many {
		many[i] = at(int32(i), "elsewhere", 1)
	}
	for name, c := range map[string]struct {
		list []kmsg.MetadataResponseBroker
		says string
	}{
		"none":                  {nil, "lists no broker"},
		"one twice":             {[]kmsg.MetadataResponseBroker{at(0, "localhost", 1), at(0, "elsewhere", 1)}, "broker 0 twice"},
		"the id of no broker":   {[]kmsg.MetadataResponseBroker{at(-1, "elsewhere", 1)}, "node id -1"},
		"the lowest id":         {[]kmsg.MetadataResponseBroker{at(-1<<31, "elsewhere", 1)}, "node id -2147483648"},
		"no host":               {[]kmsg.MetadataResponseBroker{at(0, "", 1)}, `host ""`},
		"a host of two lines":   {[]kmsg.MetadataResponseBroker{at(0, "localhost\nelsewhere", 1)}, "localhost\\nelsewhere"},
		"control characters":    {[]kmsg.MetadataResponseBroker{at(0, "local\x00host\x1b[2J", 1)}, "local\\x00host"},
		"a host with a port":    {[]kmsg.MetadataResponseBroker{at(0, "localhost]:1/", 1)}, "host"},
		"a path":                {[]kmsg.MetadataResponseBroker{at(0, "/run/kafka.sock", 1)}, "host"},
		"an endless host":       {[]kmsg.MetadataResponseBroker{at(0, strings.Repeat("a", 30_000), 1)}, "host"},
		"port 0":                {[]kmsg.MetadataResponseBroker{at(0, "elsewhere", 0)}, "port 0"},
		"a negative port":       {[]kmsg.MetadataResponseBroker{at(0, "elsewhere", -9092)}, "port -9092"},
		"a port of five digits": {[]kmsg.MetadataResponseBroker{at(0, "elsewhere", 65536)}, "port 65536"},
		"a good one first":      {[]kmsg.MetadataResponseBroker{at(7, "elsewhere", 1), at(8, "", 1)}, "broker 8"},
		"a hundred thousand":    {many, "100000 brokers"},
	} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", known before: ", known), func(t *testing.T) {
				var log strings.Builder
				f := start(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, 1)
				if known {
					f.must(f.Refresh(t.Context()))
				}
				before := fmt.Sprint(f.Brokers())
				f.reply = func(req kmsg.Request) (kmsg.Response, error, bool) {
					resp, ok := req.ResponseKind().(*kmsg.MetadataResponse)
					if ok {
						resp.Brokers, resp.ClusterID = c.list, kmsg.StringPtr("kafka-id")
					}
					return resp, nil, ok
				}
				for range 3 {
					err := f.Refresh(t.Context())
					unavailable(t, name, err)
					if d := fault.Detail(err); !strings.Contains(d, c.says) || len(d) > 2000 {
						t.Errorf("it says %.2000s", d)
					}
				}
				if got := fmt.Sprint(f.Brokers()); got != before {
					t.Errorf("brokers %.200s", got)
				}
				_, _ = f.Dial(t.Context(), 0)
				f.tried.Range(func(address, _ any) bool {
					if address != "localhost:1" {
						t.Errorf("dialled %v", address)
					}
					return true
				})
				if l := log.String(); c.list != nil && (strings.Count(l, "\n") != 1 || !strings.Contains(l, "level=WARN")) {
					t.Errorf("log: %s", l)
				}
				f.reply = nil
				f.must(f.Refresh(t.Context()))
			})
		}
	}
}

// TestUnbelievableVersions: what a broker says that it serves is used as a whole
// or not at all.
func TestUnbelievableVersions(t *testing.T) {
	key := func(key, from, to int16) kmsg.ApiVersionsResponseApiKey {
		return kmsg.ApiVersionsResponseApiKey{ApiKey: key, MinVersion: from, MaxVersion: to}
	}
	for name, c := range map[string]struct {
		code int16
		keys []kmsg.ApiVersionsResponseApiKey
		says string
	}{
		"an error":              {41, []kmsg.ApiVersionsResponseApiKey{key(0, 3, 9)}, "error code 41"},
		"an error for ever":     {unsupportedVersion, []kmsg.ApiVersionsResponseApiKey{key(18, 0, 4)}, "error code 35"},
		"the same, of nothing":  {unsupportedVersion, nil, "error code 35"},
		"an impossible way out": {unsupportedVersion, []kmsg.ApiVersionsResponseApiKey{key(18, -9, -5)}, "error code 35"},
		"nothing":               {0, nil, "no API key"},
		"a range that falls":    {0, []kmsg.ApiVersionsResponseApiKey{key(0, 3, 9), key(1, 9, 4)}, "versions 9 to 4 of API key 1"},
		"negative versions":     {0, []kmsg.ApiVersionsResponseApiKey{key(3, -4, -1)}, "versions -4 to -1 of API key 3"},
		"a negative first":      {0, []kmsg.ApiVersionsResponseApiKey{key(3, -1, 12)}, "versions -1 to 12 of API key 3"},
		"a negative key":        {0, []kmsg.ApiVersionsResponseApiKey{key(-3, 0, 1)}, "API key -3"},
		"a key twice":           {0, []kmsg.ApiVersionsResponseApiKey{key(0, 3, 9), key(3, 0, 12), key(0, 3, 11)}, "API key 0 twice"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				f := start(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, 2)
				defer f.close()
				f.must(f.Refresh(t.Context()))
				good := f.serves(1)
				f.reply = func(req kmsg.Request) (kmsg.Response, error, bool) {
					resp, ok := req.ResponseKind().(*kmsg.ApiVersionsResponse)
					if ok {
						resp.ErrorCode, resp.ApiKeys = c.code, c.keys
						if c.code == unsupportedVersion {
							resp.Version = 0
						}
					}
					return resp, nil, ok
				}
				if again, err := f.Versions(t.Context(), 1); err != nil || again != good {
					t.Errorf("what is known is forgotten: %v", err)
				}
				<-time.After(time.Minute)
				for _, broker := range []int32{0, 1, 1, 1, Any} {
					_, err := f.Versions(t.Context(), broker)
					unavailable(t, name, err)
					if broker != Any && !strings.Contains(fault.Detail(err), c.says) {
						t.Errorf("it says %s", fault.Detail(err))
					}
				}
				if l := log.String(); strings.Count(l, "\n") != 2 || strings.Count(l, "level=WARN") != 2 || !strings.Contains(l, "broker=1") {
					t.Errorf("log: %s", l)
				}
				f.reply = nil
				f.serves(Any)
			})
		})
	}
}

// A broker that comes to serve something else is believed at the next look, one
// that begins to lie makes nobody forget the others, and keys that klamm does
// not know are not its business.
func TestVersionsThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 2)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		all := f.serves(Any)
		var asked int16
		f.reply = func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp, ok := req.ResponseKind().(*kmsg.ApiVersionsResponse)
			if ok {
				asked++
				resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: 3, MaxVersion: 5 + asked}, {ApiKey: 32767, MaxVersion: 32767}, {ApiKey: 9999}}
			}
			return resp, nil, ok
		}
		for want := range int16(3) {
			<-time.After(time.Minute)
			got := f.serves(0)
			if len(got.ApiKeys) != 3 || got.ApiKeys[0].MaxVersion != 5+want+1 {
				t.Errorf("%+v", got.ApiKeys)
			}
		}
		f.reply = func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp, ok := req.ResponseKind().(*kmsg.ApiVersionsResponse)
			return resp, nil, ok && f.kafka.CurrentNode() == 0 // an empty list
		}
		<-time.After(time.Minute)
		if got := f.serves(Any); len(got.ApiKeys) != len(all.ApiKeys) {
			t.Errorf("%d keys, expected the %d of the other broker", len(got.ApiKeys), len(all.ApiKeys))
		}
	})
}

// serves is what Versions says of a broker.
func (f *fake) serves(broker int32) *kmsg.ApiVersionsResponse {
	f.t.Helper()
	v, err := f.Versions(f.t.Context(), broker)
	f.must(err)
	return v
}
