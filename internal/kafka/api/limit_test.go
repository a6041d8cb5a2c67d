package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestMillionsOfItems is the attack of a frame that is full of topics, of
// partitions or of forgotten ones: each costs more memory than its bytes.
func TestMillionsOfItems(t *testing.T) {
	topics := func(n int) *kmsg.ProduceRequest {
		return &kmsg.ProduceRequest{Topics: make([]kmsg.ProduceRequestTopic, n)}
	}
	partitions := func(n int) *kmsg.ProduceRequest {
		return &kmsg.ProduceRequest{Topics: []kmsg.ProduceRequestTopic{{Partitions: make([]kmsg.ProduceRequestTopicPartition, n-1)}}}
	}
	fetched := func(n int) *kmsg.FetchRequest {
		return &kmsg.FetchRequest{Topics: []kmsg.FetchRequestTopic{{Partitions: make([]kmsg.FetchRequestTopicPartition, n-1)}}}
	}
	forgotten := func(n int) *kmsg.FetchRequest {
		return &kmsg.FetchRequest{ForgottenTopics: []kmsg.FetchRequestForgottenTopic{{Partitions: make([]int32, n-1)}}}
	}
	for _, version := range []int16{7, 9, 13} {
		for n, wanted := range map[int]bool{mostItems: true, mostItems + 1: false} {
			for name, req := range map[string]kmsg.Request{"topics": topics(n), "partitions": partitions(n), "fetched": fetched(n), "forgotten": forgotten(n)} {
				req.SetVersion(version)
				var err error
				switch body := req.AppendTo(nil); req.(type) {
				case *kmsg.ProduceRequest:
					err = new(Produce).Read(version, body)
				case *kmsg.FetchRequest:
					err = new(Fetch).Read(version, body)
				}
				if (err == nil) != wanted {
					t.Errorf("%s %d, %d items: %v", name, version, n, err)
				}
			}
		}
	}
}
