package upstream

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// How many topics are remembered, and for how long that an id means none. A
// client that makes up ids cannot fill the memory.
const (
	mostTopics  = 10_000
	mostUnknown = 1_000
	unknownFor  = time.Second
)

// topicNames remembers which topic an id stands for; that never changes, since
// a topic that is made again gets a new id.
type topicNames struct {
	names   map[[16]byte]string
	unknown map[[16]byte]time.Time // until when
}

// TopicName is the name of the topic with this id. A miss asks the cluster
// once, unless ctx has ended; a hit allocates nothing. The error is NotFound for
// an id of no topic, Unavailable, or ctx's.
func (c *Cluster) TopicName(ctx context.Context, id [16]byte) (string, error) {
	if name, known, err := c.recall(id); known {
		return name, err
	}
	return c.findTopic(ctx, id)
}

// recall is what is known of an id without asking.
func (c *Cluster) recall(id [16]byte) (name string, known bool, err error) {
	c.mu.Lock()
	name, known = c.topics.names[id]
	missing := time.Now().Before(c.topics.unknown[id])
	c.mu.Unlock()
	if !known && (missing || id == [16]byte{}) {
		return "", true, noTopic(id)
	}
	return name, known, nil
}

// findTopic is apart from TopicName because its closure moves id to the heap.
// Whoever comes just after another's question was answered finds the answer.
func (c *Cluster) findTopic(ctx context.Context, id [16]byte) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return once(ctx, c, "topic "+string(id[:]), func(ctx context.Context) (string, error) {
		if name, known, err := c.recall(id); known {
			return name, err
		}
		return c.askTopic(ctx, id)
	})
}

func noTopic(id [16]byte) error {
	return fault.New(fault.NotFound, "no topic has the id %s", hex.EncodeToString(id[:]))
}

func (c *Cluster) askTopic(ctx context.Context, id [16]byte) (string, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12 // the first that takes ids (KIP-516)
	topic := kmsg.NewMetadataRequestTopic()
	topic.TopicID = id
	req.Topics = []kmsg.MetadataRequestTopic{topic}
	answer, err := c.Request(ctx, Any, req)
	if err != nil {
		return "", err
	}
	name := ""
	for _, t := range answer.(*kmsg.MetadataResponse).Topics {
		if t.TopicID == id && t.Topic != nil { // whatever its state, the name is right
			name = *t.Topic
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == "" {
		remember(&c.topics.unknown, mostUnknown, id, time.Now().Add(unknownFor))
		return "", noTopic(id)
	}
	remember(&c.topics.names, mostTopics, id, name)
	return name, nil
}

// remember puts an entry into m, for an arbitrary other one when it is full.
func remember[V any](m *map[[16]byte]V, most int, id [16]byte, v V) {
	if *m == nil {
		*m = map[[16]byte]V{}
	}
	if len(*m) >= most {
		for other := range *m {
			delete(*m, other)
			break
		}
	}
	(*m)[id] = v
}
