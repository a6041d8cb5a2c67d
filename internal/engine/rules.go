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
	33: "replaced by IncrementalAlterConfigs (KIP-339)",
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
	3:  checkMetadata,
	11: checkJoinGroup,
	19: checkCreateTopics,
	22: checkInitProducerID,
	37: checkCreatePartitions,
	44: checkIncrementalAlterConfigs,
}

// checkMetadata switches off creation by Metadata when a name is one that
// Kafka would not create.
func checkMetadata(r kmsg.Request) checked {
	req := r.(*kmsg.MetadataRequest)
	for _, t := range req.Topics {
		if t.Topic != nil && topicNameProblem(*t.Topic) != "" && req.AllowAutoTopicCreation {
			req.AllowAutoTopicCreation = false
			return checked{changed: true}
		}
	}
	return checked{}
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
	var refused []kmsg.CreateTopicsResponseTopic
	kept := req.Topics[:0]
	for _, t := range req.Topics {
		code, message := createProblem(t)
		if code == 0 {
			kept = append(kept, t)
			continue
		}
		answer := kmsg.NewCreateTopicsResponseTopic()
		answer.Topic, answer.ErrorCode, answer.ErrorMessage = t.Topic, code, &message
		refused = append(refused, answer)
	}
	return take(req, len(kept), len(refused), func() { req.Topics = kept }, func(resp kmsg.Response) {
		answer := resp.(*kmsg.CreateTopicsResponse)
		answer.Topics = append(answer.Topics, refused...)
	})
}

// checkIncrementalAlterConfigs takes out the topics with configurations that
// Kafka does not know; kfake would keep any name.
func checkIncrementalAlterConfigs(r kmsg.Request) checked {
	req := r.(*kmsg.IncrementalAlterConfigsRequest)
	var refused []kmsg.IncrementalAlterConfigsResponseResource
	kept := req.Resources[:0]
	for _, res := range req.Resources {
		unknown := ""
		for _, c := range res.Configs {
			if res.ResourceType == kmsg.ConfigResourceTypeTopic && !topicConfigs[c.Name] {
				unknown = c.Name
			}
		}
		if unknown == "" {
			kept = append(kept, res)
			continue
		}
		answer := kmsg.NewIncrementalAlterConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = res.ResourceType, res.ResourceName
		message := "unknown topic configuration " + unknown
		answer.ErrorCode, answer.ErrorMessage = kerr.InvalidConfig.Code, &message
		refused = append(refused, answer)
	}
	return take(req, len(kept), len(refused), func() { req.Resources = kept }, func(resp kmsg.Response) {
		answer := resp.(*kmsg.IncrementalAlterConfigsResponse)
		answer.Resources = append(answer.Resources, refused...)
	})
}

// checkCreatePartitions bounds what a topic may grow to.
func checkCreatePartitions(r kmsg.Request) checked {
	req := r.(*kmsg.CreatePartitionsRequest)
	var refused []kmsg.CreatePartitionsResponseTopic
	kept := req.Topics[:0]
	for _, t := range req.Topics {
		if t.Count <= maxPartitions {
			kept = append(kept, t)
			continue
		}
		answer := kmsg.NewCreatePartitionsResponseTopic()
		answer.Topic, answer.ErrorCode, answer.ErrorMessage = t.Topic, kerr.InvalidPartitions.Code, kmsg.StringPtr(tooManyPartitions)
		refused = append(refused, answer)
	}
	return take(req, len(kept), len(refused), func() { req.Topics = kept }, func(resp kmsg.Response) {
		answer := resp.(*kmsg.CreatePartitionsResponse)
		answer.Topics = append(answer.Topics, refused...)
	})
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
