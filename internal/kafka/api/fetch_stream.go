package api

import "github.com/klammhq/klamm/internal/fault"

// FetchStream takes brokers' addresses out of a Fetch answer while it streams.
// An answer with tagged fields (from version 12 on) may end in one that names
// new leaders with their hosts (NodeEndpoints, KIP-951), long after its length
// was sent. So the length stays: the field becomes one of the same size that
// nobody knows, which clients step over (KIP-482), and its bytes become zero.
//
// Everything in an answer is a number of variable length, or bytes whose
// length is fixed or was said by the number before them; so the state is which
// number comes next. The zero value with a Version is ready, and after End it
// is ready for the next answer. It allocates nothing and holds no byte.
type FetchStream struct {
	Version int16

	at     fetchNumber
	begun  bool
	skip   int  // bytes to pass over before the number; steps add to it
	blank  bool // and to make zero
	number uint64
	shift  uint

	// How many are still to come. Tags are those of an aborted transaction, a
	// partition, a topic or the answer.
	topics, partitions, aborted, tags int
	of                                fetchTags
}

// fetchNumber is a number of variable length in FetchResponse.json.
type fetchNumber uint8

const (
	headerTags fetchNumber = iota // of the response header, version 1
	topicCount
	topicName // its length, in version 12
	partitionCount
	abortedCount
	recordBytes
	tagCount
	tagNumber
	tagBytes
	nothing // the answer is over
)

type fetchTags uint8

const (
	abortedTags fetchTags = iota
	partitionTags
	topicTags
	answerTags
)

const (
	endpointsTag = 0    // NodeEndpoints
	unknownTag   = 0x7f // takes its place
)

// Edit changes the next bytes of an answer in place; the first are those of
// its correlation id. The error is Malformed: what follows cannot be
// understood, so that nothing more may reach the client.
func (s *FetchStream) Edit(b []byte) error {
	if !s.begun {
		s.begun, s.skip = true, 4 // correlation id
	}
	for i := 0; i < len(b); {
		if s.skip > 0 {
			n := min(s.skip, len(b)-i)
			if s.blank {
				clear(b[i : i+n])
			}
			s.skip, i = s.skip-n, i+n
			continue
		}
		if s.at == nothing {
			return s.bad("bytes after its end")
		}
		if s.at == headerTags && b[i] != 0 {
			return s.bad("fields in its header")
		}
		if s.at == tagNumber && s.of == answerTags {
			if b[i] != endpointsTag {
				return s.bad("a field that is not known")
			}
			b[i] = unknownTag
		}
		s.number |= uint64(b[i]&0x7f) << s.shift
		if b[i]&0x80 == 0 {
			n := s.number
			s.number, s.shift = 0, 0
			if n > maxFetchNumber {
				return s.bad("a number that is too large")
			}
			s.read(int(n))
		} else if s.shift += 7; s.shift > 28 {
			return s.bad("a number of more than 5 bytes")
		}
		i++
	}
	return nil
}

// maxFetchNumber is larger than any number of an answer that Kafka can send.
const maxFetchNumber = 1 << 31

// read takes a number and moves on to the next one.
func (s *FetchStream) read(n int) {
	switch s.at {
	case headerTags:
		s.at, s.skip = topicCount, 4+2+4 // throttle time, error, session id
	case topicCount:
		s.topics = n - 1
		s.topic()
	case topicName:
		s.skip, s.at = n-1, partitionCount
	case partitionCount:
		s.partitions = n - 1
		s.partition()
	case abortedCount:
		s.aborted = n - 1
		s.abort()
	case recordBytes:
		s.skip = max(n-1, 0)
		s.fields(partitionTags)
	case tagCount:
		s.tags = n
		s.tag()
	case tagNumber:
		s.at = tagBytes
	case tagBytes:
		s.skip, s.blank = n, s.of == answerTags
		s.tags--
		s.tag()
	}
}

// topic begins the next topic, or ends the answer.
func (s *FetchStream) topic() {
	switch {
	case s.topics <= 0:
		s.fields(answerTags)
	case s.Version >= FetchIDs:
		s.at = partitionCount
		s.skip += 16
	default:
		s.at = topicName
	}
	s.topics--
}

// partition begins the next partition: index, error, high watermark, last
// stable offset, log start offset.
func (s *FetchStream) partition() {
	if s.partitions <= 0 {
		s.fields(topicTags)
	} else {
		s.at = abortedCount
		s.skip += 4 + 2 + 8 + 8 + 8
	}
	s.partitions--
}

// abort begins the next aborted transaction (producer id, first offset), or
// goes on to the preferred replica and the records.
func (s *FetchStream) abort() {
	if s.aborted <= 0 {
		s.at = recordBytes
		s.skip += 4
	} else {
		s.fields(abortedTags)
		s.skip += 8 + 8
	}
	s.aborted--
}

func (s *FetchStream) fields(of fetchTags) { s.at, s.of = tagCount, of }

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

// End is asked after the last byte; the error is Malformed.
func (s *FetchStream) End() error {
	if s.at != nothing || s.skip > 0 {
		return s.bad("an early end")
	}
	*s = FetchStream{Version: s.Version}
	return nil
}

func (s *FetchStream) bad(what string) error {
	return fault.New(fault.Malformed, "the answer to a Fetch has %s", what)
}
