package api

import (
	"slices"

	"github.com/klammhq/klamm/internal/fault"
)

// FetchStream reads a Fetch answer while it streams to a client.
//
// It takes brokers' addresses out: an answer with tagged fields (from version
// 12 on) may end in one that names new leaders with their hosts (NodeEndpoints,
// KIP-951), long after its length was sent. So the length stays: the field
// becomes one of the same size that nobody knows, which clients step over
// (KIP-482), and its bytes become zero. So do those of a field that nobody knows
// in a topic or a partition. And it tells the session that the answer belongs to,
// and which errors the broker gave for partitions.
//
// Everything in an answer is a number, or bytes whose length is fixed or was
// said by the number before them; so the state is which number comes next. The
// value of [NewFetchStream] is ready, and after End it is ready for the next
// answer. It allocates nothing and holds no byte.
type FetchStream struct {
	// Began is told the error at the top and the session's id, 0 for none, before
	// the bytes that say so are given back (from FetchSessions on). It may be nil.
	Began func(code int16, session int32)

	version int16
	watched []int16 // error codes
	code    int16   // at the top

	at     fetchNumber
	begun  bool
	blank  int // bytes to make zero before the number
	skip   int // bytes to pass over then; steps add to it
	number uint64
	have   uint // bits of it that were read

	// How many are still to come. Tags are those of an aborted transaction, a
	// partition, a topic or the answer.
	topics, partitions, aborted, tags int
	of                                fetchTags
	known                             bool // the field that a tag stands for
	seen                              bool // one of the watched errors
}

// NewFetchStream makes the reader of a version's answers, from FetchMin to
// FetchMax, that watches for error codes of partitions.
func NewFetchStream(version int16, watched ...int16) *FetchStream {
	return &FetchStream{version: version, watched: watched}
}

// fetchNumber is a number in FetchResponse.json.
type fetchNumber uint8

const (
	headerTags fetchNumber = iota // of the response header, version 1
	topError
	sessionID
	topicCount
	topicName // its length, up to version 12
	partitionCount
	errorCode
	abortedCount
	recordBytes
	tagCount
	tagNumber
	tagBytes
	nothing // the answer is over
)

// fixed reports whether a number is never of variable length.
func (n fetchNumber) fixed() bool { return n == topError || n == sessionID || n == errorCode }

// fixedBytes is how many bytes a number has that is not of variable length.
var fixedBytes = [...]uint{topError: 2, sessionID: 4, topicCount: 4, topicName: 2, partitionCount: 4, errorCode: 2, abortedCount: 4, recordBytes: 4, nothing: 0}

type fetchTags uint8

const (
	abortedTags fetchTags = iota
	partitionTags
	topicTags
	answerTags
)

const (
	endpointsTag     = 0    // NodeEndpoints
	unknownTag       = 0x7f // takes its place
	lastPartitionTag = 2    // DivergingEpoch, CurrentLeader, SnapshotId
)

func (s *FetchStream) flexible() bool { return s.version >= FetchTags }

// Edit changes the next bytes of an answer in place; the first are those of
// its correlation id. The error is Malformed: what follows cannot be
// understood, so that nothing more may reach the client.
func (s *FetchStream) Edit(b []byte) error {
	if !s.begun {
		s.begin()
	}
	for i := 0; i < len(b); {
		switch {
		case s.blank > 0:
			n := min(s.blank, len(b)-i)
			clear(b[i : i+n])
			s.blank, i = s.blank-n, i+n
			continue
		case s.skip > 0:
			n := min(s.skip, len(b)-i)
			s.skip, i = s.skip-n, i+n
			continue
		case s.at == nothing:
			return s.bad("bytes after its end")
		case s.at == headerTags && b[i] != 0:
			return s.bad("fields in its header")
		case s.at == tagNumber && s.of == answerTags:
			if b[i] != endpointsTag {
				return s.bad("a field that is not known")
			}
			b[i] = unknownTag
		}
		if err := s.take(b[i]); err != nil {
			return err
		}
		i++
	}
	return nil
}

// begin passes over the correlation id, and goes to the first number.
func (s *FetchStream) begin() {
	s.begun, s.skip = true, 4
	if !s.flexible() {
		s.head()
	}
}

// take adds a byte to the number and reads it when it is whole.
func (s *FetchStream) take(b byte) error {
	if s.flexible() && !s.at.fixed() {
		s.number |= uint64(b&0x7f) << s.have
		if s.have += 7; b&0x80 != 0 {
			if s.have > 28 {
				return s.bad("a number of more than 5 bytes")
			}
			return nil
		}
	} else {
		s.number = s.number<<8 | uint64(b)
		if s.have += 8; s.have < 8*fixedBytes[s.at] {
			return nil
		}
	}
	n, ok := s.value()
	if !ok {
		return s.bad("a number that is too large")
	}
	s.number, s.have = 0, 0
	s.read(n)
	return nil
}

// value is the number as it is meant: -1 for null, where lengths and counts of
// variable length are one more than they mean (KIP-482).
func (s *FetchStream) value() (int, bool) {
	switch s.at {
	case topError, errorCode:
		return int(int16(s.number)), true
	case sessionID:
		return int(int32(s.number)), true
	}
	if !s.flexible() {
		if bits := s.have; s.number == 1<<bits-1 {
			return -1, true
		}
		return int(s.number), s.number < 1<<31
	}
	switch s.at {
	case headerTags, tagCount, tagNumber, tagBytes:
		return int(s.number), s.number < 1<<31
	}
	return int(s.number) - 1, s.number <= 1<<31
}

// read takes a number and moves on to the next one.
func (s *FetchStream) read(n int) {
	switch s.at {
	case headerTags:
		s.head()
	case topError:
		s.code = int16(n)
		s.at = sessionID
	case sessionID:
		if s.Began != nil {
			s.Began(s.code, int32(n))
		}
		s.at = topicCount
	case topicCount:
		s.topics = n
		s.topic()
	case topicName:
		s.skip += max(n, 0)
		s.at = partitionCount
	case partitionCount:
		s.partitions = n
		s.partition()
	case errorCode:
		s.seen = s.seen || slices.Contains(s.watched, int16(n))
		s.at = abortedCount
		s.skip += 8 + 8 // high watermark, last stable offset
		if s.version >= 5 {
			s.skip += 8 // log start offset
		}
	case abortedCount:
		s.aborted = n
		if !s.flexible() { // nothing of variable length is between them
			s.skip += (8 + 8) * max(n, 0)
			s.aborted = 0
		}
		s.abort()
	case recordBytes:
		s.skip += max(n, 0)
		s.fields(partitionTags)
	case tagCount:
		s.tags = n
		s.tag()
	case tagNumber:
		s.known = s.of == partitionTags && n <= lastPartitionTag
		s.at = tagBytes
	case tagBytes:
		if s.known {
			s.skip += n
		} else {
			s.blank = n
		}
		s.tags--
		s.tag()
	}
}

// head passes over the throttle time.
func (s *FetchStream) head() {
	s.at = topicCount
	s.skip += 4
	if s.version >= FetchSessions {
		s.at = topError
	}
}

// topic begins the next topic, or ends the answer.
func (s *FetchStream) topic() {
	switch {
	case s.topics <= 0:
		s.fields(answerTags)
	case s.version >= FetchIDs:
		s.at = partitionCount
		s.skip += 16
	default:
		s.at = topicName
	}
	s.topics--
}

// partition begins the next partition with its index and error.
func (s *FetchStream) partition() {
	if s.partitions <= 0 {
		s.fields(topicTags)
	} else {
		s.at = errorCode
		s.skip += 4
	}
	s.partitions--
}

// abort begins the next aborted transaction (producer id, first offset), or
// goes on to the preferred replica and the records.
func (s *FetchStream) abort() {
	if s.aborted > 0 {
		s.aborted--
		s.skip += 8 + 8
		s.fields(abortedTags)
		return
	}
	s.at = recordBytes
	if s.version >= 11 {
		s.skip += 4
	}
}

// fields goes to tagged fields, or past them in versions that have none.
func (s *FetchStream) fields(of fetchTags) {
	s.at, s.of, s.tags = tagCount, of, 0
	if !s.flexible() {
		s.tag()
	}
}

// tag begins the next tagged field, or what follows the last of them.
func (s *FetchStream) tag() {
	if s.tags > 0 {
		s.at = tagNumber
		return
	}
	switch s.of {
	case abortedTags:
		s.abort()
	case partitionTags:
		s.partition()
	case topicTags:
		s.topic()
	case answerTags:
		s.at = nothing
	}
}

// End is asked after the last byte, and makes ready for the next answer. seen
// tells whether a partition had one of the watched errors; the error is
// Malformed.
func (s *FetchStream) End() (seen bool, err error) {
	if s.at != nothing || s.skip > 0 || s.blank > 0 {
		return false, s.bad("an early end")
	}
	seen = s.seen
	*s = FetchStream{Began: s.Began, version: s.version, watched: s.watched}
	return seen, nil
}

func (s *FetchStream) bad(what string) error {
	return fault.New(fault.Malformed, "the answer to a Fetch has %s", what)
}
