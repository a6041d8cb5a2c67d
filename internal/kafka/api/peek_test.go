package api

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// seen is what both ways of reading must agree on.
type seen struct {
	acks          int16
	transactional bool
	id            string
	replica       int32
	session       int32
	epoch         int32
	names         []string
	ids           [][16]byte
}

func (s *seen) topics(topics []Topic, body []byte) {
	for _, t := range topics {
		s.names, s.ids = append(s.names, string(t.Name(body))), append(s.ids, t.ID)
	}
}

func peekProduce(version int16, body []byte) (s seen, err error) {
	var p Produce
	if err = p.Read(version, body); err != nil {
		return s, err
	}
	id, ok := p.TransactionalID(body)
	s.acks, s.transactional, s.id = p.Acks, ok, string(id)
	s.topics(p.Topics, body)
	return s, nil
}

func decodeProduce(version int16, body []byte) (s seen, err error) {
	req := &kmsg.ProduceRequest{Version: version}
	if err = req.ReadFrom(body); err != nil {
		return s, err
	}
	s.acks, s.transactional = req.Acks, req.TransactionID != nil
	if s.transactional {
		s.id = *req.TransactionID
	}
	for _, t := range req.Topics {
		s.names, s.ids = append(s.names, t.Topic), append(s.ids, t.TopicID)
	}
	return s, nil
}

func peekFetch(version int16, body []byte) (s seen, err error) {
	var f Fetch
	if err = f.Read(version, body); err != nil {
		return s, err
	}
	s.replica, s.session, s.epoch = f.ReplicaID, f.SessionID, f.SessionEpoch
	s.topics(f.Topics, body)
	return s, nil
}

func decodeFetch(version int16, body []byte) (s seen, err error) {
	req := &kmsg.FetchRequest{Version: version}
	if err = req.ReadFrom(body); err != nil {
		return s, err
	}
	s.replica, s.session, s.epoch = req.ReplicaID, req.SessionID, req.SessionEpoch
	if version >= 15 || req.ReplicaState.ID != -1 {
		s.replica = req.ReplicaState.ID
	}
	if version < 7 {
		s.session, s.epoch = 0, -1
	}
	for _, t := range req.Topics {
		s.names, s.ids = append(s.names, t.Topic), append(s.ids, t.TopicID)
	}
	return s, nil
}

// agree wants peek to see what kmsg sees, and to refuse what kmsg refuses and
// what does not have the shape of the request.
func agree(t *testing.T, s *shape, version int16, body []byte, peek, decode func(int16, []byte) (seen, error)) {
	t.Helper()
	p, err := peek(version, body)
	r := request(body)
	if shaped := s.check(version, &r, "request"); (err == nil) != (shaped == nil) {
		t.Fatalf("version %d: peek says %v, the shape says %v\n%x", version, err, shaped, body)
	}
	if err != nil {
		return
	}
	d, err := decode(version, body)
	if err != nil {
		t.Fatalf("version %d: peek accepts what kmsg refuses: %v\n%x", version, err, body)
	}
	if !reflect.DeepEqual(p, d) {
		t.Fatalf("version %d: peek sees %+v, kmsg sees %+v\n%x", version, p, d, body)
	}
}

func FuzzPeekProduce(f *testing.F) {
	fuzzPeek(f, requestShapes()[0], ProduceMin, ProduceMax, peekProduce, decodeProduce)
}

func FuzzPeekFetch(f *testing.F) {
	fuzzPeek(f, requestShapes()[1], FetchMin, FetchMax, peekFetch, decodeFetch)
}

func fuzzPeek(f *testing.F, s *shape, from, to int16, peek, decode func(int16, []byte) (seen, error)) {
	for version := from; version <= to; version++ {
		body, _, _ := spell(s, version, -1, nil)
		f.Add(version, body)
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if version >= from && version <= to {
			agree(t, s, version, body, peek, decode)
		}
	})
}

func sampleProduce(version int16) []byte {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TransactionID = version, -1, kmsg.StringPtr("tx-1")
	topic := kmsg.ProduceRequestTopic{Topic: "orders", TopicID: [16]byte{1, 2, 3}}
	topic.Partitions = []kmsg.ProduceRequestTopicPartition{{Partition: 1, Records: make([]byte, 1000)}, {Partition: 2}}
	req.Topics = append(req.Topics, topic)
	return req.AppendTo(nil)
}

func sampleFetch(version int16) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.SessionID, req.SessionEpoch, req.Rack = version, 7, 3, "r"
	topic := kmsg.FetchRequestTopic{Topic: "orders", TopicID: [16]byte{1, 2, 3}}
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition = 1
	topic.Partitions = append(topic.Partitions, p, p)
	req.Topics = append(req.Topics, topic)
	forgotten := kmsg.FetchRequestForgottenTopic{Topic: "old", Partitions: []int32{1, 2}}
	req.ForgottenTopics = append(req.ForgottenTopics, forgotten)
	return req.AppendTo(nil)
}

func TestPeekReadsWhatKmsgWrites(t *testing.T) {
	all := requestShapes()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		for version := int16(ProduceMin); version <= ProduceMax; version++ {
			req := kmsg.NewPtrProduceRequest()
			fill(rng, reflect.ValueOf(req).Elem())
			req.Version = version
			body := req.AppendTo(nil)
			if _, err := peekProduce(version, body); err != nil {
				t.Fatalf("Produce %d: %v", version, err)
			}
			agree(t, all[0], version, body, peekProduce, decodeProduce)
		}
		for version := int16(FetchMin); version <= FetchMax; version++ {
			req := kmsg.NewPtrFetchRequest()
			fill(rng, reflect.ValueOf(req).Elem())
			req.Version = version
			body := req.AppendTo(nil)
			if _, err := peekFetch(version, body); err != nil {
				t.Fatalf("Fetch %d: %v", version, err)
			}
			agree(t, all[1], version, body, peekFetch, decodeFetch)
		}
	}
}

func TestPeekRefuses(t *testing.T) {
	produce, fetch := sampleProduce(9), sampleFetch(15)
	cut := func(b []byte, tail ...byte) []byte { return append(append([]byte(nil), b[:len(b)-1]...), tail...) }
	for name, c := range map[string]struct {
		version int16
		body    []byte
		peek    func(int16, []byte) (seen, error)
	}{
		"a byte after the end":      {9, append(produce, 0), peekProduce},
		"a duplicate tag":           {9, cut(produce, 2, 5, 0, 5, 0), peekProduce},
		"unsorted tags":             {9, cut(produce, 2, 6, 0, 5, 0), peekProduce},
		"a long varint":             {9, cut(produce, 0x80, 0x00), peekProduce},
		"a varint of 35 bits":       {9, cut(produce, 0xff, 0xff, 0xff, 0xff, 0x1f), peekProduce},
		"four billion tags":         {9, cut(produce, 0xff, 0xff, 0xff, 0xff, 0x0f), peekProduce},
		"a tag beyond the end":      {9, cut(produce, 1, 5, 9), peekProduce},
		"a null list of topics":     {3, []byte{0xff, 0xff, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, peekProduce},
		"a version before ours":     {2, produce, peekProduce},
		"a version after ours":      {14, produce, peekProduce},
		"a replica state of a byte": {15, cut(fetch, 1, 1, 1, 0), peekFetch},
		"a negative string length":  {3, []byte{0xff, 0xfe, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0}, peekProduce},
	} {
		if s, err := c.peek(c.version, c.body); err == nil {
			t.Errorf("%s is accepted: %+v", name, s)
		}
	}
}

func TestReplicaState(t *testing.T) {
	for _, version := range []int16{4, 11, 12, 14, 15, 18} {
		for _, id := range []int32{-1, 3, -3} {
			req := kmsg.NewPtrFetchRequest()
			req.Version, req.ReplicaID, req.ReplicaState.ID = version, -1, -1
			if version < 15 {
				req.ReplicaID = id
			} else {
				req.ReplicaState.ID = id
			}
			s, err := peekFetch(version, req.AppendTo(nil))
			if err != nil || s.replica != id {
				t.Errorf("version %d: replica %d, %v, want %d", version, s.replica, err, id)
			}
		}
	}
	// Hidden in the tag of a version whose first field says -1.
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID, req.ReplicaState.ID = 14, -1, -3
	if s, err := peekFetch(14, req.AppendTo(nil)); err != nil || s.replica != -3 {
		t.Errorf("replica %d, %v, want -3", s.replica, err)
	}
}

func TestSession(t *testing.T) {
	for version := int16(FetchMin); version <= FetchMax; version++ {
		body := sampleFetch(version)
		var f Fetch
		if err := f.Read(version, body); err != nil {
			t.Fatal(err)
		}
		f.Session(body, 0, -1)
		req := &kmsg.FetchRequest{Version: version}
		if err := req.ReadFrom(body); err != nil || req.SessionID != 0 || req.SessionEpoch != -1 {
			t.Errorf("version %d: session %d/%d, %v", version, req.SessionID, req.SessionEpoch, err)
		}
	}
}

func TestPlainProduceAnswer(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for version := int16(ProduceMin); version <= ProduceMax; version++ {
		for range 100 {
			resp := kmsg.NewPtrProduceResponse()
			fill(rng, reflect.ValueOf(resp).Elem())
			resp.Version = version
			for i := range resp.Topics {
				for j := range resp.Topics[i].Partitions {
					resp.Topics[i].Partitions[j].ErrorCode *= int16(rng.IntN(2) * rng.IntN(2))
				}
			}
			want := version < 9 || len(resp.Brokers) == 0
			for _, topic := range resp.Topics {
				for _, p := range topic.Partitions {
					if p.ErrorCode != 0 || version >= 8 && (p.ErrorMessage != nil || len(p.ErrorRecords) > 0) {
						want = false
					}
				}
			}
			body := resp.AppendTo(nil)
			if got := PlainProduceAnswer(version, body); got != want && version >= 10 || got && !want {
				t.Fatalf("version %d: plain %v, want %v", version, got, want)
			}
			if PlainProduceAnswer(version, append(body, 0)) {
				t.Fatalf("version %d: plain with a byte after the end", version)
			}
		}
	}
}

// TestPlainProduceAnswerUnknown puts a field that nobody knows into each
// structure of an answer that is plain without it.
func TestPlainProduceAnswerUnknown(t *testing.T) {
	for version := int16(9); version <= ProduceMax; version++ {
		resp := kmsg.NewPtrProduceResponse()
		resp.Version = version
		resp.Topics = []kmsg.ProduceResponseTopic{{Partitions: make([]kmsg.ProduceResponseTopicPartition, 1)}}
		topic := &resp.Topics[0]
		partition := &topic.Partitions[0]
		if !PlainProduceAnswer(version, resp.AppendTo(nil)) {
			t.Fatalf("version %d: not plain", version)
		}
		for i, tags := range []*kmsg.Tags{&resp.UnknownTags, &topic.UnknownTags, &partition.UnknownTags, &partition.CurrentLeader.UnknownTags} {
			tags.Set(100, []byte(canaryHost))
			if PlainProduceAnswer(version, resp.AppendTo(nil)) {
				t.Errorf("version %d: plain with a field that nobody knows, level %d", version, i)
			}
			*tags = kmsg.Tags{}
		}
	}
}

func BenchmarkPeekProduce(b *testing.B) {
	body := sampleProduce(11)
	var p Produce
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Read(11, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPeekFetch(b *testing.B) {
	body := sampleFetch(15)
	var f Fetch
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Read(15, body); err != nil {
			b.Fatal(err)
		}
	}
}
