package gateway

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// shareSession is what a member of a share group has asked for on its connection
// (KIP-932): the broker remembers the partitions, and later requests name changes
// only. A connection has one, the last that it opened.
type shareSession struct {
	group, member string
	open          bool
	topics        map[[16]byte]*sharedTopic
	partitions    int // of all topics
}

// sharedTopic is a topic of a session.
type sharedTopic struct {
	partitions map[int32]int32 // each with the bytes that were asked for
	behind     bool            // the broker's session has it too
}

// lastOfSession is the epoch of a request that acknowledges and ends its session; 0
// begins one, as in Fetch.
const lastOfSession = -1

// keptPartitions bounds a session.
const keptPartitions = 1 << 16

func (s *shareSession) begin(group, member string) {
	*s = shareSession{group: group, member: member, open: true, topics: map[[16]byte]*sharedTopic{}}
}

func (s *shareSession) end() { *s = shareSession{} }

func (s *shareSession) is(group, member string) bool {
	return s.open && s.group == group && s.member == member
}

// follow does to the session what the broker does to its own, first adding, then
// forgetting (ShareSession.update), and reports whether there is room.
func (s *shareSession) follow(q *kmsg.ShareFetchRequest) bool {
	for _, t := range q.Topics {
		for _, p := range t.Partitions {
			s.add(t.TopicID, p.Partition, p.PartitionMaxBytes)
		}
		if s.partitions > keptPartitions {
			return false
		}
	}
	for _, t := range q.ForgottenTopicsData {
		for _, p := range t.Partitions {
			s.forget(t.TopicID, p)
		}
	}
	return true
}

func (s *shareSession) add(id [16]byte, partition, maxBytes int32) {
	t, ok := s.topics[id]
	if !ok {
		t = &sharedTopic{partitions: map[int32]int32{}}
		s.topics[id] = t
	}
	if _, ok := t.partitions[partition]; !ok {
		s.partitions++
	}
	t.partitions[partition] = maxBytes
}

func (s *shareSession) forget(id [16]byte, partition int32) {
	t, ok := s.topics[id]
	if !ok {
		return
	}
	if _, ok := t.partitions[partition]; ok {
		delete(t.partitions, partition)
		s.partitions--
	}
	if len(t.partitions) == 0 {
		delete(s.topics, id)
	}
}

// reconcile completes a request, of which what is refused was cut, so that the
// broker's session has the topics that are allowed and no others.
func (s *shareSession) reconcile(q *kmsg.ShareFetchRequest, refused map[[16]byte]*refusal) {
	named := map[[16]byte]map[int32]bool{}
	for _, t := range q.Topics {
		if named[t.TopicID] == nil {
			named[t.TopicID] = map[int32]bool{}
		}
		for _, p := range t.Partitions {
			named[t.TopicID][p.Partition] = true
		}
	}
	for id, t := range s.topics {
		allowed := refused[id] == nil
		switch {
		case allowed && !t.behind:
			t.ask(q, id, named[id])
		case !allowed && t.behind:
			q.ForgottenTopicsData = append(q.ForgottenTopicsData, kmsg.ShareFetchRequestForgottenTopicsData{TopicID: id, Partitions: t.numbers()})
		}
		t.behind = allowed
	}
}

// ask adds those of the topic's partitions that the request does not name.
func (t *sharedTopic) ask(q *kmsg.ShareFetchRequest, id [16]byte, named map[int32]bool) {
	more := kmsg.ShareFetchRequestTopic{TopicID: id}
	for _, n := range t.numbers() {
		if !named[n] {
			more.Partitions = append(more.Partitions, kmsg.ShareFetchRequestTopicPartition{Partition: n, PartitionMaxBytes: t.partitions[n]})
		}
	}
	if len(more.Partitions) > 0 {
		q.Topics = append(q.Topics, more)
	}
}

func (t *sharedTopic) numbers() []int32 { return slices.Sorted(maps.Keys(t.partitions)) }

// errors is what stands in the answer for the topics that are refused: an error at
// each partition of the session and of the request, for its acknowledgements too.
func (s *shareSession) errors(topics []kmsg.ShareFetchRequestTopic, refused map[[16]byte]*refusal) (list []kmsg.ShareFetchResponseTopic) {
	found := map[[16]byte]map[int32]bool{} // by partition whether anything is acknowledged
	find := func(id [16]byte, partition int32, acknowledged bool) {
		if refused[id] == nil {
			return
		}
		if found[id] == nil {
			found[id] = map[int32]bool{}
		}
		found[id][partition] = found[id][partition] || acknowledged
	}
	for id, t := range s.topics {
		for n := range t.partitions {
			find(id, n, false)
		}
	}
	for _, t := range topics {
		for _, p := range t.Partitions {
			find(t.TopicID, p.Partition, len(p.AcknowledgementBatches) > 0)
		}
	}
	for id, partitions := range found {
		list = append(list, shareErrors(id, partitions, *refused[id]))
	}
	return list
}

func shareErrors(id [16]byte, partitions map[int32]bool, no refusal) kmsg.ShareFetchResponseTopic {
	t := kmsg.ShareFetchResponseTopic{TopicID: id}
	for _, n := range slices.Sorted(maps.Keys(partitions)) {
		p := errorFor[kmsg.ShareFetchResponseTopicPartition](&kmsg.ShareFetchRequestTopicPartition{Partition: n}, no)
		if partitions[n] {
			p.AcknowledgeErrorCode, p.AcknowledgeErrorMessage = p.ErrorCode, p.ErrorMessage
		}
		t.Partitions = append(t.Partitions, p)
	}
	return t
}
