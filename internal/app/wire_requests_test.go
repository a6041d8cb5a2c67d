package app

import "github.com/twmb/franz-go/pkg/kmsg"

// Requests as the tables of names and ids want them.

func produceOf(version int16, transaction *string, names ...string) *kmsg.ProduceRequest {
	return requested(kmsg.NewPtrProduceRequest(), version, func(q *kmsg.ProduceRequest) {
		q.Acks, q.TimeoutMillis, q.TransactionID = -1, 1000, transaction
		q.Topics = eachOf(names, func(name string) kmsg.ProduceRequestTopic {
			return kmsg.ProduceRequestTopic{Topic: name, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("x")}}}
		})
	})
}

func commitOf(version int16, group string, names ...string) *kmsg.OffsetCommitRequest {
	return requested(kmsg.NewPtrOffsetCommitRequest(), version, func(q *kmsg.OffsetCommitRequest) {
		q.Group, q.Generation = group, -1
		q.Topics = eachOf(names, func(name string) kmsg.OffsetCommitRequestTopic {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Offset = 1
			return kmsg.OffsetCommitRequestTopic{Topic: name, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}
		})
	})
}

// offsetsOf asks for the same topics of each group; before version 8 of the first.
func offsetsOf(version int16, groups []string, names ...string) *kmsg.OffsetFetchRequest {
	return requested(kmsg.NewPtrOffsetFetchRequest(), version, func(q *kmsg.OffsetFetchRequest) {
		q.Group = groups[0]
		q.Topics = eachOf(names, func(name string) kmsg.OffsetFetchRequestTopic {
			return kmsg.OffsetFetchRequestTopic{Topic: name, Partitions: []int32{0}}
		})
		q.Groups = eachOf(groups, func(group string) kmsg.OffsetFetchRequestGroup {
			g := kmsg.NewOffsetFetchRequestGroup()
			g.Group = group
			g.Topics = eachOf(names, func(name string) kmsg.OffsetFetchRequestGroupTopic {
				return kmsg.OffsetFetchRequestGroupTopic{Topic: name, Partitions: []int32{0}}
			})
			return g
		})
	})
}

// deleteOf names topics by name, in every version.
func deleteOf(version int16, names ...string) *kmsg.DeleteTopicsRequest {
	return requested(kmsg.NewPtrDeleteTopicsRequest(), version, func(q *kmsg.DeleteTopicsRequest) {
		q.TimeoutMillis, q.TopicNames = 1000, names
		q.Topics = eachOf(names, func(name string) kmsg.DeleteTopicsRequestTopic { return kmsg.DeleteTopicsRequestTopic{Topic: &name} })
	})
}

func deleteOffsets(version int16, group string, names ...string) *kmsg.OffsetDeleteRequest {
	return requested(kmsg.NewPtrOffsetDeleteRequest(), version, func(q *kmsg.OffsetDeleteRequest) {
		q.Group = group
		q.Topics = eachOf(names, func(name string) kmsg.OffsetDeleteRequestTopic {
			return kmsg.OffsetDeleteRequestTopic{Topic: name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}
		})
	})
}

func heartbeatOf(version int16, group string, names ...string) *kmsg.ConsumerGroupHeartbeatRequest {
	return requested(kmsg.NewPtrConsumerGroupHeartbeatRequest(), version, func(q *kmsg.ConsumerGroupHeartbeatRequest) {
		q.Group, q.MemberID, q.SubscribedTopicNames, q.RebalanceTimeoutMillis = group, "member-of-the-wire-1", names, 10_000
	})
}

func addPartitions(version int16, transaction string, names ...string) *kmsg.AddPartitionsToTxnRequest {
	return requested(kmsg.NewPtrAddPartitionsToTxnRequest(), version, func(q *kmsg.AddPartitionsToTxnRequest) {
		q.TransactionalID = transaction
		q.Topics = eachOf(names, func(name string) kmsg.AddPartitionsToTxnRequestTopic {
			return kmsg.AddPartitionsToTxnRequestTopic{Topic: name, Partitions: []int32{0}}
		})
	})
}

func addOffsets(version int16, transaction, group string) *kmsg.AddOffsetsToTxnRequest {
	return requested(kmsg.NewPtrAddOffsetsToTxnRequest(), version, func(q *kmsg.AddOffsetsToTxnRequest) {
		q.TransactionalID, q.Group = transaction, group
	})
}

func txnCommitOf(version int16, transaction, group string, names ...string) *kmsg.TxnOffsetCommitRequest {
	return requested(kmsg.NewPtrTxnOffsetCommitRequest(), version, func(q *kmsg.TxnOffsetCommitRequest) {
		q.TransactionalID, q.Group, q.Generation = transaction, group, -1
		q.Topics = eachOf(names, func(name string) kmsg.TxnOffsetCommitRequestTopic {
			p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			p.Offset = 1
			return kmsg.TxnOffsetCommitRequestTopic{Topic: name, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}}
		})
	})
}

func endTxn(version int16, transaction string, producer int64, epoch int16, commit bool) *kmsg.EndTxnRequest {
	return requested(kmsg.NewPtrEndTxnRequest(), version, func(q *kmsg.EndTxnRequest) {
		q.TransactionalID, q.ProducerID, q.ProducerEpoch, q.Commit = transaction, producer, epoch, commit
	})
}

func findCoordinator(kind int8) func(int16, []string) kmsg.Request {
	return func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrFindCoordinatorRequest(), version, func(q *kmsg.FindCoordinatorRequest) {
			q.CoordinatorType, q.CoordinatorKey, q.CoordinatorKeys = kind, names[0], names
		})
	}
}

func describeConfigs(kind kmsg.ConfigResourceType) func(int16, []string) kmsg.Request {
	return func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrDescribeConfigsRequest(), version, func(q *kmsg.DescribeConfigsRequest) {
			q.Resources = eachOf(names, func(name string) kmsg.DescribeConfigsRequestResource {
				return kmsg.DescribeConfigsRequestResource{ResourceType: kind, ResourceName: name}
			})
		})
	}
}

func alterConfigs(kind kmsg.ConfigResourceType) func(int16, []string) kmsg.Request {
	return func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrAlterConfigsRequest(), version, func(q *kmsg.AlterConfigsRequest) {
			q.Resources = eachOf(names, func(name string) kmsg.AlterConfigsRequestResource {
				return kmsg.AlterConfigsRequestResource{ResourceType: kind, ResourceName: name}
			})
		})
	}
}

func incrementalConfigs(kind kmsg.ConfigResourceType) func(int16, []string) kmsg.Request {
	return func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrIncrementalAlterConfigsRequest(), version, func(q *kmsg.IncrementalAlterConfigsRequest) {
			q.Resources = eachOf(names, func(name string) kmsg.IncrementalAlterConfigsRequestResource {
				return kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kind, ResourceName: name}
			})
		})
	}
}

// shareMember is the id of a member of a share group, which is a UUID.
const shareMember = "TBE0gH2nQZm1r8x4wZJ5xw"

func shareHeartbeat(version int16, group string, names ...string) *kmsg.ShareGroupHeartbeatRequest {
	return requested(kmsg.NewPtrShareGroupHeartbeatRequest(), version, func(q *kmsg.ShareGroupHeartbeatRequest) {
		q.GroupID, q.MemberID, q.SubscribedTopicNames = group, shareMember, names
	})
}

// shareFetch begins a share session with topics by id.
func shareFetch(version int16, group string, ids ...[16]byte) *kmsg.ShareFetchRequest {
	return requested(kmsg.NewPtrShareFetchRequest(), version, func(q *kmsg.ShareFetchRequest) {
		q.GroupID, q.MemberID, q.MinBytes, q.MaxBytes = &group, kmsg.StringPtr(shareMember), 0, 1<<20
		for _, id := range ids {
			q.Topics = append(q.Topics, kmsg.ShareFetchRequestTopic{TopicID: id, Partitions: []kmsg.ShareFetchRequestTopicPartition{{PartitionMaxBytes: 1 << 20}}})
		}
	})
}

func shareOffsets(version int16, groups []string, names ...string) *kmsg.DescribeShareGroupOffsetsRequest {
	return requested(kmsg.NewPtrDescribeShareGroupOffsetsRequest(), version, func(q *kmsg.DescribeShareGroupOffsetsRequest) {
		q.Groups = eachOf(groups, func(group string) kmsg.DescribeShareGroupOffsetsRequestGroup {
			topics := eachOf(names, func(name string) kmsg.DescribeShareGroupOffsetsRequestGroupTopic {
				return kmsg.DescribeShareGroupOffsetsRequestGroupTopic{Topic: name, Partitions: []int32{0}}
			})
			return kmsg.DescribeShareGroupOffsetsRequestGroup{GroupID: group, Topics: topics}
		})
	})
}

func alterShareOffsets(version int16, group string, names ...string) *kmsg.AlterShareGroupOffsetsRequest {
	return requested(kmsg.NewPtrAlterShareGroupOffsetsRequest(), version, func(q *kmsg.AlterShareGroupOffsetsRequest) {
		q.GroupID = group
		q.Topics = eachOf(names, func(name string) kmsg.AlterShareGroupOffsetsRequestTopic {
			return kmsg.AlterShareGroupOffsetsRequestTopic{Topic: name, Partitions: []kmsg.AlterShareGroupOffsetsRequestTopicPartition{{}}}
		})
	})
}

func deleteShareOffsets(version int16, group string, names ...string) *kmsg.DeleteShareGroupOffsetsRequest {
	return requested(kmsg.NewPtrDeleteShareGroupOffsetsRequest(), version, func(q *kmsg.DeleteShareGroupOffsetsRequest) {
		q.GroupID = group
		q.Topics = eachOf(names, func(name string) kmsg.DeleteShareGroupOffsetsRequestTopic {
			return kmsg.DeleteShareGroupOffsetsRequestTopic{Topic: name}
		})
	})
}
