package app

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// pages asks for all topics in pages of one partition, and gives topic and
// partition of each; between two pages it calls turned with the cursor.
func (h *tapped) pages(t *testing.T, who string, turned func(cursor string)) (seen []string) {
	t.Helper()
	q := kmsg.NewPtrDescribeTopicPartitionsRequest()
	q.ResponsePartitionLimit = 1
	for range 20 {
		r := h.client0(who).must(t, q).(*kmsg.DescribeTopicPartitionsResponse)
		for _, topic := range r.Topics {
			if topic.ErrorCode != 0 || (topic.TopicID == [16]byte{}) {
				t.Errorf("%s: %+v", who, topic)
			}
			for _, p := range topic.Partitions {
				seen = append(seen, fmt.Sprint(*topic.Topic, " ", p.Partition))
			}
		}
		if r.NextCursor == nil {
			return seen
		}
		q.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: r.NextCursor.Topic, Partition: r.NextCursor.Partition}
		turned(r.NextCursor.Topic)
	}
	t.Fatalf("%s: no end after %q", who, seen)
	return nil
}

// TestWirePages: who pages through all topics sees what may be described, each
// partition once, and no cursor that names another topic
// (DescribeTopicPartitionsRequestHandler).
func TestWirePages(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	h.make(t, "a-hidden")
	h.make(t, "orders.zz")
	mine := []string{"orders 0", "orders 1", "orders.eu 0", "orders.zz 0"}
	for who, want := range map[string][]string{
		"owner": mine, "reader": mine, "idle": nil, "maker": nil, "only": mine[:2], "admin": append(append([]string{"a-hidden 0"}, mine...), "secret 0"),
	} {
		seen := h.pages(t, who, func(cursor string) {
			if !slices.ContainsFunc(want, func(w string) bool { return w[:len(w)-2] == cursor }) {
				t.Errorf("%s: a cursor at %q", who, cursor)
			}
		})
		if !slices.Equal(seen, want) {
			t.Errorf("%s: %q, expected %q", who, seen, want)
		}
	}
}

// TestWirePages_TopicGone: a page that would begin with a topic which was deleted
// since begins with the next one, as in Kafka, where all topics are asked for
// (DescribeTopicPartitionsRequestHandler: the cursor need not be in an empty list).
func TestWirePages_TopicGone(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	h.make(t, "orders.mm")
	h.make(t, "orders.zz")
	seen := h.pages(t, "owner", func(cursor string) {
		if cursor == "orders.mm" {
			behind[*kmsg.DeleteTopicsResponse](h.house, deleteOf(6, cursor))
		}
	})
	if !slices.Equal(seen, []string{"orders 0", "orders 1", "orders.eu 0", "orders.zz 0"}) {
		t.Errorf("%q", seen)
	}
}
