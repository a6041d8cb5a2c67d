package engine_test

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

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/engine"
	"github.com/klammhq/klamm/internal/kafka"
)

// limit bounds each test, ten times what it takes.
const limit = 30 * time.Second

func start(t testing.TB, brokers int) *engine.Engine {
	t.Helper()
	e, err := engine.Start(engine.Config{ClusterID: "engine-test", Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func client(t testing.TB, e *engine.Engine, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(e.Bootstrap()...), kgo.Dialer(e.Dial), kgo.AllowAutoTopicCreation())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func link(t testing.TB, e *engine.Engine) *kafka.Link {
	t.Helper()
	conn, err := e.Dial(t.Context(), "tcp", e.Bootstrap()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return kafka.NewLink(conn, 0)
}

// alive asks the engine something that it must answer whatever came before.
func alive(t testing.TB, e *engine.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if _, err := link(t, e).Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
		t.Fatalf("the engine does not live: %v", err)
	}
}

func TestProduceAndConsume(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	e := start(t, 3)
	producer := client(t, e)
	for i := range 100 {
		r := &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}
		if err := producer.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	consumer := client(t, e, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for got := 0; got < 100; {
		f := consumer.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		got += f.NumRecords()
	}
}

// TestHostileFrames sends what kills kfake when nothing stands before it.
func TestHostileFrames(t *testing.T) {
	e := start(t, 1)
	header := func(key, version int16) []byte {
		b := binary.BigEndian.AppendUint16(nil, uint16(key))
		b = binary.BigEndian.AppendUint16(b, uint16(version))
		return append(binary.BigEndian.AppendUint32(b, 7), 0xff, 0xff)
	}
	for name, frame := range map[string][]byte{
		"unknown key":          header(999, 0),
		"negative key":         header(-1, 0),
		"version above":        header(3, 99),
		"version below":        header(3, -1),
		"sasl":                 header(17, 1),
		"write txn markers":    header(27, 1),
		"metadata that makes":  append(header(3, 1), 0, 0, 0, 0),
		"half a metadata":      append(header(3, 4), 0, 0, 0),
		"array of 2^31":        append(header(3, 4), 0x7f, 0xff, 0xff, 0xff),
		"empty":                {},
		"produce of nonsense":  append(header(0, 9), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"fetch of nonsense":    append(header(1, 12), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"join group truncated": append(header(11, 5), 0, 1, 'g'),
	} {
		t.Run(name, func(t *testing.T) {
			closes(t, e, append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
		})
	}
}

// TestHugeTagCount ends requests with a count of four billion tagged fields
// that do not follow. Who believes the count is busy for a minute.
func TestHugeTagCount(t *testing.T) {
	e := start(t, 1)
	for _, req := range []kmsg.Request{kmsg.NewPtrMetadataRequest(), kmsg.NewPtrProduceRequest(), kmsg.NewPtrFetchRequest(), kmsg.NewPtrHeartbeatRequest()} {
		t.Run(kmsg.Key(req.Key()).Name(), func(t *testing.T) {
			req.SetVersion(map[int16]int16{0: 9, 1: 12, 3: 12, 12: 4}[req.Key()])
			frame := kmsg.NewRequestFormatter().AppendRequest(nil, req, 7)
			frame = append(frame[:len(frame)-1], 0xff, 0xff, 0xff, 0xff, 0x0f)
			binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
			closes(t, e, frame)
		})
	}
}

// closes sends bytes and expects the connection to end, and the engine to live.
func closes(t *testing.T, e *engine.Engine, sent []byte) {
	t.Helper()
	l := link(t, e)
	_ = l.SetDeadline(time.Now().Add(limit))
	if _, err := l.Write(sent); err != nil {
		t.Fatal(err)
	}
	var one [1]byte
	if _, err := l.Read(one[:]); err == nil || isTimeout(err) {
		t.Errorf("the connection was not closed: %v", err)
	}
	alive(t, e)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestHugeFrameIsNotRead(t *testing.T) {
	closes(t, start(t, 1), []byte{0x7f, 0xff, 0xff, 0xff})
}

func TestJoinGroupWithBadProtocols(t *testing.T) {
	e := start(t, 1)
	for name, protocols := range map[string][]string{"none": nil, "empty": {""}, "repeated": {"range", "range"}} {
		t.Run(name, func(t *testing.T) {
			req := kmsg.NewPtrJoinGroupRequest()
			req.Version, req.Group, req.ProtocolType, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 3, "g", "consumer", 10000, 10000
			for _, p := range protocols {
				protocol := kmsg.NewJoinGroupRequestProtocol()
				protocol.Name = p
				req.Protocols = append(req.Protocols, protocol)
			}
			resp, err := link(t, e).Request(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if code := resp.(*kmsg.JoinGroupResponse).ErrorCode; code != kerr.InconsistentGroupProtocol.Code {
				t.Errorf("error %v", kerr.ErrorForCode(code))
			}
			alive(t, e)
		})
	}
}

func TestCreateTopicsAsKafkaDoes(t *testing.T) {
	e := start(t, 1)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 5, 1000
	add := func(name string, partitions int32, configs ...string) {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
		for _, c := range configs {
			value := "1"
			topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: c, Value: &value})
		}
		req.Topics = append(req.Topics, topic)
	}
	add("good", 1, "retention.ms")
	add(strings.Repeat("x", 260), 1)
	add("sp ace", 1)
	add("..", 1)
	add("many", 1_000_000)
	add("odd", 1, "no.such.config")
	resp, err := link(t, e).Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*kerr.Error{
		"good": nil, strings.Repeat("x", 260): kerr.InvalidTopicException, "sp ace": kerr.InvalidTopicException,
		"..": kerr.InvalidTopicException, "many": kerr.InvalidPartitions, "odd": kerr.InvalidConfig,
	}
	for _, topic := range resp.(*kmsg.CreateTopicsResponse).Topics {
		code := int16(0)
		if want[topic.Topic] != nil {
			code = want[topic.Topic].Code
		}
		if topic.ErrorCode != code {
			t.Errorf("%.20s: %v", topic.Topic, kerr.ErrorForCode(topic.ErrorCode))
		}
		delete(want, topic.Topic)
	}
	if len(want) > 0 {
		t.Errorf("not answered: %v", want)
	}
}

// TestWhatIsToldIsServed asks in the first and the last version of each key that
// the engine tells of: none may end the connection.
func TestWhatIsToldIsServed(t *testing.T) {
	e := start(t, 1)
	l := link(t, e)
	_ = l.SetDeadline(time.Now().Add(limit))
	told, err := l.Request(t.Context(), kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range told.(*kmsg.ApiVersionsResponse).ApiKeys {
		for _, version := range []int16{k.MinVersion, k.MaxVersion} {
			req := kmsg.RequestForKey(k.ApiKey)
			req.SetVersion(version)
			if q, ok := req.(*kmsg.MetadataRequest); ok && version < 4 {
				q.Version = 4 // see oldest
			}
			if q, ok := req.(*kmsg.ProduceRequest); ok {
				q.Acks = 1
			}
			if _, err := l.Request(t.Context(), req); err != nil {
				t.Errorf("%s %d: %v", kmsg.NameForKey(k.ApiKey), version, err)
				l = link(t, e)
				_ = l.SetDeadline(time.Now().Add(limit))
			}
		}
	}
}

// TestMetadataAsKafkaDoes: a name that no topic can have is invalid, not unknown,
// and is not made; others beside it are.
func TestMetadataAsKafkaDoes(t *testing.T) {
	e := start(t, 1)
	for _, create := range []bool{false, true} {
		req := kmsg.NewPtrMetadataRequest()
		req.Version, req.AllowAutoTopicCreation = 12, create
		want := map[string]int16{"good": kerr.UnknownTopicOrPartition.Code}
		if create {
			want["good"] = 0
		}
		for _, name := range []string{"", "..", "sp ace", "a\x00b", strings.Repeat("x", 250)} {
			want[name] = kerr.InvalidTopicException.Code
		}
		for name := range want {
			req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &name})
		}
		resp, err := link(t, e).Request(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		answer := resp.(*kmsg.MetadataResponse)
		for _, topic := range answer.Topics {
			if code, ok := want[*topic.Topic]; !ok || topic.ErrorCode != code {
				t.Errorf("creation %v, %.20q: %v", create, *topic.Topic, kerr.ErrorForCode(topic.ErrorCode))
			}
			delete(want, *topic.Topic)
		}
		if len(want) > 0 || len(answer.Brokers) != 1 {
			t.Errorf("creation %v: not answered: %v, brokers: %v", create, want, answer.Brokers)
		}
	}
}

// TestAlterConfigsAsKafkaDoes, old and new: a configuration that Kafka does not
// know is kept for no topic.
func TestAlterConfigsAsKafkaDoes(t *testing.T) {
	e := start(t, 1)
	value := "1"
	for _, c := range []struct {
		name string
		code int16
	}{{"no.such.config", kerr.InvalidConfig.Code}, {"retention.ms", kerr.UnknownTopicOrPartition.Code}} {
		legacy := kmsg.NewPtrAlterConfigsRequest()
		legacy.Resources = []kmsg.AlterConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "absent", Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: c.name, Value: &value}},
		}}
		incremental := kmsg.NewPtrIncrementalAlterConfigsRequest()
		incremental.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "absent", Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: c.name, Value: &value}},
		}}
		old, err := link(t, e).Request(t.Context(), legacy)
		if err != nil {
			t.Fatal(err)
		}
		new, err := link(t, e).Request(t.Context(), incremental)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := old.(*kmsg.AlterConfigsResponse).Resources[0].ErrorCode, new.(*kmsg.IncrementalAlterConfigsResponse).Resources[0].ErrorCode; a != c.code || b != c.code {
			t.Errorf("%s: %d and %d, expected %d", c.name, a, b, c.code)
		}
	}
}

// TestOffsetsOfNoGroup: a group that nobody knows has committed nothing, in every
// version.
func TestOffsetsOfNoGroup(t *testing.T) {
	l := link(t, start(t, 1))
	for version := int16(0); version <= 10; version++ {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Version, req.Group = version, "nobody"
		req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0, 3}}}
		req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "nobody", MemberEpoch: -1, Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0, 3}}}}}
		resp, err := l.Request(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		answer := resp.(*kmsg.OffsetFetchResponse)
		code := answer.ErrorCode
		var offsets []int64
		for _, topic := range answer.Topics {
			for _, p := range topic.Partitions {
				offsets = append(offsets, p.Offset)
			}
		}
		for _, g := range answer.Groups {
			code += g.ErrorCode
			for _, topic := range g.Topics {
				for _, p := range topic.Partitions {
					offsets = append(offsets, p.Offset)
				}
			}
		}
		if code != 0 || !slices.Equal(offsets, []int64{-1, -1}) {
			t.Errorf("version %d: error %d, offsets %v", version, code, offsets)
		}
	}
}

// TestSubscriptions: whoever describes a group reads how its members subscribe, and a
// heartbeat that changes the subscription and nothing else changes it, as of a broker.
func TestSubscriptions(t *testing.T) {
	e := start(t, 1)
	cl := client(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	epoch := int32(0)
	beat := func(names []string, expression *string) {
		t.Helper()
		q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		q.Version, q.Group, q.MemberID, q.MemberEpoch, q.SubscribedTopicRegex, q.SubscribedTopicNames = 1, "readers", "m-1", epoch, expression, names
		if epoch == 0 {
			q.RebalanceTimeoutMillis, q.Topics = 1000, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		}
		r, err := q.RequestWith(ctx, cl)
		if err != nil || r.ErrorCode != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		epoch = r.MemberEpoch
	}
	shows := func(expression string, names ...string) {
		t.Helper()
		q := kmsg.NewPtrConsumerGroupDescribeRequest()
		q.Groups = []string{"readers"}
		r, err := q.RequestWith(ctx, cl)
		if err != nil || len(r.Groups) != 1 || len(r.Groups[0].Members) != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		got := ""
		if text := r.Groups[0].Members[0].SubscribedTopicRegex; text != nil {
			got = *text
		}
		if got != expression || !slices.Equal(r.Groups[0].Members[0].SubscribedTopics, names) {
			t.Errorf("%q and %q are shown, want %q and %q", got, r.Groups[0].Members[0].SubscribedTopics, expression, names)
		}
	}
	beat([]string{"orders"}, kmsg.StringPtr("ord.*"))
	shows("ord.*", "orders")
	beat([]string{"orders", "orders.new"}, nil)
	shows("ord.*", "orders", "orders.new")
	beat(nil, nil)
	shows("ord.*", "orders", "orders.new")
	beat(nil, kmsg.StringPtr(""))
	shows("", "orders", "orders.new")
}

// TestRecordsOfNoTransaction: records that say they are part of a transaction, in
// a request that names none, are nobody's.
func TestRecordsOfNoTransaction(t *testing.T) {
	e := start(t, 1)
	batch := kmsg.NewRecordBatch()
	batch.Magic, batch.Attributes, batch.ProducerID = 2, 1<<4, 1
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks = 12, 1
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 3, Records: batch.AppendTo(nil)}}}}
	resp, err := link(t, e).Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.Partition != 3 || p.ErrorCode != kerr.TransactionalIDAuthorizationFailed.Code {
		t.Errorf("%+v", p)
	}
	req.Acks = 0
	closes(t, e, kmsg.NewRequestFormatter().AppendRequest(nil, req, 7))
}

// FuzzServedKeys drives the body of every served key into the engine, which
// must live.
func FuzzServedKeys(f *testing.F) {
	e := start(f, 1)
	for key := range int16(93) {
		if req := kmsg.RequestForKey(key); req != nil {
			for version := range req.MaxVersion() + 1 {
				req.SetVersion(version)
				f.Add(key, version, req.AppendTo(nil))
			}
		}
	}
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		l := link(t, e)
		_ = l.SetDeadline(time.Now().Add(50 * time.Millisecond)) // the answer is not awaited for long: some requests wait
		frame := binary.BigEndian.AppendUint16(nil, uint16(key))
		frame = binary.BigEndian.AppendUint16(frame, uint16(version))
		frame = append(binary.BigEndian.AppendUint32(frame, 7), 0xff, 0xff)
		if kafka.Flexible(key, version) {
			frame = append(frame, 0)
		}
		frame = append(frame, body...)
		sent := append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
		if _, err := l.Write(sent); err == nil {
			_, _ = l.Read(make([]byte, 1024))
		}
		l.Close()
		alive(t, e)
	})
}
