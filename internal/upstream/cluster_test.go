package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// fake is a kfake cluster on an in-memory network, and a Cluster in front of it.
type fake struct {
	*Cluster
	t       *testing.T
	kafka   *kfake.Cluster
	network *kfake.VirtualNetwork
	dials   atomic.Int32
	tried   sync.Map                                        // addresses that were dialled
	broken  sync.Map                                        // addresses that refuse, hang or are slow
	asked   sync.Map                                        // key -> *atomic.Int32
	reply   func(kmsg.Request) (kmsg.Response, error, bool) // instead of kfake
}

// start runs kfake with so many brokers; the ports of the network are 1, 2, ….
func start(t *testing.T, cfg Config, brokers int, options ...kfake.Opt) *fake {
	t.Helper()
	f := &fake{t: t, network: &kfake.VirtualNetwork{}}
	var ports []int
	for i := range brokers {
		ports = append(ports, i+1)
	}
	var err error
	f.kafka, err = kfake.NewCluster(append(options, kfake.ListenFn(f.network.Listen), kfake.Ports(ports...), kfake.ClusterID("kafka-id"), kfake.SeedTopics(1, "orders"))...)
	if err != nil {
		t.Fatal(err)
	}
	f.kafka.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.kafka.KeepControl()
		f.count(req.Key()).Add(1)
		if f.reply != nil {
			return f.reply(req)
		}
		return nil, nil, false
	})
	if cfg.Bootstrap == nil {
		cfg.Bootstrap = []string{"localhost:1"}
	}
	cfg.Name = "lkc-test"
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		f.dials.Add(1)
		f.tried.Store(address, true)
		if how, broken := f.broken.Load(address); broken {
			switch how {
			case "slow":
				select {
				case <-time.After(5 * time.Second):
					return f.network.DialContext(ctx, network, address)
				case <-ctx.Done():
				}
			case "hangs":
				<-ctx.Done()
			}
			return nil, errors.New("connection refused")
		}
		return f.network.DialContext(ctx, network, address)
	}
	if f.Cluster, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func (f *fake) close() { f.Cluster.Close(); f.kafka.Close() }

func (f *fake) count(key int16) *atomic.Int32 {
	n, _ := f.asked.LoadOrStore(key, new(atomic.Int32))
	return n.(*atomic.Int32)
}

// asks runs do and expects so many requests of a key to reach Kafka.
func (f *fake) asks(key int16, want int32, do func()) {
	f.t.Helper()
	before := f.count(key).Load()
	do()
	if n := f.count(key).Load() - before; n != want {
		f.t.Errorf("%d requests of key %d, expected %d", n, key, want)
	}
}

func (f *fake) dialled(n int32) {
	f.t.Helper()
	if got := f.dials.Swap(0); got != n {
		f.t.Errorf("%d dials, expected %d", got, n)
	}
}

func (f *fake) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(fault.Detail(err))
	}
}

func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%s: %v, expected Unavailable", what, err)
	}
}

func TestBrokers(t *testing.T) {
	var told [][]Broker
	f := start(t, Config{Changed: func(b []Broker) { told = append(told, b) }}, 3)
	if f.ClusterID() != "" || f.Brokers() != nil {
		t.Error("something is known of a cluster that was never reached")
	}
	f.must(f.Refresh(t.Context()))
	f.must(f.Refresh(t.Context()))
	f.dialled(1 + 1) // the bootstrap address, then a broker
	want := []Broker{{0, "localhost:1", ""}, {1, "localhost:2", ""}, {2, "localhost:3", ""}}
	got := f.Brokers()
	for i := range got {
		got[i].Rack = ""
	}
	if !slices.Equal(got, want) || f.ClusterID() != "kafka-id" {
		t.Errorf("%v %q", got, f.ClusterID())
	}
	f.must(f.kafka.RemoveNode(2))
	f.must(f.Refresh(t.Context()))
	if len(told) != 2 || len(told[0]) != 3 || len(told[1]) != 2 {
		t.Errorf("told of %v", told)
	}
	unavailable(t, "a broker that is gone", f.Live(2))
	_, err := f.Dial(t.Context(), 2)
	unavailable(t, "a broker that is gone", err)
}

func TestRefreshIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 1)
		defer f.close()
		gate := make(chan struct{})
		f.reply = func(kmsg.Request) (kmsg.Response, error, bool) {
			f.kafka.SleepControl(func() { <-gate })
			return nil, nil, false
		}
		f.asks(3, 1, func() {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() { f.must(f.Refresh(t.Context())) })
			}
			ctx, cancel := context.WithCancel(t.Context())
			all.Go(func() {
				if err := f.Refresh(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("who gives up: %v", err)
				}
			})
			synctest.Wait()
			cancel()
			synctest.Wait()
			close(gate)
			all.Wait()
		})
	})
}

func TestAnotherClusterIsRefused(t *testing.T) {
	f := start(t, Config{}, 1)
	f.must(f.Refresh(t.Context()))
	f.reply = func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		id := "another"
		resp.ClusterID = &id
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 9, Host: "elsewhere", Port: 1}}
		return resp, nil, true
	}
	unavailable(t, "another cluster id", f.Refresh(t.Context()))
	if b := f.Brokers(); len(b) != 1 || b[0].ID != 0 {
		t.Errorf("brokers of another cluster: %v", b)
	}
}

func TestDial(t *testing.T) {
	f := start(t, Config{}, 3)
	for _, id := range []int32{Any, 0, 1, 2} {
		l, err := f.Dial(t.Context(), id)
		f.must(err)
		if id != Any && l.Broker != id {
			t.Errorf("broker %d instead of %d", l.Broker, id)
		}
		_, err = l.Request(t.Context(), kmsg.NewPtrApiVersionsRequest())
		f.must(err)
		l.Close()
	}
}

func TestAnyGoesPastDeadBrokers(t *testing.T) {
	f := start(t, Config{Bootstrap: []string{"localhost:9", "localhost:1"}}, 3)
	f.broken.Store("localhost:9", true)
	f.must(f.Refresh(t.Context()))
	f.broken.Store("localhost:1", true)
	f.broken.Store("localhost:2", true)
	for range 10 {
		l, err := f.Dial(t.Context(), Any)
		f.must(err)
		if l.Broker != 2 {
			t.Errorf("broker %d", l.Broker)
		}
		l.Close()
	}
	f.dials.Store(0)
	l, err := f.Dial(t.Context(), Any)
	f.must(err)
	l.Close()
	f.dialled(1) // those that are down are not tried before
	f.must(f.Live(Any))
	f.broken.Store("localhost:3", true)
	_, err = f.Dial(t.Context(), Any)
	unavailable(t, "all down", err)
	unavailable(t, "all down", f.Live(Any))
}

func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 2)
		defer f.close()
		f.broken.Store("localhost:1", true)
		unavailable(t, "never reached", f.Live(0))
		synctest.Wait()
		unavailable(t, "still not reached", f.Live(Any))
		f.broken.Clear()
		<-time.After(time.Second)
		unavailable(t, "asked again in the background", f.Live(0))
		synctest.Wait()
		f.must(f.Live(0))
		f.must(f.Live(Any))

		f.broken.Store("localhost:2", true)
		f.must(f.Live(1)) // nobody has noticed
		_, err := f.Dial(t.Context(), 1)
		unavailable(t, "dial", err)
		f.dials.Store(0)
		for range 100 {
			unavailable(t, "down", f.Live(1))
			synctest.Wait()
		}
		f.dialled(1) // a storm of clients makes one dial a second
		f.must(f.Live(0))
		f.broken.Clear()
		<-time.After(time.Second)
		unavailable(t, "until it was looked at", f.Live(1))
		synctest.Wait()
		f.must(f.Live(1))
	})
}

// A client that gives up while klamm dials does not make the broker dead.
func TestGivingUpIsNotDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 1)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		f.broken.Store("localhost:1", "hangs")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Dial(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		f.must(f.Live(0))
	})
}

// A look-up that goes to another broker after its share of the time does not make
// the first one dead, unless it goes on like that.
func TestShortOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 1)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		f.broken.Store("localhost:1", "hangs")
		<-time.After(longestIdle) // connections of before
		unavailable(t, "hangs", f.Refresh(t.Context()))
		f.must(f.Live(0))
		unavailable(t, "hangs", f.Refresh(t.Context()))
		unavailable(t, "hangs", f.Live(0))
		f.broken.Clear()
		f.must(f.Refresh(t.Context()))
		f.must(f.Live(0))
	})
}

// A busy broker is waited for when no other could serve the client instead.
func TestSlowBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 2)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		f.broken.Store("localhost:1", "slow")
		l, err := f.Dial(t.Context(), 0)
		f.must(err)
		l.Close()
		f.must(f.Live(0))
		f.broken.Store("localhost:1", "hangs")
		began := time.Now()
		_, err = f.Dial(t.Context(), 0)
		unavailable(t, "one that never answers", err)
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("took %v", d)
		}
		unavailable(t, "one that never answers", f.Live(0))
	})
}

func TestBlackHoleTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Bootstrap: []string{"black:1", "hole:2"}, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		began := time.Now()
		unavailable(t, "black hole", c.Refresh(t.Context()))
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 1)
		defer f.close()
		f.broken.Store("localhost:1", true)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { f.Run(ctx); close(ran) }()
		<-time.After(20 * time.Second)
		f.broken.Clear()
		<-time.After(5 * time.Second)
		if len(f.Brokers()) != 1 {
			t.Error("not reached within 5 s of its return")
		}
		f.asks(3, 3, func() { <-time.After(3 * time.Minute) })
		cancel()
		<-ran
	})
}

func TestTopicName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 1)
		defer f.close()
		id := topicID(t, f, "orders")
		f.asks(3, 1, func() {
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if name, err := f.TopicName(t.Context(), id); name != "orders" || err != nil {
						t.Errorf("%q %v", name, err)
					}
				})
			}
			all.Wait()
		})
		f.asks(3, 0, func() { _, _ = f.TopicName(t.Context(), id) })
		made := [16]byte{1, 2, 3}
		unknown := func() {
			if name, err := f.TopicName(t.Context(), made); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%q %v", name, err)
			}
		}
		f.asks(3, 1, func() { unknown(); unknown() })
		<-time.After(time.Second)
		f.asks(3, 1, unknown)
		f.asks(3, 0, func() { made = [16]byte{}; unknown() })
	})
}

func TestKnownTopicAllocatesNothing(t *testing.T) {
	f := start(t, Config{}, 1)
	id := topicID(t, f, "orders")
	ask := func() {
		_, err := f.TopicName(t.Context(), id)
		f.must(err)
	}
	ask()
	if n := testing.AllocsPerRun(100, ask); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEnsureTopics(t *testing.T) {
	f := start(t, Config{}, 3)
	for range 2 { // those that exist stay as they are
		f.must(f.EnsureTopics(t.Context(), map[string]int32{"orders": 1, "made": 3}))
	}
	if id := topicID(t, f, "made"); id == [16]byte{} {
		t.Error("the topic was not made")
	}
	f.reply = func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp, ok := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		if ok {
			resp.Topics = []kmsg.CreateTopicsResponseTopic{{Topic: "bad", ErrorCode: 17}}
		}
		return resp, nil, ok
	}
	unavailable(t, "a topic that Kafka refuses", f.EnsureTopics(t.Context(), map[string]int32{"bad": 1}))
}

func topicID(t *testing.T, f *fake, name string) [16]byte {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	resp, err := f.Request(t.Context(), Any, req)
	f.must(err)
	return resp.(*kmsg.MetadataResponse).Topics[0].TopicID
}

func TestMadeUpIDsFillNoMemory(t *testing.T) {
	var m map[[16]byte]int
	for i := range 100 {
		remember(&m, 10, [16]byte{byte(i)}, i)
		if m[[16]byte{byte(i)}] != i || len(m) > 10 {
			t.Fatalf("%d entries after %d", len(m), i)
		}
	}
}

func TestRequestKeepsItsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 1)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		f.dials.Store(0)
		ask := func() {
			_, err := f.Request(t.Context(), 0, kmsg.NewPtrApiVersionsRequest())
			f.must(err)
		}
		ask()
		ask()
		f.dialled(1)
		<-time.After(2 * time.Minute)
		ask()
		f.dialled(1)
		// One that died meanwhile is replaced, and the caller sees nothing.
		f.mu.Lock()
		_ = f.idle[0][0].Conn.Close()
		f.mu.Unlock()
		ask()
		f.dialled(1)
	})
}

func TestRequestTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 1)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		f.reply = func(kmsg.Request) (kmsg.Response, error, bool) {
			f.kafka.SleepControl(func() { <-time.After(time.Minute) })
			return nil, nil, false
		}
		began := time.Now()
		_, err := f.Request(t.Context(), 0, kmsg.NewPtrApiVersionsRequest())
		unavailable(t, "no answer", err)
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("took %v", d)
		}
		<-time.After(time.Minute)
	})
}

func TestVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 2)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		var got *kmsg.ApiVersionsResponse
		ask := func(broker int32) func() {
			return func() {
				var err error
				got, err = f.Versions(t.Context(), broker)
				f.must(err)
			}
		}
		f.asks(18, 1, ask(0))
		if len(got.ApiKeys) < 50 || got.FinalizedFeaturesEpoch < 0 {
			t.Errorf("%d keys, epoch %d", len(got.ApiKeys), got.FinalizedFeaturesEpoch)
		}
		f.asks(18, 0, ask(0))
		f.asks(18, 1, ask(Any))
		f.asks(18, 0, ask(Any))
		<-time.After(time.Minute)
		f.asks(18, 1, ask(0))
		// A broker that was away may come back as a newer one.
		f.broken.Store("localhost:1", true)
		_, err := f.Dial(t.Context(), 0)
		unavailable(t, "dial", err)
		f.broken.Clear()
		f.asks(18, 1, ask(0))
	})
}

// A broker that knows only ApiVersions 3 answers in version 0 with code 35.
func TestVersionsOfAnOlderBroker(t *testing.T) {
	f := start(t, Config{}, 1)
	f.reply = func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.Key() != 18 || req.GetVersion() <= 3 {
			return nil, nil, false
		}
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.ErrorCode = unsupportedVersion
		resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: 18, MaxVersion: 3}}
		return resp, nil, true
	}
	got, err := f.Versions(t.Context(), 0)
	f.must(err)
	if got.Version != 3 || len(got.ApiKeys) < 50 {
		t.Errorf("version %d, %d keys", got.Version, len(got.ApiKeys))
	}
}

func TestVersionsNeverReached(t *testing.T) {
	f := start(t, Config{}, 1)
	f.broken.Store("localhost:1", true)
	_, err := f.Versions(t.Context(), Any)
	unavailable(t, "never reached", err)
}

func TestIntersect(t *testing.T) {
	older := &kmsg.ApiVersionsResponse{
		ApiKeys:                []kmsg.ApiVersionsResponseApiKey{{ApiKey: 0, MinVersion: 0, MaxVersion: 9}, {ApiKey: 1, MinVersion: 4, MaxVersion: 12}, {ApiKey: 2, MaxVersion: 1}, {ApiKey: 3, MaxVersion: 3}},
		FinalizedFeaturesEpoch: 1,
	}
	newer := &kmsg.ApiVersionsResponse{
		ApiKeys:                []kmsg.ApiVersionsResponseApiKey{{ApiKey: 0, MinVersion: 3, MaxVersion: 11}, {ApiKey: 1, MinVersion: 4, MaxVersion: 13}, {ApiKey: 2, MinVersion: 2, MaxVersion: 3}},
		FinalizedFeatures:      []kmsg.ApiVersionsResponseFinalizedFeature{{Name: "transaction.version", MaxVersionLevel: 2}},
		FinalizedFeaturesEpoch: 2,
	}
	for _, all := range [][]*kmsg.ApiVersionsResponse{{older, newer}, {newer, older}} {
		got := intersect(all)
		var keys []string
		for _, k := range got.ApiKeys {
			keys = append(keys, fmt.Sprintf("%d:%d-%d", k.ApiKey, k.MinVersion, k.MaxVersion))
		}
		if s := strings.Join(keys, " "); s != "0:3-9 1:4-12" || got.FinalizedFeaturesEpoch != 2 || len(got.FinalizedFeatures) != 1 {
			t.Errorf("%s, epoch %d", s, got.FinalizedFeaturesEpoch)
		}
	}
	if len(older.ApiKeys) != 4 || older.ApiKeys[0].MinVersion != 0 {
		t.Error("the broker's own answer was changed")
	}
}

func TestConfigurationRefused(t *testing.T) {
	secure := &tls.Config{}
	good := Login{"SCRAM-SHA-512", "klamm", secret.New("x")}
	for name, c := range map[string]Config{
		"no bootstrap":           {},
		"no port":                {Bootstrap: []string{"kafka"}},
		"no host":                {Bootstrap: []string{":9092"}},
		"login without TLS":      {Bootstrap: []string{"k:1"}, Login: good},
		"unverified TLS":         {Bootstrap: []string{"k:1"}, TLS: &tls.Config{InsecureSkipVerify: true}},
		"PLAIN":                  {Bootstrap: []string{"k:1"}, TLS: secure, Login: Login{"PLAIN", "klamm", secret.New("x")}},
		"no user":                {Bootstrap: []string{"k:1"}, TLS: secure, Login: Login{"SCRAM-SHA-512", "", secret.New("x")}},
		"no password":            {Bootstrap: []string{"k:1"}, TLS: secure, Login: Login{"SCRAM-SHA-512", "klamm", secret.String{}}},
		"password, no mechanism": {Bootstrap: []string{"k:1"}, TLS: secure, Login: Login{"", "klamm", secret.New("x")}},
	} {
		if _, err := New(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
