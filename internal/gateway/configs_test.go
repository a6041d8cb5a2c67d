package gateway

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// TestCreateTopicsConfigs: the configuration of a new topic is for who may
// describe it; the wish only to validate is the broker's.
func TestCreateTopicsConfigs(t *testing.T) {
	h := build(t, append(alice(), binding("maker", "DeveloperManage", iam.Topic, "made-*")))
	h.people.also = map[iam.Principal][]iam.Action{iam.PoolPrincipal("pool-creator"): {do(iam.Create, iam.ClusterResource())}}
	broker := sees[*kmsg.CreateTopicsRequest](h, 19)
	replies(h, func(r *kmsg.CreateTopicsResponse) {
		topic := kmsg.NewCreateTopicsResponseTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "made-1", 1, 1
		topic.Configs = []kmsg.CreateTopicsResponseTopicConfig{{Name: "retention.ms", Value: kmsg.StringPtr("5")}}
		r.Topics = append(r.Topics, topic)
	})
	for version := int16(0); version <= rules[19].max; version++ {
		for token, shown := range map[string]bool{"creator": false, "maker": true} {
			q := kmsg.NewPtrCreateTopicsRequest()
			q.Version, q.ValidateOnly, q.TimeoutMillis = version, true, 1000
			topic := kmsg.NewCreateTopicsRequestTopic()
			topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "made-1", 1, 1
			q.Topics = append(q.Topics, topic)
			got := h.loggedIn(token, 0).ask(q).(*kmsg.CreateTopicsResponse).Topics
			if len(got) != 1 || got[0].ErrorCode != 0 {
				t.Fatalf("%s, version %d: %+v", token, version, got)
			}
			if version >= 5 && (shown != (got[0].ConfigErrorCode == 0) || shown != (len(got[0].Configs) > 0) || shown != (got[0].NumPartitions == 1) || got[0].Configs == nil) {
				t.Errorf("%s, version %d: %+v", token, version, got[0])
			}
			if saw := broker.take(t); len(saw) != 1 || saw[0].ValidateOnly != (version >= 1) {
				t.Errorf("%s, version %d: the broker saw %+v", token, version, saw)
			}
		}
	}
}

// TestConfigsOfOthers: of brokers the addresses are left out, groups have rights
// of their own, and the rest is the cluster's.
func TestConfigsOfOthers(t *testing.T) {
	h := build(t, alice())
	h.people.also = map[iam.Principal][]iam.Action{iam.PoolPrincipal("pool-creator"): {do(iam.DescribeConfigs, iam.ClusterResource())}}
	replies(h, func(r *kmsg.DescribeConfigsResponse) {
		for _, kind := range []kmsg.ConfigResourceType{kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeGroupConfig, kmsg.ConfigResourceTypeClientMetrics} {
			r.Resources = append(r.Resources, kmsg.DescribeConfigsResponseResource{ResourceType: kind, ResourceName: "0", Configs: []kmsg.DescribeConfigsResponseResourceConfig{
				{Name: "advertised.listeners", Value: kmsg.StringPtr("PLAINTEXT://" + upstreamHost + ":19092")}, {Name: "log.retention.ms", Value: kmsg.StringPtr("5")},
			}})
		}
	})
	q := kmsg.NewPtrDescribeConfigsRequest()
	for _, kind := range []kmsg.ConfigResourceType{kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeGroupConfig, 99} {
		q.Resources = append(q.Resources, kmsg.DescribeConfigsRequestResource{ResourceType: kind, ResourceName: "0"})
	}
	for version := int16(0); version <= rules[32].max; version++ {
		q.Version = version
		for token, want := range map[string][]int16{
			"alice":   {clusterDenied, clusterDenied, clusterDenied, groupDenied, invalidRequest},
			"creator": {groupDenied, invalidRequest},
			"admin":   {invalidRequest},
		} {
			var got []int16
			for _, res := range h.loggedIn(token, 0).ask(q).(*kmsg.DescribeConfigsResponse).Resources {
				switch {
				case res.ErrorCode != 0:
					got = append(got, res.ErrorCode)
				case res.ResourceType == kmsg.ConfigResourceTypeBroker && (len(res.Configs) != 1 || res.Configs[0].Name != "log.retention.ms"):
					t.Errorf("%s, version %d: %+v", token, version, res)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, version %d: errors %v, want %v", token, version, got, want)
			}
		}
	}
}

// TestAlterOthers: brokers, their loggers and client metrics are not altered,
// whatever the role, and the topic beside them is.
func TestAlterOthers(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("admin", 0)
	kinds := []kmsg.ConfigResourceType{kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeTopic}
	legacy, incremental := sees[*kmsg.AlterConfigsRequest](h, 33), sees[*kmsg.IncrementalAlterConfigsRequest](h, 44)
	check := func(what string, codes map[kmsg.ConfigResourceType]int16) {
		t.Helper()
		for _, kind := range kinds {
			if code, ok := codes[kind]; !ok || (code == clusterDenied) != (kind != kmsg.ConfigResourceTypeTopic) {
				t.Errorf("%s of a %s: error %d, %v", what, kind, code, ok)
			}
		}
	}
	for version := int16(0); version <= rules[33].max; version++ {
		q, codes := kmsg.NewPtrAlterConfigsRequest(), map[kmsg.ConfigResourceType]int16{}
		q.Version = version
		for _, kind := range kinds {
			q.Resources = append(q.Resources, kmsg.AlterConfigsRequestResource{ResourceType: kind, ResourceName: "orders"})
		}
		for _, r := range b.ask(q).(*kmsg.AlterConfigsResponse).Resources {
			codes[r.ResourceType] = r.ErrorCode
		}
		check("AlterConfigs", codes)
		if saw := legacy.take(t); len(saw) != 1 || len(saw[0].Resources) != 1 {
			t.Errorf("version %d: the broker saw %+v", version, saw)
		}
	}
	for version := int16(0); version <= rules[44].max; version++ {
		q, codes := kmsg.NewPtrIncrementalAlterConfigsRequest(), map[kmsg.ConfigResourceType]int16{}
		q.Version = version
		for _, kind := range kinds {
			q.Resources = append(q.Resources, kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kind, ResourceName: "orders"})
		}
		for _, r := range b.ask(q).(*kmsg.IncrementalAlterConfigsResponse).Resources {
			codes[r.ResourceType] = r.ErrorCode
		}
		check("IncrementalAlterConfigs", codes)
		if saw := incremental.take(t); len(saw) != 1 || len(saw[0].Resources) != 1 {
			t.Errorf("version %d: the broker saw %+v", version, saw)
		}
	}
}

// TestLimitsOfReplication: of a broker an administrator alters what belongs to a
// reassignment, and nothing beside it.
func TestLimitsOfReplication(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.IncrementalAlterConfigsRequest](h, 44)
	const leader, follower, disks, other = "leader.replication.throttled.rate", "follower.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second", "log.retention.ms"
	for _, c := range []struct {
		who   string
		kind  kmsg.ConfigResourceType
		names []string
		asks  bool
	}{
		{"admin", kmsg.ConfigResourceTypeBroker, []string{leader, follower, disks}, true},
		{"admin", kmsg.ConfigResourceTypeBroker, []string{disks}, true},
		{"admin", kmsg.ConfigResourceTypeBroker, []string{leader, other}, false},
		{"admin", kmsg.ConfigResourceTypeBroker, []string{other}, false},
		{"admin", kmsg.ConfigResourceTypeBroker, nil, false},
		{"admin", kmsg.ConfigResourceTypeBrokerLogger, []string{leader}, false},
		{"alice", kmsg.ConfigResourceTypeBroker, []string{leader}, false},
	} {
		for version := int16(0); version <= rules[44].max; version++ {
			q := kmsg.NewPtrIncrementalAlterConfigsRequest()
			q.Version = version
			r := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: c.kind, ResourceName: "0"}
			for _, name := range c.names {
				r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Op: 1})
			}
			q.Resources = append(q.Resources, r)
			got := h.loggedIn(c.who, 0).ask(q).(*kmsg.IncrementalAlterConfigsResponse).Resources
			if saw := broker.take(t); len(got) != 1 || (got[0].ErrorCode == clusterDenied) == c.asks || (len(saw) == 1) != c.asks {
				t.Errorf("%+v, version %d: %+v, the broker saw %d", c, version, got, len(saw))
			}
		}
	}
}

// TestNoSCRAMUsers: there are none, for who may ask, and the broker is not asked.
func TestNoSCRAMUsers(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.DescribeUserSCRAMCredentialsRequest](h, 50)
	for token, code := range map[string]int16{"admin": 0, "alice": clusterDenied} {
		for _, users := range [][]kmsg.DescribeUserSCRAMCredentialsRequestUser{nil, {}, {{Name: "klamm"}, {Name: "somebody"}}} {
			q := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
			q.Users = users
			r := h.loggedIn(token, 0).ask(q).(*kmsg.DescribeUserSCRAMCredentialsResponse)
			want := len(users)
			if code != 0 {
				want = 0
			}
			if r.ErrorCode != code || len(r.Results) != want || want > 0 && (r.Results[0].User != "klamm" || r.Results[0].ErrorCode != resourceNotFound || len(r.Results[0].CredentialInfos) != 0) {
				t.Errorf("%s, %d users: %+v", token, len(users), r)
			}
		}
	}
	if saw := broker.take(t); len(saw) != 0 {
		t.Errorf("the broker saw %+v", saw)
	}
}
