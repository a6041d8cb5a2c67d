package api

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchAnswer is an answer with everything in it that a version has.
func fetchAnswer(version int16, endpoints int) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version, resp.ThrottleMillis, resp.SessionID = version, 300, 1<<30
	for i := range 3 {
		topic := kmsg.NewFetchResponseTopic()
		if version < FetchIDs {
			topic.Topic = fmt.Sprintf("topic-%d-%s", i, bytes.Repeat([]byte("x"), 100*i))
		}
		topic.TopicID[0] = byte(i)
		for j := range i * 2 {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.HighWatermark = int32(j), int64(j)
			p.RecordBatches = bytes.Repeat([]byte{0xff}, 1000*j)
			for range j {
				p.AbortedTransactions = append(p.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: 1 << 40})
			}
			p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = 2, 300
			topic.Partitions = append(topic.Partitions, p)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	for i := range endpoints {
		b := kmsg.NewFetchResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = int32(i), "127.77.0.9", 9999, kmsg.StringPtr("rack-upstream")
		resp.Brokers = append(resp.Brokers, b)
	}
	return resp
}

// onTheWire is the answer with its header.
func onTheWire(resp *kmsg.FetchResponse) []byte {
	return resp.AppendTo(headOf(resp.Version))
}

func headOf(version int16) []byte {
	if version < FetchTags {
		return []byte{0, 0, 0, 7}
	}
	return []byte{0, 0, 0, 7, 0}
}

func TestFetchStream(t *testing.T) {
	for version := int16(FetchMin); version <= FetchMax; version++ {
		stream := NewFetchStream(version, 29)
		for _, endpoints := range []int{0, 1, 40, 0} {
			if version < FetchTags {
				endpoints = 0
			}
			resp := fetchAnswer(version, endpoints)
			denied := endpoints == 40 || version%2 == 1
			if denied {
				resp.Topics[2].Partitions[1].ErrorCode = 29
			}
			whole := onTheWire(resp)
			for _, chunk := range []int{1, 2, 3, 7, 100, len(whole)} {
				b := bytes.Clone(whole)
				for at := 0; at < len(b); at += chunk {
					if err := stream.Edit(b[at:min(at+chunk, len(b))]); err != nil {
						t.Fatalf("version %d, %d endpoints, chunks of %d: %v", version, endpoints, chunk, err)
					}
				}
				if seen, err := stream.End(); err != nil || seen != denied {
					t.Fatalf("version %d, %d endpoints, chunks of %d: error seen %v, %v", version, endpoints, chunk, seen, err)
				}
				if len(b) != len(whole) || bytes.Contains(b, []byte("127.77")) || bytes.Contains(b, []byte("rack")) || bytes.Contains(b, []byte{0x27, 0x0f}) {
					t.Fatalf("version %d: an address is left", version)
				}
				if endpoints == 0 && !bytes.Equal(b, whole) {
					t.Errorf("version %d: an answer without endpoints was changed", version)
				}
				got := kmsg.NewPtrFetchResponse()
				got.Version = version
				if err := got.ReadFrom(b[len(headOf(version)):]); err != nil {
					t.Fatal(err)
				}
				if got.UnknownTags.Len() != min(endpoints, 1) || len(got.Brokers) != 0 {
					t.Errorf("version %d: %d brokers, %d unknown fields", version, len(got.Brokers), got.UnknownTags.Len())
				}
				got.UnknownTags, got.Brokers = resp.UnknownTags, resp.Brokers
				if !bytes.Equal(onTheWire(got), whole) {
					t.Errorf("version %d: more than the endpoints was changed", version)
				}
			}
		}
	}
}

// TestFetchStreamUnknown has fields that nobody knows wherever one may be but at
// the end of the answer, where they are refused.
func TestFetchStreamUnknown(t *testing.T) {
	for version := int16(FetchTags); version <= FetchMax; version++ {
		resp := fetchAnswer(version, 0)
		secret := func(tags *kmsg.Tags) { tags.Set(100, []byte("at 127.77.0.9")) }
		for i := range resp.Topics {
			secret(&resp.Topics[i].UnknownTags)
			for j := range resp.Topics[i].Partitions {
				p := &resp.Topics[i].Partitions[j]
				secret(&p.UnknownTags)
				for k := range p.AbortedTransactions {
					secret(&p.AbortedTransactions[k].UnknownTags)
				}
			}
		}
		b := onTheWire(resp)
		want := bytes.ReplaceAll(b, []byte("at 127.77.0.9"), make([]byte, 13))
		for _, chunk := range []int{1, 5, len(b)} {
			s, got := NewFetchStream(version), bytes.Clone(b)
			for at := 0; at < len(b); at += chunk {
				if err := s.Edit(got[at:min(at+chunk, len(b))]); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.End(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("version %d, chunks of %d: %v, or more or less than the unknown fields was changed", version, chunk, err)
			}
		}
	}
}

func TestFetchStreamRefuses(t *testing.T) {
	for _, version := range []int16{FetchMin, 5, 7, 11, 12, 13, 16} {
		whole := onTheWire(fetchAnswer(version, 0))
		for n := range len(whole) {
			s := NewFetchStream(version)
			if err := s.Edit(bytes.Clone(whole[:n])); err != nil {
				continue
			}
			if _, err := s.End(); err == nil {
				t.Fatalf("version %d: an answer cut after %d of %d bytes is whole", version, n, len(whole))
			}
		}
	}
	empty := kmsg.NewPtrFetchResponse()
	empty.Version = 16
	plain := onTheWire(empty)
	for name, b := range map[string][]byte{
		"bytes after its end":     append(bytes.Clone(plain), 0),
		"a field in the header":   {0, 0, 0, 7, 1, 0, 0},
		"an unknown field":        append(bytes.Clone(plain[:len(plain)-1]), 1, 5, 0),
		"a long number":           append(bytes.Clone(plain[:len(plain)-2]), 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
		"a long tag":              append(bytes.Clone(plain[:len(plain)-1]), 1, 0x80, 0x00, 0),
		"a number above 2^31":     append(bytes.Clone(plain[:len(plain)-2]), 0xff, 0xff, 0xff, 0xff, 0x0f),
		"twice the same endpoint": append(bytes.Clone(plain[:len(plain)-1]), 2, 0, 0, 1, 0),
	} {
		s := NewFetchStream(16)
		if err := s.Edit(b); err == nil {
			if _, err = s.End(); err == nil {
				t.Errorf("%s is taken", name)
			}
		}
	}
}

// FuzzFetchStream: what passes is what kmsg reads too, without brokers, and of
// the same length.
func FuzzFetchStream(f *testing.F) {
	for version := int16(FetchMin); version <= FetchMax; version++ {
		f.Add(version, onTheWire(fetchAnswer(version, 2)), 3)
		f.Add(version, onTheWire(fetchAnswer(version, 0)), 100)
	}
	f.Fuzz(func(t *testing.T, version int16, b []byte, chunk int) {
		if version < FetchMin || version > FetchMax || chunk < 1 {
			return
		}
		s := NewFetchStream(version)
		for at := 0; at < len(b); at += chunk {
			if s.Edit(b[at:min(at+chunk, len(b))]) != nil {
				return
			}
		}
		if _, err := s.End(); err != nil {
			return
		}
		resp := kmsg.NewPtrFetchResponse()
		resp.Version = version
		if err := resp.ReadFrom(b[len(headOf(version)):]); err == nil && len(resp.Brokers) > 0 {
			t.Fatalf("%d brokers passed", len(resp.Brokers))
		}
	})
}

func BenchmarkFetchStream(b *testing.B) {
	whole := onTheWire(fetchAnswer(15, 0))
	s := NewFetchStream(15, 29)
	b.SetBytes(int64(len(whole)))
	b.ReportAllocs()
	for b.Loop() {
		if s.Edit(whole) != nil {
			b.Fatal("refused")
		}
		if _, err := s.End(); err != nil {
			b.Fatal(err)
		}
	}
}
