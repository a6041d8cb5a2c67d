package gateway

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
)

// InitProducerId needs Write on the transactional id; without one it needs
// IdempotentWrite on the cluster or Write on any topic, so that a role for one
// topic is enough for producers as they are by default (KIP-679,
// KafkaApis.handleInitProducerIdRequest).
//
//   - v3 (KIP-360): the producer's id and epoch.
//   - v6 (KIP-939), two-phase commit, is not served, and kmsg does not know it.
func initProducerID(c *call, q *kmsg.InitProducerIDRequest) {
	if q.TransactionalID != nil {
		c.must(do(iam.Write, transactionalID(*q.TransactionalID)))
		return
	}
	c.must(do(iam.IdempotentWrite, iam.ClusterResource()), do(iam.Write, iam.Resource{Type: iam.Topic, Any: true}))
}

// initProducerID6 is the answer of that version to whoever asks for it although
// it was not offered: throttle time, error, producer and, as of v6, the producer
// of an open transaction, none each (InitProducerIdResponse.json).
func initProducerID6(f *kafka.Frame) []byte {
	const throttle, none, noEpoch, noTags = 0, 1<<64 - 1, 1<<16 - 1, 0
	b := binary.BigEndian.AppendUint32(kafka.ResponseHeader(nil, f.Key, f.Version, f.Correlation), throttle)
	b = binary.BigEndian.AppendUint16(b, uint16(unsupportedVersion))
	for range 2 {
		b = binary.BigEndian.AppendUint64(b, none)
		b = binary.BigEndian.AppendUint16(b, noEpoch)
	}
	return append(b, noTags)
}
