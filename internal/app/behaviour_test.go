package app

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/testkit"
	"github.com/klammhq/klamm/internal/upstream"
)

// What clients of good will see, through franz-go and by hand.

func TestProduceAndConsume(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{brokers: 3})
	producer := h.client(h.token(nil), kgo.DefaultProduceTopic("orders"))
	const n = 50
	var records []*kgo.Record
	for i := range n {
		records = append(records, kgo.StringRecord(fmt.Sprint(i)))
	}
	if err := producer.ProduceSync(h.ctx(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string][]kgo.Opt{
		"classic": nil, "KIP-848": {kgo.ServerSideBalancer()},
	} {
		opts = append(opts, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("orders-"+name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
		consumer := h.client(h.token(role("reader")), opts...)
		seen := map[string]bool{}
		for len(seen) < n {
			fetches := consumer.PollFetches(h.ctx())
			if err := fetches.Err(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
		}
		if err := consumer.CommitUncommittedOffsets(h.ctx()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		offsets, err := kadm.NewClient(producer).FetchOffsets(h.ctx(), "orders-"+name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var committed int64
		offsets.Offsets().Each(func(o kadm.Offset) { committed += o.At })
		if committed != n {
			t.Errorf("%s: %d are committed", name, committed)
		}
		consumer.Close()
	}
}

func TestRefusedGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	for name, opts := range map[string][]kgo.Opt{"classic": nil, "KIP-848": {kgo.ServerSideBalancer()}} {
		consumer := h.client(h.token(role("reader")), append(opts, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("payroll-"+name))...)
		err := firstFetchError(h.ctx(), consumer)
		if !errors.Is(err, kerr.GroupAuthorizationFailed) {
			t.Errorf("%s: %v", name, err)
		}
		consumer.Close()
	}
	if r, code := h.lastStory("User:pool-reader"); code != guard.CodeNoRole || !strings.Contains(r.Steps[0].Mend, "DeveloperRead") {
		t.Errorf("explained as %+v", r.Steps)
	}
}

// firstFetchError polls until there is one.
func firstFetchError(ctx context.Context, cl *kgo.Client) error {
	for {
		if err := cl.PollFetches(ctx).Err(); err != nil {
			return err
		}
	}
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	cl := h.client(h.token(nil), kgo.TransactionalID("orders-tx"))
	for i, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders.eu", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(h.ctx(), end); err != nil {
			t.Fatal(err)
		}
	}
	reader := h.client(h.token(role("reader")), kgo.ConsumeTopics("orders.eu"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	fetches := reader.PollFetches(h.ctx())
	if err := fetches.Err(); err != nil || fetches.NumRecords() != 1 || string(fetches.Records()[0].Value) != "1" {
		t.Errorf("%d records, %v", fetches.NumRecords(), err)
	}
	other := h.client(h.token(nil), kgo.TransactionalID("payroll-tx"))
	err := other.BeginTransaction()
	if err == nil {
		err = other.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders.eu", Value: []byte("x")}).FirstErr()
	}
	if !errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		t.Errorf("another's transactional id: %v", err)
	}
}

// TestPartlyRefused: in one request the allowed topic succeeds and the refused
// one has its error.
func TestPartlyRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	cl := h.client(h.token(nil), kgo.ProducerLinger(20*time.Millisecond))
	results := cl.ProduceSync(h.ctx(),
		&kgo.Record{Topic: "orders", Value: []byte("a")}, &kgo.Record{Topic: "secret", Value: []byte("b")}, &kgo.Record{Topic: "orders.eu", Value: []byte("c")})
	for _, r := range results {
		if refused := errors.Is(r.Err, kerr.TopicAuthorizationFailed); refused != (r.Record.Topic == "secret") || r.Err != nil && !refused {
			t.Errorf("%s: %v", r.Record.Topic, r.Err)
		}
	}
	w := h.loggedIn(nil, 0)
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks, produce.TimeoutMillis = 9, -1, 1000
	batch := recordBatch(t, w)
	for _, name := range []string{"secret", "orders.eu", "nowhere", "__klamm_state"} {
		produce.Topics = append(produce.Topics, kmsg.ProduceRequestTopic{Topic: name, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: batch}}})
	}
	codes := map[string]int16{}
	for _, topic := range w.must(t, produce).(*kmsg.ProduceResponse).Topics {
		codes[topic.Topic] = topic.Partitions[0].ErrorCode
	}
	if len(codes) != 4 || codes["orders.eu"] != 0 || codes["secret"] != 29 || codes["nowhere"] != 29 || codes["__klamm_state"] != 29 {
		t.Errorf("Produce: %v", codes)
	}
	clear(codes)
	for _, topic := range w.must(t, fetchOf(12, 0, "secret", "orders.eu", "nowhere")).(*kmsg.FetchResponse).Topics {
		codes[topic.Topic] = topic.Partitions[0].ErrorCode
		if records := len(topic.Partitions[0].RecordBatches); (topic.Topic == "orders.eu") != (records > 0) {
			t.Errorf("Fetch: %d bytes of %s", records, topic.Topic)
		}
	}
	if len(codes) != 3 || codes["orders.eu"] != 0 || codes["secret"] != 29 || codes["nowhere"] != 29 {
		t.Errorf("Fetch: %v", codes)
	}
}

// recordBatch is one that a client wrote to orders.eu: what a Fetch of it
// brings back, up to its own length.
func recordBatch(t testing.TB, w *wire) []byte {
	t.Helper()
	batch := w.must(t, fetchOf(12, 0, "orders.eu")).(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches
	if len(batch) == 0 {
		t.Fatal("nothing was written")
	}
	return batch[:12+int(binary.BigEndian.Uint32(batch[8:]))]
}

// TestListings show what may be described; what is denied and what does not
// exist look the same.
func TestListings(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	for _, group := range []string{"orders-g", "payroll-g", "__klamm_g"} {
		commit := kmsg.NewPtrOffsetCommitRequest()
		commit.Version, commit.Group, commit.Generation = 7, group, -1
		commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1}}}}
		if _, err := h.run.upstream.Request(h.ctx(), 0, commit); err != nil {
			t.Fatal(err)
		}
	}
	for who, want := range map[string]struct{ topics, groups []string }{
		"orders": {[]string{"orders", "orders.eu"}, []string{"orders-g"}},
		"idle":   {nil, nil},
		"admin":  {[]string{"orders", "orders.eu", "secret"}, []string{"orders-g", "payroll-g"}},
	} {
		adm := kadm.NewClient(h.client(h.token(role(who))))
		listed, err := adm.ListTopicsWithInternal(h.ctx())
		if err != nil {
			t.Fatal(err)
		}
		if got := listed.Names(); !slices.Equal(got, want.topics) && len(got)+len(want.topics) > 0 {
			t.Errorf("%s sees the topics %v", who, got)
		}
		groups, err := adm.ListGroups(h.ctx())
		if err != nil {
			t.Fatal(err)
		}
		if got := groups.Groups(); !slices.Equal(got, want.groups) && len(got)+len(want.groups) > 0 {
			t.Errorf("%s sees the groups %v", who, got)
		}
	}
	w := h.loggedIn(nil, relay.Bootstrap)
	for version := int16(0); version <= 12; version++ {
		q := metadataOf("secret", "absent", "__klamm_state")
		q.Version = version
		for _, topic := range w.must(t, q).(*kmsg.MetadataResponse).Topics {
			if topic.ErrorCode != 29 || len(topic.Partitions) > 0 || topic.IsInternal || topic.TopicID != [16]byte{} {
				t.Errorf("Metadata %d: %+v", version, topic)
			}
		}
	}
	if _, err := h.run.upstream.Request(h.ctx(), -1, metadataOf("absent")); err != nil {
		t.Fatal(err)
	}
	after, err := kadm.NewClient(h.client(h.token(role("admin")))).ListTopics(h.ctx())
	if err != nil || after.Has("absent") {
		t.Errorf("a topic was created for who may not: %v, %v", after.Names(), err)
	}
}

// TestReauthentication renews an open connection, also behind a Fetch that
// waits and requests that are not read yet.
func TestReauthentication(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	w := h.loggedIn(ending(20*time.Second), 0)
	// The Fetch waits for as long as its time, and the requests behind it for it.
	fetch := fetchOf(12, 300*time.Millisecond, "orders.eu")
	fetch.MinBytes = 1 << 20
	queue := []kmsg.Request{fetch}
	for range 10 {
		queue = append(queue, metadataOf("orders"))
	}
	hs := kmsg.NewPtrSASLHandshakeRequest()
	hs.Version, hs.Mechanism = 1, "OAUTHBEARER"
	au := kmsg.NewPtrSASLAuthenticateRequest()
	au.Version, au.SASLAuthBytes = 2, here(h.token(nil))
	queue = append(queue, hs, au)
	for _, req := range queue {
		if err := w.send(req); err != nil {
			t.Fatal(err)
		}
	}
	for _, req := range queue {
		resp, err := w.receive(req)
		if err != nil {
			t.Fatalf("%T: %v", req, err)
		}
		if r, ok := resp.(*kmsg.SASLAuthenticateResponse); ok && (r.ErrorCode != 0 || r.SessionLifetimeMillis < 3000_000) {
			t.Errorf("%+v", r)
		}
	}
	if r := w.must(t, metadataOf("orders")).(*kmsg.MetadataResponse); r.Topics[0].ErrorCode != 0 {
		t.Errorf("%+v", r.Topics)
	}
	// The same token again is good as long as it lives.
	for range 3 {
		if r, err := w.authenticate(2, au.SASLAuthBytes); err != nil || r.ErrorCode != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

// TestReauthenticationProlongs: the connection lives on beyond the end of its
// first token, without a pause in a client's work. It is not parallel: its
// first token must outlive the renewal.
func TestReauthenticationProlongs(t *testing.T) {
	h := newHouse(t, houseOptions{})
	const first, second = 3 * time.Second, 5 * time.Second
	end := time.Now().Add(second)
	renewal := here(h.token(ending(second)))
	w := h.loggedIn(ending(first), relay.Bootstrap)
	if r, err := w.authenticate(2, renewal); err != nil || r.ErrorCode != 0 || r.SessionLifetimeMillis > second.Milliseconds() {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := w.ended(); err != nil {
		t.Error(err)
	}
	if late := time.Since(end); late < -10*time.Millisecond {
		t.Errorf("ended %s before its second token", -late)
	}
}

// TestLogicalClusterOptional: where the extension may be left out, a wrong one
// is refused all the same.
func TestLogicalClusterOptional(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{optional: true})
	h.letIn("without", message(h.token(nil)))
	h.letIn("with", here(h.token(nil)))
	h.repel([]attack{{"another", message(h.token(nil), "logicalCluster=lkc-other"), authn.WrongCluster}})
}

// TestTwoPrincipalsInOneGroup: each sees what its own roles allow.
func TestTwoPrincipalsInOneGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	writer := h.client(h.token(role("admin")))
	for _, topic := range []string{"orders.eu", "secret"} {
		if err := writer.ProduceSync(h.ctx(), &kgo.Record{Topic: topic, Value: []byte(topic)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	group := []kgo.Opt{kgo.ConsumerGroup("orders-both"), kgo.ConsumeTopics("orders.eu", "secret"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	reader := h.client(h.token(role("reader")), group...)
	admin := h.client(h.token(role("admin")), group...)
	ctx, cancel := context.WithCancel(h.ctx())
	defer cancel()
	refused := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			f := reader.PollFetches(ctx)
			for _, r := range f.Records() {
				if r.Topic == "secret" {
					refused <- errors.New("the reader was given the secret")
					return
				}
			}
			if err := f.Err(); errors.Is(err, kerr.TopicAuthorizationFailed) {
				refused <- nil
				reader.Close() // gives its partitions to the other
				return
			}
		}
		refused <- ctx.Err()
	}()
	if err := <-refused; err != nil {
		t.Fatal(err)
	}
	for got := false; !got; {
		f := admin.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Records() {
			got = got || r.Topic == "secret"
		}
	}
}

// TestChangeOfRules: a changed filter closes an open session, with its waiting
// Fetch; a taken role refuses the next request; a new role allows it.
func TestChangeOfRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	waiting, stays := h.loggedIn(nil, 0), h.loggedIn(role("reader"), 0)
	if err := waiting.send(fetchOf(12, time.Minute, "orders.eu")); err != nil {
		t.Fatal(err)
	}
	if r := stays.must(t, metadataOf("orders", "secret")).(*kmsg.MetadataResponse); len(r.Topics) != 2 {
		t.Fatalf("%+v", r)
	}
	changed := strings.Replace(documents, `claims.role == "orders"'`, `claims.role == "orders" && claims.team == "x"'`, 1)
	changed = strings.Replace(changed, `principal: "User:pool-reader", role: DeveloperRead, on: {cluster: lkc-test, topic: "orders*"}`,
		`principal: "User:pool-reader", role: DeveloperRead, on: {cluster: lkc-test, topic: "secret"}`, 1)
	h.change(houseOptions{instead: true, more: changed})
	began := time.Now()
	if err := waiting.ended(); err != nil {
		t.Error(err)
	}
	t.Logf("a session whose filter changed was closed after %s", time.Since(began))
	if r, code := h.lastStory("User:pool-orders"); code != authn.FilterError && code != authn.FilterFalse && code != authn.NoMatchingPool {
		t.Errorf("audited as %s: %+v", code, r.Steps)
	}
	codes := map[string]int16{}
	for _, topic := range stays.must(t, metadataOf("orders", "secret")).(*kmsg.MetadataResponse).Topics {
		codes[*topic.Topic] = topic.ErrorCode
	}
	if codes["orders"] != 29 || codes["secret"] != 0 {
		t.Errorf("under the new roles: %v", codes)
	}
	// A provider that is disabled takes its sessions with it.
	h.change(houseOptions{instead: true, more: strings.Replace(documents, "audiences: [kafka]}", "audiences: [kafka], disabled: true}", 1)})
	if err := stays.ended(); err != nil {
		t.Error(err)
	}
	if _, err := h.refused(here(h.token(nil)), authn.IssuerDisabled); err != nil {
		t.Error(err)
	}
}

// farBehind is a house in front of brokers on an address of their own, and all
// byte strings that would tell it.
func farBehind(t *testing.T) (h *house, behind *kfake.Cluster, forbidden []string) {
	t.Helper()
	forbidden = []string{testkit.Far, "\x7f\x4d\x00\x09"}
	behind, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.AllowAutoTopicCreation(), kfake.ListenFn(func(network, _ string) (net.Listener, error) {
		ln, err := testkit.ListenFar(t, network)
		if err == nil {
			port := ln.Addr().(*net.TCPAddr).Port
			forbidden = append(forbidden, string(binary.BigEndian.AppendUint32(nil, uint32(port))), fmt.Sprintf(":%d", port))
		}
		return ln, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(behind.Close)
	return newHouse(t, houseOptions{upstream: &upstream.Config{Name: lkc, Bootstrap: behind.ListenAddrs()}}), behind, forbidden
}

// tells looks for what must not have reached a client.
func tells(t *testing.T, heard string, forbidden []string) {
	t.Helper()
	for _, f := range forbidden {
		if at := strings.Index(heard, f); at >= 0 {
			t.Errorf("%q reached a client: %q", f, heard[max(0, at-60):min(len(heard), at+60)])
		}
	}
}

// TestNoUpstreamAddress: no byte string or port of where the brokers are
// reaches a client, whatever it asks and whatever goes wrong.
func TestNoUpstreamAddress(t *testing.T) {
	t.Parallel()
	h, behind, forbidden := farBehind(t)
	var heard lockedBuffer
	cl := h.client(h.token(role("admin")), kgo.Dialer(overhear(&heard)), kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("orders-g"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	adm := kadm.NewClient(cl)
	if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.PollFetches(h.ctx()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.Metadata(h.ctx()); err != nil {
		t.Error(err)
	}
	if groups, err := adm.DescribeGroups(h.ctx(), "orders-g"); err != nil || len(groups["orders-g"].Members) != 1 {
		t.Errorf("%v, %v", groups, err)
	}
	if configs, err := adm.DescribeBrokerConfigs(h.ctx(), 0, 1, 2); err != nil || len(configs) != 3 {
		t.Errorf("%v, %v", configs, err)
	}
	if _, err := adm.DescribeTopicConfigs(h.ctx(), "orders"); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"orders-g", "payroll", "x"} {
		for _, kind := range []int8{0, 1} {
			q := kmsg.NewPtrFindCoordinatorRequest()
			q.CoordinatorKey, q.CoordinatorKeys, q.CoordinatorType = key, []string{key}, kind
			if _, err := cl.Request(h.ctx(), q); err != nil {
				t.Error(err)
			}
		}
	}
	for _, endpoints := range []int8{1, 2} {
		q := kmsg.NewPtrDescribeClusterRequest()
		q.EndpointType = endpoints
		_, _ = cl.Request(h.ctx(), q)
	}
	// All brokers gone: whatever a client is told then.
	behind.Close()
	ctx, cancel := context.WithTimeout(h.ctx(), 2*time.Second)
	defer cancel()
	_, _ = adm.Metadata(ctx)
	text := heard.String()
	if len(text) < 2000 {
		t.Fatalf("only %d bytes were heard", len(text))
	}
	tells(t, text, forbidden)
}
