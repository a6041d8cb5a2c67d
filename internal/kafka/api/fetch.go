package api

import (
	"encoding/binary"
)

// Fetch is what decides about a Fetch request, found without allocating: Read
// reuses the value. It refers to the body by position and keeps no part of it.
type Fetch struct {
	// ReplicaID is -1 for a consumer; up to version 14 it is the first field,
	// from 15 on the tagged ReplicaState, whose absence means -1 (KIP-903).
	ReplicaID    int32
	SessionID    int32 // from FetchSessions on
	SessionEpoch int32
	Topics       []Topic
	Unknown      bool // as in Produce

	session int // where id and epoch stand; 0 when the version has none
}

// Versions that Fetch.Read knows, the first with sessions (KIP-227), the first
// whose answers have tagged fields, and the first that names topics by id.
const (
	FetchMin      = 4
	FetchMax      = 18
	FetchSessions = 7
	FetchTags     = 12
	FetchIDs      = 13
)

// Read reads the body of a Fetch request, as strictly as Produce.Read
// (kafka.protocol, FetchRequest.json).
func (f *Fetch) Read(version int16, body []byte) error {
	flexible, ids := version >= 12, version >= FetchIDs
	r := request(body)
	r.bad = version < FetchMin || version > FetchMax
	*f = Fetch{ReplicaID: -1, SessionEpoch: -1, Topics: f.Topics[:0]}

	if version < 15 {
		f.ReplicaID = r.int32()
	}
	r.skip(4 + 4 + 4 + 1) // max wait, min bytes, max bytes, isolation level
	if version >= FetchSessions {
		f.session = r.at
		f.SessionID, f.SessionEpoch = r.int32(), r.int32()
	}
	partition := fetchPartition(version)
	for i, n := 0, r.array(flexible, false, 3); i < n && !r.bad; i++ {
		f.Topics = append(f.Topics, r.topic(flexible, ids))
		m := r.array(flexible, false, partition)
		r.count(m)
		for j := 0; j < m && !r.bad; j++ {
			r.skip(partition)
			r.fetchPartitionTags(version)
		}
		r.end482(flexible)
	}
	if version >= FetchSessions { // forgotten topics
		for i, n := 0, r.array(flexible, false, 3); i < n && !r.bad; i++ {
			r.topic(flexible, ids)
			m := r.array(flexible, false, 4)
			r.count(m)
			r.skip(4 * m)
			r.end482(flexible)
		}
	}
	if version >= 11 {
		r.text(flexible, false, false) // rack
	}
	if flexible {
		f.readTags(&r, version)
	}
	f.Unknown = r.unknown
	return r.end("a Fetch request")
}

// fetchPartition is the size of a partition without its tags.
func fetchPartition(version int16) int {
	n := 4 + 8 + 4 // partition, offset, max bytes
	if version >= 5 {
		n += 8 // log start offset
	}
	if version >= 9 {
		n += 4 // current leader epoch
	}
	if version >= 12 {
		n += 4 // last fetched epoch
	}
	return n
}

// fetchPartitionTags reads the tags of a partition: 0 is the replica's
// directory, 1 its high watermark, each of one size.
func (r *reader) fetchPartitionTags(version int16) {
	if version < 12 {
		return
	}
	directory, watermark := r.twoTags()
	if directory.key == 0 && directory.val.len() != 16 || watermark.key == 1 && watermark.val.len() != 8 {
		r.bad = true
	}
}

// readTags reads the tags at the end: 0 is the cluster id, 1 the replica state.
func (f *Fetch) readTags(r *reader, version int16) {
	cluster, replica := r.twoTags()
	if cluster.key == 0 && !r.bad {
		in := request(cluster.val.of(r.b))
		in.text(true, false, true)
		r.bad = in.end("") != nil
	}
	if replica.key != 1 || r.bad {
		return
	}
	in := reader{b: replica.val.of(r.b)}
	id := in.int32()
	in.skip(8) // epoch
	in.end482(true)
	r.unknown = r.unknown || in.unknown
	if in.end("") != nil {
		r.bad = true
		return
	}
	// A state in a version that has none is no state for Kafka, but nobody who
	// sends one is a consumer.
	if version >= 15 || id != -1 {
		f.ReplicaID = id
	}
}

func (s span) len() int { return int(s.to - s.from) }

// Session puts another session into the request that was read from body, in
// place. Versions without sessions have no place for it.
func (f *Fetch) Session(body []byte, id, epoch int32) {
	if f.session == 0 {
		return
	}
	binary.BigEndian.PutUint32(body[f.session:], uint32(id))
	binary.BigEndian.PutUint32(body[f.session+4:], uint32(epoch))
}
