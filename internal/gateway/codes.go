package gateway

import "github.com/klammhq/klamm/internal/iam"

// Error codes of Kafka (org.apache.kafka.common.protocol.Errors).
const (
	topicDenied            int16 = 29
	groupDenied            int16 = 30
	clusterDenied          int16 = 31
	unsupportedMechanism   int16 = 33
	illegalSaslState       int16 = 34
	unsupportedVersion     int16 = 35
	invalidRequest         int16 = 42
	transactionalIDDenied  int16 = 53
	securityDisabled       int16 = 54
	notAttempted           int16 = 55
	saslFailed             int16 = 58
	fetchSessionUnknown    int16 = 70
	electionNotNeeded      int16 = 84
	resourceNotFound       int16 = 91
	unknownTopicID         int16 = 100
	unsupportedEndpoint    int16 = 115
	shareSessionUnknown    int16 = 122
	shareSessionLimit      int16 = 133
	invalidExpression      int16 = 128
	rebootstrapRequired    int16 = 129
	streamsInvalidTopology int16 = 130
)

// deniedCodes is Kafka's error for an action on each type of resource that was
// refused.
var deniedCodes = map[iam.ResourceType]int16{
	iam.Topic: topicDenied, iam.Group: groupDenied, iam.Cluster: clusterDenied, iam.TransactionalID: transactionalIDDenied,
}

// API keys that the gateway speaks of by name; their files have the numbers of
// all.
const (
	keyProduce                 = 0
	keyFetch                   = 1
	keyMetadata                = 3
	keySaslHandshake           = 17
	keyApiVersions             = 18
	keyEndTxn                  = 26
	keyTxnOffsetCommit         = 28
	keySaslAuthenticate        = 36
	keyConsumerGroupHeartbeat  = 68
	keyConsumerGroupDescribe   = 69
	keyDescribeTopicPartitions = 75
	keyShareGroupHeartbeat     = 76
	keyStreamsGroupHeartbeat   = 88
)
