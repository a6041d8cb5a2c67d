package engine

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// neverPassed are keys that kfake knows and the front does not let through,
// with the reason.
var neverPassed = map[int16]string{
	17: "the engine authenticates nobody", 36: "the engine authenticates nobody",
	27: "between brokers only", 34: "between brokers only",
	50: "logins are the gateway's", 51: "logins are the gateway's",
	57: "features stay as they are",
}

// oldest raises the first version that the front passes: before version 4
// Metadata creates topics without being asked to.
var oldest = map[int16]int16{3: 4}

// checked is what a rule found: the request goes on when it was not changed
// and nothing is left to say.
type checked struct {
	changed bool                // the request must be encoded again
	answer  kmsg.Response       // answers here, nothing is forwarded
	merge   func(kmsg.Response) // adds to the answer what was refused here
}

// rules hold, per key, what kfake would not survive, or would do although no
// broker does.
var rules = map[int16]func(kmsg.Request) checked{
	0:  checkProduce,
	3:  checkMetadata,
	9:  checkOffsetFetch,
	11: checkJoinGroup,
	19: checkCreateTopics,
	22: checkInitProducerID,
	33: checkAlterConfigs,
	37: checkCreatePartitions,
	44: checkIncrementalAlterConfigs,
}

// checkProduce refuses records of a transaction in a request that names none:
// kfake would put them into the transaction of whoever has their producer id. A
// broker refuses it with TRANSACTIONAL_ID_AUTHORIZATION_FAILED
// (KafkaApis.handleProduceRequest).
func checkProduce(r kmsg.Request) checked {
	req := r.(*kmsg.ProduceRequest)
	if req.TransactionID != nil || !hasTransactional(req) {
		return checked{}
	}
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			refused := kmsg.NewProduceResponseTopicPartition()
			refused.Partition, refused.ErrorCode, refused.BaseOffset = p.Partition, kerr.TransactionalIDAuthorizationFailed.Code, -1
			answer.Partitions = append(answer.Partitions, refused)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return checked{answer: resp}
}

// hasTransactional reports whether a batch says that it is part of a transaction
// (RequestUtils.hasTransactionalRecords).
func hasTransactional(req *kmsg.ProduceRequest) bool {
	const magic, attributes, transactional = 16, 22, 1 << 4 // the low byte of the attributes
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			if b := p.Records; len(b) > attributes && b[magic] == 2 && b[attributes]&transactional != 0 {
				return true
			}
		}
	}
	return false
}

// checkMetadata takes out names that no topic can have, which kfake would create
// and else calls unknown, and puts Kafka's error for them into the answer.
func checkMetadata(r kmsg.Request) checked {
	req := r.(*kmsg.MetadataRequest)
	kept, refused := split(req.Topics, func(t kmsg.MetadataRequestTopic) *kmsg.MetadataResponseTopic {
		if t.Topic == nil || t.TopicID != [16]byte{} || topicNameProblem(*t.Topic) == "" {
			return nil
		}
		answer := kmsg.NewMetadataResponseTopic()
		answer.Topic, answer.ErrorCode = t.Topic, kerr.InvalidTopicException.Code
		return &answer
	})
	if len(refused) == 0 {
		return checked{}
	}
	req.Topics = kept // with none left the answer still has the brokers
	return checked{changed: true, merge: func(resp kmsg.Response) {
		answer := resp.(*kmsg.MetadataResponse)
		answer.Topics = append(answer.Topics, refused...)
	}}
}

// checkJoinGroup: a member without protocols, or with an empty or repeated
// one, makes kfake panic in the choice of the group's protocol. Kafka answers
// INCONSISTENT_GROUP_PROTOCOL.
func checkJoinGroup(r kmsg.Request) checked {
	req := r.(*kmsg.JoinGroupRequest)
	good := req.ProtocolType != "" && len(req.Protocols) > 0
	seen := map[string]bool{"": true}
	for _, p := range req.Protocols {
		good = good && !seen[p.Name]
		seen[p.Name] = true
	}
	if good {
		return checked{}
	}
	resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
	resp.ErrorCode, resp.Generation, resp.MemberID = kerr.InconsistentGroupProtocol.Code, -1, req.MemberID
	return checked{answer: resp}
}

// checkInitProducerID: kafkajs sends (0, 0) for "none"; a broker gives a new
// id to one it does not know, kfake refuses it.
func checkInitProducerID(r kmsg.Request) checked {
	req := r.(*kmsg.InitProducerIDRequest)
	if req.ProducerID != 0 || req.ProducerEpoch != 0 {
		return checked{}
	}
	req.ProducerID, req.ProducerEpoch = -1, -1
	return checked{changed: true}
}

// checkCreateTopics takes out the topics whose name, partitions or
// configuration Kafka would not accept, and puts their errors into the answer.
func checkCreateTopics(r kmsg.Request) checked {
	req := r.(*kmsg.CreateTopicsRequest)
	kept, refused := split(req.Topics, func(t kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsResponseTopic {
		code, message := createProblem(t)
		if code == 0 {
			return nil
		}
		answer := kmsg.NewCreateTopicsResponseTopic()
		answer.Topic, answer.ErrorCode, answer.ErrorMessage = t.Topic, code, &message
		return &answer
	})
	return take(req, len(kept), len(refused), func() { req.Topics = kept }, func(resp kmsg.Response) {
		answer := resp.(*kmsg.CreateTopicsResponse)
		answer.Topics = append(answer.Topics, refused...)
	})
}

// checkAlterConfigs takes out the topics with configurations that Kafka does
// not know; kfake would keep any name.
func checkAlterConfigs(r kmsg.Request) checked {
	req := r.(*kmsg.AlterConfigsRequest)
	kept, refused := split(req.Resources, func(res kmsg.AlterConfigsRequestResource) *kmsg.AlterConfigsResponseResource {
		for _, c := range res.Configs {
			if unknownConfig(res.ResourceType, c.Name) {
				answer := kmsg.NewAlterConfigsResponseResource()
				answer.ResourceType, answer.ResourceName = res.ResourceType, res.ResourceName
				answer.ErrorCode, answer.ErrorMessage = kerr.InvalidConfig.Code, kmsg.StringPtr(unknownConfiguration+c.Name)
				return &answer
			}
		}
		return nil
	})
	return take(req, len(kept), len(refused), func() { req.Resources = kept }, func(resp kmsg.Response) {
		answer := resp.(*kmsg.AlterConfigsResponse)
		answer.Resources = append(answer.Resources, refused...)
	})
}

// checkIncrementalAlterConfigs does what checkAlterConfigs does.
func checkIncrementalAlterConfigs(r kmsg.Request) checked {
	req := r.(*kmsg.IncrementalAlterConfigsRequest)
	kept, refused := split(req.Resources, func(res kmsg.IncrementalAlterConfigsRequestResource) *kmsg.IncrementalAlterConfigsResponseResource {
		for _, c := range res.Configs {
			if unknownConfig(res.ResourceType, c.Name) {
				answer := kmsg.NewIncrementalAlterConfigsResponseResource()
				answer.ResourceType, answer.ResourceName = res.ResourceType, res.ResourceName
				answer.ErrorCode, answer.ErrorMessage = kerr.InvalidConfig.Code, kmsg.StringPtr(unknownConfiguration+c.Name)
				return &answer
			}
		}
		return nil
	})
	return take(req, len(kept), len(refused), func() { req.Resources = kept }, func(resp kmsg.Response) {
		answer := resp.(*kmsg.IncrementalAlterConfigsResponse)
		answer.Resources = append(answer.Resources, refused...)
	})
}

// checkCreatePartitions bounds what a topic may grow to.
func checkCreatePartitions(r kmsg.Request) checked {
	req := r.(*kmsg.CreatePartitionsRequest)
	kept, refused := split(req.Topics, func(t kmsg.CreatePartitionsRequestTopic) *kmsg.CreatePartitionsResponseTopic {
		if t.Count <= maxPartitions {
			return nil
		}
		answer := kmsg.NewCreatePartitionsResponseTopic()
		answer.Topic, answer.ErrorCode, answer.ErrorMessage = t.Topic, kerr.InvalidPartitions.Code, kmsg.StringPtr(tooManyPartitions)
		return &answer
	})
	return take(req, len(kept), len(refused), func() { req.Topics = kept }, func(resp kmsg.Response) {
		answer := resp.(*kmsg.CreatePartitionsResponse)
		answer.Topics = append(answer.Topics, refused...)
	})
}

// split takes out of a list the items that are refused here; refuse gives their
// answers, nil for an item that goes on.
func split[T, A any](items []T, refuse func(T) *A) (kept []T, refused []A) {
	kept = items[:0]
	for _, item := range items {
		if answer := refuse(item); answer != nil {
			refused = append(refused, *answer)
			continue
		}
		kept = append(kept, item)
	}
	return kept, refused
}

// take ends a rule that takes items out of a request.
func take(req kmsg.Request, kept, refused int, trim func(), merge func(kmsg.Response)) checked {
	switch {
	case refused == 0:
		return checked{}
	case kept == 0:
		resp := req.ResponseKind()
		merge(resp)
		return checked{answer: resp}
	}
	trim()
	return checked{changed: true, merge: merge}
}
