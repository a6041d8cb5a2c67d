package engine

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// checkOffsetFetch: to a broker, a group that nobody knows is one that has
// committed nothing (OffsetMetadataManager.fetchOffsets); kfake has an error for
// it, which clients that look before they consume do not expect.
func checkOffsetFetch(r kmsg.Request) checked {
	req := r.(*kmsg.OffsetFetchRequest)
	return checked{merge: func(resp kmsg.Response) {
		answer := resp.(*kmsg.OffsetFetchResponse)
		if req.Version < 8 { // one group; before version 2 its error is not in the answer
			if unknown := answer.ErrorCode == kerr.GroupIDNotFound.Code; unknown || req.Version < 2 && len(answer.Topics) == 0 {
				answer.ErrorCode, answer.Topics = 0, nothingCommitted(req.Topics)
			}
			return
		}
		for i := range answer.Groups {
			if g := &answer.Groups[i]; g.ErrorCode == kerr.GroupIDNotFound.Code && i < len(req.Groups) {
				g.ErrorCode, g.Topics = 0, nothingCommittedIn(req.Groups[i].Topics)
			}
		}
	}}
}

// nothingCommitted answers for each partition that it has no offset.
func nothingCommitted(asked []kmsg.OffsetFetchRequestTopic) (list []kmsg.OffsetFetchResponseTopic) {
	for _, t := range asked {
		answer := kmsg.NewOffsetFetchResponseTopic()
		answer.Topic = t.Topic
		for _, p := range t.Partitions {
			none := kmsg.NewOffsetFetchResponseTopicPartition()
			none.Partition, none.Offset = p, -1
			answer.Partitions = append(answer.Partitions, none)
		}
		list = append(list, answer)
	}
	return list
}

// nothingCommittedIn does so for one group of many (KIP-709).
func nothingCommittedIn(asked []kmsg.OffsetFetchRequestGroupTopic) (list []kmsg.OffsetFetchResponseGroupTopic) {
	for _, t := range asked {
		answer := kmsg.NewOffsetFetchResponseGroupTopic()
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			none := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			none.Partition, none.Offset = p, -1
			answer.Partitions = append(answer.Partitions, none)
		}
		list = append(list, answer)
	}
	return list
}
