package gateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/testkit"
)

// kafkaKeys are the API keys of Apache Kafka 4.3.1 with their oldest and newest
// versions, those that are not stable yet included; "none" is a key whose requests
// are gone. Made by printing, for each constant of
// org.apache.kafka.common.protocol.ApiKeys in kafka-clients-4.3.1.jar, id, name,
// oldestVersion() and latestVersion().
const kafkaKeys = `
0 Produce 3-13
1 Fetch 4-18
2 ListOffsets 1-11
3 Metadata 0-13
4 LeaderAndIsr none
5 StopReplica none
6 UpdateMetadata none
7 ControlledShutdown none
8 OffsetCommit 2-10
9 OffsetFetch 1-10
10 FindCoordinator 0-6
11 JoinGroup 0-9
12 Heartbeat 0-4
13 LeaveGroup 0-5
14 SyncGroup 0-5
15 DescribeGroups 0-6
16 ListGroups 0-5
17 SaslHandshake 0-1
18 ApiVersions 0-4
19 CreateTopics 2-7
20 DeleteTopics 1-6
21 DeleteRecords 0-2
22 InitProducerId 0-6
23 OffsetForLeaderEpoch 2-4
24 AddPartitionsToTxn 0-5
25 AddOffsetsToTxn 0-4
26 EndTxn 0-5
27 WriteTxnMarkers 1-2
28 TxnOffsetCommit 0-5
29 DescribeAcls 1-3
30 CreateAcls 1-3
31 DeleteAcls 1-3
32 DescribeConfigs 1-4
33 AlterConfigs 0-2
34 AlterReplicaLogDirs 1-2
35 DescribeLogDirs 1-5
36 SaslAuthenticate 0-2
37 CreatePartitions 0-3
38 CreateDelegationToken 1-3
39 RenewDelegationToken 1-2
40 ExpireDelegationToken 1-2
41 DescribeDelegationToken 1-3
42 DeleteGroups 0-2
43 ElectLeaders 0-2
44 IncrementalAlterConfigs 0-1
45 AlterPartitionReassignments 0-1
46 ListPartitionReassignments 0-0
47 OffsetDelete 0-0
48 DescribeClientQuotas 0-1
49 AlterClientQuotas 0-1
50 DescribeUserScramCredentials 0-0
51 AlterUserScramCredentials 0-0
52 Vote 0-2
53 BeginQuorumEpoch 0-1
54 EndQuorumEpoch 0-1
55 DescribeQuorum 0-2
56 AlterPartition 2-3
57 UpdateFeatures 0-2
58 Envelope 0-0
59 FetchSnapshot 0-1
60 DescribeCluster 0-2
61 DescribeProducers 0-0
62 BrokerRegistration 0-4
63 BrokerHeartbeat 0-2
64 UnregisterBroker 0-0
65 DescribeTransactions 0-0
66 ListTransactions 0-2
67 AllocateProducerIds 0-0
68 ConsumerGroupHeartbeat 0-1
69 ConsumerGroupDescribe 0-1
70 ControllerRegistration 0-0
71 GetTelemetrySubscriptions 0-0
72 PushTelemetry 0-0
73 AssignReplicasToDirs 0-0
74 ListConfigResources 0-1
75 DescribeTopicPartitions 0-0
76 ShareGroupHeartbeat 1-1
77 ShareGroupDescribe 1-1
78 ShareFetch 1-2
79 ShareAcknowledge 1-2
80 AddRaftVoter 0-1
81 RemoveRaftVoter 0-0
82 UpdateRaftVoter 0-0
83 InitializeShareGroupState 0-0
84 ReadShareGroupState 0-0
85 WriteShareGroupState 0-1
86 DeleteShareGroupState 0-0
87 ReadShareGroupStateSummary 0-1
88 StreamsGroupHeartbeat 0-0
89 StreamsGroupDescribe 0-0
90 DescribeShareGroupOffsets 0-1
91 AlterShareGroupOffsets 0-0
92 DeleteShareGroupOffsets 0-0
`

// knownKey is what Kafka and kmsg together know of an API key.
type knownKey struct {
	name   string
	newest int16
	kafka  bool // Kafka has it
}

// knownKeys is the union of what Kafka 4.3.1 and the linked kmsg know.
func knownKeys(t *testing.T) map[int16]knownKey {
	t.Helper()
	all := map[int16]knownKey{}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if req := kmsg.RequestForKey(key); req != nil {
			all[key] = knownKey{strings.TrimPrefix(methodOf(key), "kafka."), req.MaxVersion(), false}
		}
	}
	for line := range strings.Lines(strings.TrimSpace(kafkaKeys)) {
		var key, oldest, newest int16
		var name, versions string
		if _, err := fmt.Sscan(line, &key, &name, &versions); err != nil {
			t.Fatal(err)
		}
		k := knownKey{name, all[key].newest, versions != "none"}
		if k.kafka {
			if _, err := fmt.Sscanf(versions, "%d-%d", &oldest, &newest); err != nil {
				t.Fatal(err)
			}
			k.newest = max(k.newest, newest)
		}
		all[key] = k
	}
	return all
}

// TestAPIKeysPage keeps docs/api-keys.md: what is decided about each version of
// each key.
func TestAPIKeysPage(t *testing.T) {
	testkit.KeepPage(t, "../../docs/api-keys.md", "go test ./internal/gateway -run TestAPIKeysPage", pageHead+table(knownKeys(t)))
}

const pageHead = `# API keys

What klamm does about each request that Apache Kafka 4.3.1 or its Go library kmsg 1.15 knows, version by version. A right is an operation on a type of
resource, as [roles](roles.md) have it; "then" means that the second is not asked for without the first. Of several topics, groups or other items in
one request each is decided about, and those that are refused are answered with Kafka's error for them, unless the table says otherwise.

A client is offered the versions below that the broker behind has as well. What is not offered is answered UNSUPPORTED_VERSION. Names that begin with
` + "`__klamm`" + ` are klamm's own, hidden in every list and refused to everybody. "As in" is the method of Kafka that decides about the same there.

| key | request | versions | served | needs, or why not | as in |
|---|---|---|---|---|---|
`

func table(all map[int16]knownKey) string {
	var b strings.Builder
	for key := int16(0); len(all) > 0; key++ {
		k, ok := all[key]
		if !ok {
			continue
		}
		delete(all, key)
		row := func(from, to int16, served, text, method string) {
			if from > to {
				return
			}
			versions := fmt.Sprint(from)
			if to > from {
				versions = fmt.Sprintf("%d–%d", from, to)
			}
			if method != "" {
				method = "`" + method + "`"
			}
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", key, k.name, versions, served, text, method)
		}
		r, served := rules[key]
		no, never := refused[key]
		switch {
		case served:
			row(0, r.min-1, "no", r.older, "")
			row(r.min, r.max, "yes", r.needs, r.method)
			row(r.max+1, k.newest, "no", r.newer, "")
		case never:
			row(0, k.newest, "no", no.why, no.method)
		default:
			row(own[key].min, own[key].max, "by klamm", own[key].needs, own[key].method)
		}
	}
	return b.String()
}
