package gateway

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// rules has a row for each API key that is served; refused has one for each
// that is not. Keys 17, 18 and 36 are klamm's own and stand in own.
//
// max is the newest version that was read and understood; why says why it is
// not the newest that kmsg knows.
var rules = map[int16]rule{
	0:  {min: 3, max: 13, plan: planProduce},
	1:  {min: 4, max: 18, plan: planFetch},
	2:  {min: 0, max: 11, decide: on(listOffsets)},
	3:  {min: 0, max: 13, decide: on(metadata)},
	8:  {min: 0, max: 10, decide: on(offsetCommit), limit: largeBytes},
	9:  {min: 0, max: 10, decide: on(offsetFetch), limit: largeBytes},
	10: {min: 0, max: 6, decide: on(findCoordinator)},
	11: {min: 0, max: 9, decide: on(joinGroup), limit: largeBytes, drop: true},
	12: {min: 0, max: 4, decide: on(heartbeat)},
	13: {min: 0, max: 5, decide: on(leaveGroup)},
	14: {min: 0, max: 5, decide: on(syncGroup), limit: largeBytes, drop: true},
	15: {min: 0, max: 6, decide: on(describeGroups)},
	16: {min: 0, max: 5, decide: on(listGroups)},
	19: {min: 0, max: 7, decide: on(createTopics)},
	20: {min: 0, max: 6, decide: on(deleteTopics)},
	21: {min: 0, max: 2, decide: on(deleteRecords)},
	22: {min: 0, max: 5, decide: on(initProducerID)},
	23: {min: 2, max: 4, decide: on(offsetForLeaderEpoch)},
	24: {min: 0, max: 3, decide: on(addPartitionsToTxn), why: "4 is for brokers: it verifies many transactions at once (KIP-890)"},
	25: {min: 0, max: 4, decide: on(addOffsetsToTxn)},
	26: {min: 0, max: 5, decide: on(endTxn)},
	28: {min: 0, max: 5, decide: on(txnOffsetCommit), why: "6 names topics by id and no released broker has it", limit: largeBytes},
	32: {min: 0, max: 4, decide: on(describeConfigs)},
	33: {min: 0, max: 2, decide: on(alterConfigs)},
	37: {min: 0, max: 3, decide: on(createPartitions)},
	42: {min: 0, max: 2, decide: on(deleteGroups), why: "no released broker has 3"},
	44: {min: 0, max: 1, decide: on(incrementalAlterConfigs)},
	47: {min: 0, max: 0, decide: on(offsetDelete)},
	60: {min: 0, max: 2, decide: on(describeCluster)},
	68: {min: 0, max: 1, decide: on(consumerGroupHeartbeat), limit: largeBytes},
	69: {min: 0, max: 1, decide: on(consumerGroupDescribe)},
	75: {min: 0, max: 0, decide: on(describeTopicPartitions)},
}

// Reasons of refused.
const (
	forBrokers     = "brokers and controllers speak it among themselves"
	forControllers = "it changes the cluster itself, whose owner has other ways"
	ownTokens      = "delegation tokens would be klamm's own, and outlive the token of who asks"
	otherLogins    = "SCRAM users could log in past klamm"
	notBuilt       = "not in this version"
	telemetry      = "clients do without, and it would carry their words to the cluster under klamm's name"
)

// refused says why each other API key is never served, whatever the role.
var refused = map[int16]string{
	4: forBrokers, 5: forBrokers, 6: forBrokers, 7: forBrokers, 27: forBrokers,
	29: "access is ruled by role bindings; " + notBuilt, 30: "access is ruled by role bindings; " + notBuilt, 31: "access is ruled by role bindings; " + notBuilt,
	34: forControllers, 35: notBuilt,
	38: ownTokens, 39: ownTokens, 40: ownTokens, 41: ownTokens,
	43: notBuilt, 45: notBuilt, 46: notBuilt,
	48: "all clients are one user upstream, so that quotas are shared; " + notBuilt,
	49: "all clients are one user upstream, so that quotas are shared; " + notBuilt,
	50: otherLogins, 51: otherLogins,
	52: forBrokers, 53: forBrokers, 54: forBrokers, 55: "it says where the controllers are; " + notBuilt, 56: forBrokers,
	57: forControllers, 58: forBrokers, 59: forBrokers,
	61: notBuilt, 62: forBrokers, 63: forBrokers, 64: forControllers, 65: notBuilt, 66: notBuilt, 67: forBrokers,
	70: forBrokers, 71: telemetry, 72: telemetry, 73: forBrokers, 74: notBuilt,
	76: "share groups: " + notBuilt, 77: "share groups: " + notBuilt, 78: "share groups: " + notBuilt, 79: "share groups: " + notBuilt,
	80: forControllers, 81: forControllers, 82: forBrokers, 83: forBrokers, 84: forBrokers, 85: forBrokers, 86: forBrokers, 87: forBrokers,
	88: "streams groups: " + notBuilt, 89: "streams groups: " + notBuilt,
	90: "share groups: " + notBuilt, 91: "share groups: " + notBuilt, 92: "share groups: " + notBuilt,
	93: "streams groups: " + notBuilt, 94: forControllers,
}

// methods are the names of requests in audit events, in Kafka's spelling.
var methods = methodNames()

// methodOf is the name of a request; what has none is Unknown.
func methodOf(key int16) string {
	if name, ok := methods[key]; ok {
		return name
	}
	return "kafka.Unknown"
}

func methodNames() map[int16]string {
	spelling := strings.NewReplacer("SASL", "Sasl", "ACLs", "Acls", "SCRAM", "Scram", "IDs", "Ids", "ID", "Id", "ISR", "Isr")
	names := map[int16]string{}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		names[key] = "kafka." + spelling.Replace(kmsg.Key(key).Name())
	}
	return names
}
