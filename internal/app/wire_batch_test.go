package app

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// producer is what a batch says of who wrote it.
type producer struct {
	id            int64
	epoch         int16
	sequence      int32
	transactional bool
}

var nobody = producer{id: -1, epoch: -1, sequence: -1}

// batchBy is a batch of one record, as magic 2 has it (KIP-98).
func batchBy(p producer, value string) []byte {
	r := kmsg.NewRecord()
	r.Value = []byte(value)
	r.Length = int32(len(r.AppendTo(nil)) - 1) // its own length takes one byte
	b := kmsg.NewRecordBatch()
	b.PartitionLeaderEpoch, b.Magic, b.NumRecords = -1, 2, 1
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = p.id, p.epoch, p.sequence
	if p.transactional {
		b.Attributes = 1 << 4
	}
	b.Records = r.AppendTo(nil)
	const head, crc = 12, 17 // offset and length; where the checksum is
	bytes := b.AppendTo(nil)
	binary.BigEndian.PutUint32(bytes[8:], uint32(len(bytes)-head))
	binary.BigEndian.PutUint32(bytes[crc:], crc32.Checksum(bytes[crc+4:], crc32.MakeTable(crc32.Castagnoli)))
	return bytes
}

// produce writes a record past the gateway.
func (h *house) produce(t *testing.T, topic string) {
	t.Helper()
	q := produceOf(9, nil, topic)
	q.Topics[0].Partitions[0].Records = batchBy(nobody, "x")
	if r := behind[*kmsg.ProduceResponse](h, q); r.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("%+v", r)
	}
}
