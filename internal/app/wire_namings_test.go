package app

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The requests that name topics, groups or transactional ids. What a request
// needs beside them is called orders, for which pool-owner has every right.

func initProducer(version int16, id *string) *kmsg.InitProducerIDRequest {
	q := kmsg.NewPtrInitProducerIDRequest()
	q.Version, q.TransactionalID, q.TransactionTimeoutMillis, q.ProducerID, q.ProducerEpoch = version, id, 60_000, -1, -1
	return q
}

// each makes an item of a request of each name.
func eachOf[T any](names []string, item func(string) T) []T {
	list := []T{}
	for _, name := range names {
		list = append(list, item(name))
	}
	return list
}

// requested sets the version of a new request and fills it.
func requested[Q kmsg.Request](q Q, version int16, fill func(Q)) Q {
	q.SetVersion(version)
	fill(q)
	return q
}

var topicNamings = []naming{
	{key: 0, code: 29, last: 12, about: func(version int16, names []string) kmsg.Request { return produceOf(version, nil, names...) }},
	{key: 1, code: 29, last: 12, about: func(version int16, names []string) kmsg.Request { return fetchOf(version, 0, names...) }},
	{key: 2, code: 29, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrListOffsetsRequest(), version, func(q *kmsg.ListOffsetsRequest) {
			q.ReplicaID = -1
			q.Topics = eachOf(names, func(name string) kmsg.ListOffsetsRequestTopic {
				p := kmsg.NewListOffsetsRequestTopicPartition()
				p.Timestamp, p.MaxNumOffsets = -1, 1
				return kmsg.ListOffsetsRequestTopic{Topic: name, Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}}
			})
		})
	}},
	{key: 8, code: 29, last: 9, about: func(version int16, names []string) kmsg.Request { return commitOf(version, "orders-g", names...) }},
	{key: 9, code: 29, last: 9, about: func(version int16, names []string) kmsg.Request {
		return offsetsOf(version, []string{"orders-g"}, names...)
	}},
	{key: 19, code: 29, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrCreateTopicsRequest(), version, func(q *kmsg.CreateTopicsRequest) {
			q.TimeoutMillis, q.ValidateOnly = 1000, true
			q.Topics = eachOf(names, func(name string) kmsg.CreateTopicsRequestTopic {
				return kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 1, ReplicationFactor: 1}
			})
		})
	}},
	{key: 20, code: 29, about: func(version int16, names []string) kmsg.Request { return deleteOf(version, names...) }},
	{key: 21, code: 29, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrDeleteRecordsRequest(), version, func(q *kmsg.DeleteRecordsRequest) {
			q.Topics = eachOf(names, func(name string) kmsg.DeleteRecordsRequestTopic {
				return kmsg.DeleteRecordsRequestTopic{Topic: name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{}}}
			})
		})
	}},
	{key: 23, code: 29, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrOffsetForLeaderEpochRequest(), version, func(q *kmsg.OffsetForLeaderEpochRequest) {
			q.ReplicaID = -1
			q.Topics = eachOf(names, func(name string) kmsg.OffsetForLeaderEpochRequestTopic {
				return kmsg.OffsetForLeaderEpochRequestTopic{Topic: name, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{kmsg.NewOffsetForLeaderEpochRequestTopicPartition()}}
			})
		})
	}},
	{key: 24, code: 29, many: oneForAll, about: func(version int16, names []string) kmsg.Request { return addPartitions(version, "orders-tx", names...) }},
	{key: 28, code: 29, last: 5, about: func(version int16, names []string) kmsg.Request {
		return txnCommitOf(version, "orders-tx", "orders-g", names...)
	}},
	{key: 32, code: 29, about: describeConfigs(kmsg.ConfigResourceTypeTopic)},
	{key: 33, code: 29, about: alterConfigs(kmsg.ConfigResourceTypeTopic)},
	{key: 37, code: 29, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrCreatePartitionsRequest(), version, func(q *kmsg.CreatePartitionsRequest) {
			q.Topics = eachOf(names, func(name string) kmsg.CreatePartitionsRequestTopic {
				return kmsg.CreatePartitionsRequestTopic{Topic: name, Count: 9}
			})
		})
	}},
	{key: 44, code: 29, about: incrementalConfigs(kmsg.ConfigResourceTypeTopic)},
	{key: 47, code: 29, about: func(version int16, names []string) kmsg.Request { return deleteOffsets(version, "orders-g", names...) }},
	{key: 61, code: 29, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrDescribeProducersRequest(), version, func(q *kmsg.DescribeProducersRequest) {
			q.Topics = eachOf(names, func(name string) kmsg.DescribeProducersRequestTopic {
				return kmsg.DescribeProducersRequestTopic{Topic: name, Partitions: []int32{0}}
			})
		})
	}},
	{key: 68, code: 29, many: oneForAll, about: func(version int16, names []string) kmsg.Request { return heartbeatOf(version, "orders-g", names...) }},
	{key: 75, code: 29, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrDescribeTopicPartitionsRequest(), version, func(q *kmsg.DescribeTopicPartitionsRequest) {
			q.ResponsePartitionLimit = 100
			q.Topics = eachOf(names, func(name string) kmsg.DescribeTopicPartitionsRequestTopic {
				return kmsg.DescribeTopicPartitionsRequestTopic{Topic: name}
			})
		})
	}},
	{key: 76, code: 29, many: oneForAll, about: func(version int16, names []string) kmsg.Request { return shareHeartbeat(version, "orders-s", names...) }},
	{key: 90, code: 29, about: func(version int16, names []string) kmsg.Request {
		return shareOffsets(version, []string{"orders-s"}, names...)
	}},
	{key: 91, code: 29, about: func(version int16, names []string) kmsg.Request {
		return alterShareOffsets(version, "orders-s", names...)
	}},
	{key: 92, code: 29, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return deleteShareOffsets(version, "orders-s", names...)
	}},
}

var groupNamings = []naming{
	{key: 8, code: 30, last: 9, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return commitOf(version, names[0], "orders") }},
	{key: 9, code: 30, last: 9, many: 8, about: func(version int16, names []string) kmsg.Request { return offsetsOf(version, names, "orders") }},
	{key: 10, code: 30, many: 4, about: findCoordinator(0)},
	{key: 11, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrJoinGroupRequest(), version, func(q *kmsg.JoinGroupRequest) {
			q.Group, q.ProtocolType, q.SessionTimeoutMillis, q.RebalanceTimeoutMillis = names[0], "consumer", 10_000, 10_000
			q.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		})
	}},
	{key: 12, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrHeartbeatRequest(), version, func(q *kmsg.HeartbeatRequest) { q.Group, q.MemberID = names[0], "m" })
	}},
	{key: 13, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrLeaveGroupRequest(), version, func(q *kmsg.LeaveGroupRequest) {
			q.Group, q.MemberID = names[0], "m"
			q.Members = []kmsg.LeaveGroupRequestMember{{MemberID: "m"}}
		})
	}},
	{key: 14, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrSyncGroupRequest(), version, func(q *kmsg.SyncGroupRequest) { q.Group, q.MemberID = names[0], "m" })
	}},
	{key: 15, code: 30, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrDescribeGroupsRequest(), version, func(q *kmsg.DescribeGroupsRequest) {
			q.Groups, q.IncludeAuthorizedOperations = names, true
		})
	}},
	{key: 25, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return addOffsets(version, "orders-tx", names[0]) }},
	{key: 28, code: 30, last: 5, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return txnCommitOf(version, "orders-tx", names[0], "orders")
	}},
	{key: 32, code: 30, many: onlyOne, about: describeConfigs(kmsg.ConfigResourceTypeGroupConfig)},
	{key: 33, code: 30, many: onlyOne, about: alterConfigs(kmsg.ConfigResourceTypeGroupConfig)},
	{key: 42, code: 30, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrDeleteGroupsRequest(), version, func(q *kmsg.DeleteGroupsRequest) { q.Groups = names })
	}},
	{key: 44, code: 30, many: onlyOne, about: incrementalConfigs(kmsg.ConfigResourceTypeGroupConfig)},
	{key: 47, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return deleteOffsets(version, names[0], "orders") }},
	{key: 68, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return heartbeatOf(version, names[0], "orders") }},
	{key: 69, code: 30, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrConsumerGroupDescribeRequest(), version, func(q *kmsg.ConsumerGroupDescribeRequest) {
			q.Groups, q.IncludeAuthorizedOperations = names, true
		})
	}},
	{key: 76, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return shareHeartbeat(version, names[0], "orders") }},
	{key: 77, code: 30, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrShareGroupDescribeRequest(), version, func(q *kmsg.ShareGroupDescribeRequest) {
			q.GroupIDs, q.IncludeAuthorizedOperations = names, true
		})
	}},
	{key: 78, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return shareFetch(version, names[0]) }},
	{key: 79, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrShareAcknowledgeRequest(), version, func(q *kmsg.ShareAcknowledgeRequest) { q.GroupID, q.MemberID = &names[0], kmsg.StringPtr(shareMember) })
	}},
	{key: 90, code: 30, about: func(version int16, names []string) kmsg.Request { return shareOffsets(version, names, "orders") }},
	{key: 91, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return alterShareOffsets(version, names[0], "orders")
	}},
	{key: 92, code: 30, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return deleteShareOffsets(version, names[0], "orders")
	}},
}

var transactionNamings = []naming{
	{key: 0, code: 53, last: 12, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return produceOf(version, &names[0], "orders") }},
	{key: 10, code: 53, first: 1, many: 4, about: findCoordinator(1)},
	{key: 22, code: 53, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return initProducer(version, &names[0]) }},
	{key: 24, code: 53, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return addPartitions(version, names[0], "orders") }},
	{key: 25, code: 53, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return addOffsets(version, names[0], "orders-g") }},
	{key: 26, code: 53, many: onlyOne, about: func(version int16, names []string) kmsg.Request { return endTxn(version, names[0], 1, 0, true) }},
	{key: 28, code: 53, last: 5, many: onlyOne, about: func(version int16, names []string) kmsg.Request {
		return txnCommitOf(version, names[0], "orders-g", "orders")
	}},
	{key: 65, code: 53, about: func(version int16, names []string) kmsg.Request {
		return requested(kmsg.NewPtrDescribeTransactionsRequest(), version, func(q *kmsg.DescribeTransactionsRequest) { q.TransactionalIDs = names })
	}},
}
