package main

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// change mends a request that was filled, where it takes more than names for the
// cluster to look into it.
func (e *everyRequest) change(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		r.TransactionID, r.Acks, r.TimeoutMillis = nil, -1, 5000
		for p := range int32(partitions) {
			one := kmsg.NewProduceRequestTopicPartition()
			one.Partition, one.Records = p, recordBatch("everything")
			r.Topics[0].Partitions = append(r.Topics[0].Partitions[:p], one)
		}
	case *kmsg.FetchRequest:
		// Epoch 0 is that of the first leaders: every leader that came after them says so.
		r.ReplicaID, r.SessionEpoch, r.MaxBytes, r.ForgottenTopics = -1, -1, 1<<16, nil
		r.ClusterID = nil
		for p := range int32(partitions) {
			one := kmsg.NewFetchRequestTopicPartition()
			one.Partition, one.PartitionMaxBytes, one.CurrentLeaderEpoch = p, 1<<12, 0
			r.Topics[0].Partitions = append(r.Topics[0].Partitions[:p], one)
		}
	case *kmsg.JoinGroupRequest:
		// A member that stays, so that there is one to describe.
		r.SessionTimeoutMillis, r.RebalanceTimeoutMillis, r.InstanceID = 60_000, 60_000, nil
	case *kmsg.CreateTopicsRequest:
		r.Topics[0].Topic, r.Topics[0].ReplicaAssignment, r.Topics[0].Configs = e.made(), nil, nil
		r.Topics[0].NumPartitions, r.Topics[0].ReplicationFactor, r.ValidateOnly = 1, 3, true
	case *kmsg.DeleteTopicsRequest:
		r.TopicNames = []string{e.run + "-none"}
		r.Topics[0].Topic, r.Topics[0].TopicID = kmsg.StringPtr(e.run+"-none"), [16]byte{}
	case *kmsg.DeleteRecordsRequest:
		r.TimeoutMillis = 5000
		r.Topics[0].Partitions[0].Offset = 0 // which deletes nothing
	case *kmsg.CreatePartitionsRequest:
		r.ValidateOnly, r.Topics[0].Count, r.Topics[0].Assignment = true, partitions+1, nil
	case *kmsg.DescribeACLsRequest:
		r.ResourceType, r.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
		r.Operation, r.PermissionType, r.ResourceName = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny, nil
		r.Principal, r.Host = nil, nil
	case *kmsg.AlterConfigsRequest:
		r.ValidateOnly = true
		r.Resources[0].ResourceType, r.Resources[0].Configs[0].Name = kmsg.ConfigResourceTypeTopic, "retention.ms"
		r.Resources[0].Configs[0].Value = kmsg.StringPtr("86400000")
	case *kmsg.IncrementalAlterConfigsRequest:
		r.ValidateOnly = true
		r.Resources[0].ResourceType, r.Resources[0].Configs[0].Name = kmsg.ConfigResourceTypeTopic, "retention.ms"
		r.Resources[0].Configs[0].Value = kmsg.StringPtr("nonsense")
	case *kmsg.ElectLeadersRequest:
		r.TimeoutMillis = 5000
	case *kmsg.AlterPartitionAssignmentsRequest:
		r.TimeoutMillis = 5000
		r.Topics[0].Partitions[0].Replicas = []int32{9}
	case *kmsg.ListPartitionReassignmentsRequest:
		r.TimeoutMillis = 5000
	case *kmsg.DescribeClientQuotasRequest:
		r.Components[0].EntityType, r.Components[0].MatchType = "client-id", 2
		r.Components[0].Match = nil
	case *kmsg.AlterClientQuotasRequest:
		r.ValidateOnly = true
		r.Entries[0].Entity[0].Type, r.Entries[0].Entity[0].Name = "client-id", kmsg.StringPtr(e.run)
		r.Entries[0].Ops[0].Key, r.Entries[0].Ops[0].Value = "producer_byte_rate", 1e9
	case *kmsg.DescribeQuorumRequest:
		r.Topics[0].Topic = "__cluster_metadata"
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r.MemberID, r.RebalanceTimeoutMillis = fmt.Sprintf("%s-%d", e.run, e.n), 5000
		r.InstanceID, r.RackID, r.ServerAssignor, r.SubscribedTopicRegex = nil, nil, nil, nil
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	case *kmsg.ShareGroupHeartbeatRequest:
		r.GroupID, r.MemberID = e.run+"-share", shareMember
	case *kmsg.ShareFetchRequest:
		// A session of all partitions, of which each broker leads some.
		r.GroupID, r.MemberID, r.ShareSessionEpoch = kmsg.StringPtr(e.run+"-share"), kmsg.StringPtr(shareMember), 0
		r.MaxWaitMillis, r.MaxBytes, r.MaxRecords, r.BatchSize, r.ForgottenTopicsData = 500, 1<<16, 100, 100, nil
		for p := range int32(partitions) {
			one := kmsg.NewShareFetchRequestTopicPartition()
			one.Partition, one.PartitionMaxBytes = p, 1<<12
			r.Topics[0].Partitions = append(r.Topics[0].Partitions[:p], one)
		}
	case *kmsg.ShareAcknowledgeRequest:
		// Versions 1 and 2 come after the session's first request.
		r.GroupID, r.MemberID, r.ShareSessionEpoch = kmsg.StringPtr(e.run+"-share"), kmsg.StringPtr(shareMember), int32(r.Version)
		for p := range int32(partitions) {
			one := kmsg.NewShareAcknowledgeRequestTopicPartition()
			batch := kmsg.NewShareAcknowledgeRequestTopicPartitionAcknowledgementBatch()
			batch.AcknowledgeTypes = []int8{1}
			one.Partition, one.AcknowledgementBatches = p, append(one.AcknowledgementBatches, batch)
			r.Topics[0].Partitions = append(r.Topics[0].Partitions[:p], one)
		}
	case *kmsg.StreamsGroupHeartbeatRequest:
		r.MemberID, r.RebalanceTimeoutMillis, r.ProcessID = fmt.Sprintf("%s-%d", e.run, e.n), 5000, kmsg.StringPtr("process")
		r.InstanceID, r.RackID, r.TaskOffsets, r.TaskEndOffsets, r.ClientTags = nil, nil, nil, nil, nil
		r.ActiveTasks, r.StandbyTasks, r.WarmupTasks = []kmsg.TaskIDs{}, []kmsg.TaskIDs{}, []kmsg.TaskIDs{}
		part := kmsg.NewStreamsGroupHeartbeatRequestTopologySubtopology()
		part.SubtopologyID, part.SourceTopics = "0", []string{e.topic}
		r.Topology = &kmsg.StreamsGroupHeartbeatRequestTopology{Epoch: 1}
		r.Topology.Subtopologies = append(r.Topology.Subtopologies, part)
	case *kmsg.InitProducerIDRequest:
		r.TransactionTimeoutMillis = 5000
	}
}

// shareMember is a member's id in a share group: a UUID as Kafka writes it.
const shareMember = "AAAAAAAAQACAAAAAAAAAAQ"

// made is the name of a topic of its own.
func (e *everyRequest) made() string { return fmt.Sprintf("%s-topic-%d", e.run, e.n) }

// variants are further requests where one does not show all that there is.
func (e *everyRequest) variants(key int16) []func(kmsg.Request) {
	switch key {
	case 3:
		return []func(kmsg.Request){func(req kmsg.Request) { req.(*kmsg.MetadataRequest).Topics = nil }}
	case 10:
		return []func(kmsg.Request){func(req kmsg.Request) {
			r := req.(*kmsg.FindCoordinatorRequest)
			r.CoordinatorType, r.CoordinatorKey, r.CoordinatorKeys = 1, e.run, []string{e.run}
		}}
	case 15:
		return []func(kmsg.Request){func(req kmsg.Request) { req.(*kmsg.DescribeGroupsRequest).Groups = e.groups }}
	case 19:
		return []func(kmsg.Request){func(req kmsg.Request) {
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = e.made(), 1, 9 // refused, with words
			req.(*kmsg.CreateTopicsRequest).Topics = []kmsg.CreateTopicsRequestTopic{t}
		}}
	case 32:
		return []func(kmsg.Request){e.allConfigs}
	case 60:
		return []func(kmsg.Request){func(req kmsg.Request) { req.(*kmsg.DescribeClusterRequest).EndpointType = 2 }}
	case 69:
		return []func(kmsg.Request){func(req kmsg.Request) { req.(*kmsg.ConsumerGroupDescribeRequest).Groups = e.groups }}
	case 77:
		return []func(kmsg.Request){func(req kmsg.Request) { req.(*kmsg.ShareGroupDescribeRequest).GroupIDs = e.groups }}
	case 89:
		return []func(kmsg.Request){func(req kmsg.Request) { req.(*kmsg.StreamsGroupDescribeRequest).Groups = e.groups }}
	}
	return nil
}

// allConfigs asks for every configuration that there is, with its synonyms.
func (e *everyRequest) allConfigs(req kmsg.Request) {
	r := req.(*kmsg.DescribeConfigsRequest)
	r.IncludeSynonyms, r.IncludeDocumentation = true, true
	for _, of := range []struct {
		kind  kmsg.ConfigResourceType
		names []string
	}{
		{kmsg.ConfigResourceTypeBroker, []string{"", "1", "2", "3", "9"}},
		{kmsg.ConfigResourceTypeBrokerLogger, []string{"1", "2", "3"}},
		{kmsg.ConfigResourceTypeTopic, []string{e.topic, "__consumer_offsets"}},
		{kmsg.ConfigResourceTypeGroupConfig, e.groups},
		{kmsg.ConfigResourceTypeClientMetrics, []string{e.run}},
	} {
		for _, name := range of.names {
			one := kmsg.NewDescribeConfigsRequestResource()
			one.ResourceType, one.ResourceName = of.kind, name
			r.Resources = append(r.Resources, one)
		}
	}
}
