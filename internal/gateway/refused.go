package gateway

// never is why an API key is not served, whatever the role.
type never struct {
	why    string
	method string // of Apache Kafka; "" where 4.3 has none
}

// Reasons of refused.
const (
	forBrokers     = "brokers and controllers speak it among themselves"
	forControllers = "it changes the cluster itself, whose owner has other ways"
	ownTokens      = "delegation tokens would be klamm's own, and outlive the token of who asks"
	otherLogins    = "SCRAM users could log in past klamm"
	telemetry      = "clients do without, and it would carry their words to the cluster under klamm's name"
	unreleased     = "no released broker has it"
)

var refused = map[int16]never{
	4:  {forBrokers, ""},
	5:  {forBrokers, ""},
	6:  {forBrokers, ""},
	7:  {forBrokers, ""},
	27: {forBrokers, "KafkaApis.handleWriteTxnMarkersRequest"},
	34: {forControllers, "KafkaApis.handleAlterReplicaLogDirsRequest"},
	38: {ownTokens, "KafkaApis.handleCreateTokenRequest"},
	39: {ownTokens, "KafkaApis.handleRenewTokenRequest"},
	40: {ownTokens, "KafkaApis.handleExpireTokenRequest"},
	41: {ownTokens, "KafkaApis.handleDescribeTokensRequest"},
	51: {otherLogins, "ControllerApis.handleAlterUserScramCredentials"},
	52: {forBrokers, "ControllerApis.handleVote"},
	53: {forBrokers, "ControllerApis.handleBeginQuorumEpoch"},
	54: {forBrokers, "ControllerApis.handleEndQuorumEpoch"},
	56: {forBrokers, "ControllerApis.handleAlterPartitionRequest"},
	57: {forControllers, "ControllerApis.handleUpdateFeatures"},
	58: {forBrokers, "ControllerApis.handleEnvelopeRequest"},
	59: {forBrokers, "ControllerApis.handleFetchSnapshot"},
	62: {forBrokers, "ControllerApis.handleBrokerRegistration"},
	63: {forBrokers, "ControllerApis.handleBrokerHeartBeatRequest"},
	64: {forControllers, "ControllerApis.handleUnregisterBroker"},
	67: {forBrokers, "ControllerApis.handleAllocateProducerIdsRequest"},
	70: {forBrokers, "ControllerApis.handleControllerRegistration"},
	71: {telemetry, "KafkaApis.handleGetTelemetrySubscriptionsRequest"},
	72: {telemetry, "KafkaApis.handlePushTelemetryRequest"},
	73: {forBrokers, "ControllerApis.handleAssignReplicasToDirs"},
	80: {forControllers, "ControllerApis.handleAddRaftVoter"},
	81: {forControllers, "ControllerApis.handleRemoveRaftVoter"},
	82: {forBrokers, "ControllerApis.handleUpdateRaftVoter"},
	83: {forBrokers, "KafkaApis.handleInitializeShareGroupStateRequest"},
	84: {forBrokers, "KafkaApis.handleReadShareGroupStateRequest"},
	85: {forBrokers, "KafkaApis.handleWriteShareGroupStateRequest"},
	86: {forBrokers, "KafkaApis.handleDeleteShareGroupStateRequest"},
	87: {forBrokers, "KafkaApis.handleReadShareGroupStateSummaryRequest"},
	93: {unreleased, ""},
	94: {forControllers, ""},
}
