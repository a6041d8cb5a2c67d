package gateway

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// TestShareGroupsDescribed: one with an assigned topic that may not be described is
// blank, and names of such topics in subscriptions are nobody's business; where
// members come from is hidden, and operations are those of the client.
func TestShareGroupsDescribed(t *testing.T) {
	h := build(t, append(alice(), binding("half", "DeveloperRead", iam.Group, "orders-*"), binding("half", "DeveloperRead", iam.Topic, "orders")))
	member := func(assigned string, names ...string) kmsg.ShareGroupDescribeResponseGroupMember {
		m := kmsg.ShareGroupDescribeResponseGroupMember{MemberID: "m", ClientHost: upstreamHost, SubscribedTopicNames: names}
		m.Assignment.TopicPartitions = []kmsg.ShareGroupDescribeResponseGroupMemberAssignmentTopicPartition{{Topic: assigned}}
		return m
	}
	replies(h, func(r *kmsg.ShareGroupDescribeResponse) {
		r.Groups = []kmsg.ShareGroupDescribeResponseGroup{
			{GroupID: "orders-1", Members: []kmsg.ShareGroupDescribeResponseGroupMember{member("orders", "orders", "secret")}},
			{GroupID: "orders-2", Members: []kmsg.ShareGroupDescribeResponseGroupMember{member("orders"), member("orders.eu")}},
		}
	})
	for token, want := range map[string][]int16{"alice": {0, 0, groupDenied}, "half": {0, topicDenied, groupDenied}, "nobody": {groupDenied, groupDenied, groupDenied}} {
		q := kmsg.NewPtrShareGroupDescribeRequest()
		q.Version, q.GroupIDs, q.IncludeAuthorizedOperations = 1, []string{"orders-1", "orders-2", "hidden"}, true
		var got []int16
		for _, g := range h.loggedIn(token, 0).ask(q).(*kmsg.ShareGroupDescribeResponse).Groups {
			got = append(got, g.ErrorCode)
			if g.ErrorCode == 0 && (len(g.Members) == 0 || g.Members[0].ClientHost != api.HiddenHost || slices.Contains(g.Members[0].SubscribedTopicNames, "secret") ||
				g.AuthorizedOperations != int32(iam.SetOf(iam.Read, iam.Describe))) || g.ErrorCode != 0 && len(g.Members) != 0 {
				t.Errorf("%s: %+v", token, g)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: errors %v, want %v", token, got, want)
		}
	}
}

// TestShareGroupOffsets: those of topics that may be described are shown, of named
// ones and of all; a group of which no topic is left is not asked about.
func TestShareGroupOffsets(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.DescribeShareGroupOffsetsRequest](h, 90)
	replies(h, func(r *kmsg.DescribeShareGroupOffsetsResponse) {
		g := kmsg.DescribeShareGroupOffsetsResponseGroup{GroupID: "orders-1"}
		for _, name := range []string{"orders", "secret", ownTopic} {
			g.Topics = append(g.Topics, kmsg.DescribeShareGroupOffsetsResponseGroupTopic{Topic: name, Partitions: make([]kmsg.DescribeShareGroupOffsetsResponseGroupTopicPartition, 1)})
		}
		r.Groups = append(r.Groups, g)
	})
	b := h.loggedIn("alice", 0)
	for version := int16(0); version <= rules[90].max; version++ {
		for _, c := range []struct {
			names []string // nil: all
			want  string
			asks  bool
		}{
			{nil, "orders:0", true},
			{[]string{}, "orders:0", true},
			{[]string{"orders", "secret"}, "orders:0 secret:29", true},
			{[]string{"secret", ownTopic}, "__klamm_state:29 secret:29", false},
		} {
			q := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
			q.Version = version
			g := kmsg.DescribeShareGroupOffsetsRequestGroup{GroupID: "orders-1"}
			if c.names != nil {
				g.Topics = []kmsg.DescribeShareGroupOffsetsRequestGroupTopic{}
			}
			for _, name := range c.names {
				g.Topics = append(g.Topics, kmsg.DescribeShareGroupOffsetsRequestGroupTopic{Topic: name, Partitions: []int32{0}})
			}
			q.Groups = []kmsg.DescribeShareGroupOffsetsRequestGroup{g, {GroupID: "hidden"}}
			r := b.ask(q).(*kmsg.DescribeShareGroupOffsetsResponse)
			var got []string
			codes := map[string]int16{}
			for _, g := range r.Groups {
				codes[g.GroupID] = g.ErrorCode
				for _, topic := range g.Topics {
					got = append(got, topic.Topic+":"+map[int16]string{0: "0", topicDenied: "29"}[topic.Partitions[0].ErrorCode])
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != c.want || len(codes) != 2 || codes["hidden"] != groupDenied || codes["orders-1"] != 0 {
				t.Errorf("version %d, %q: %q, %v", version, c.names, got, codes)
			}
			saw := broker.take(t)
			if len(saw) != map[bool]int{true: 1}[c.asks] || c.asks && (len(saw[0].Groups) != 1 || (saw[0].Groups[0].Topics == nil) != (c.names == nil)) {
				t.Errorf("version %d, %q: the broker saw %+v", version, c.names, saw)
			}
		}
	}
}

// topology is a heartbeat of who joins a streams group.
func topology(names map[string]string) *kmsg.StreamsGroupHeartbeatRequest {
	q := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	q.Group, q.MemberID = "orders-app", "m"
	sub := kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{SubtopologyID: "0"}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch names[name] {
		case "source":
			sub.SourceTopics = append(sub.SourceTopics, name)
		case "sink":
			sub.RepartitionSinkTopics = append(sub.RepartitionSinkTopics, name)
		case "repartition":
			sub.RepartitionSourceTopics = append(sub.RepartitionSourceTopics, kmsg.TopicInfo{Topic: name})
		case "changelog":
			sub.StateChangelogTopics = append(sub.StateChangelogTopics, kmsg.TopicInfo{Topic: name})
		case "pattern":
			sub.SourceTopicRegex = append(sub.SourceTopicRegex, name)
		}
	}
	q.Topology = &kmsg.StreamsGroupHeartbeatRequestTopology{Subtopologies: []kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{sub}}
	return q
}

// TestStreamsTopologies: every topic of a topology is decided about, and what the
// broker would create the client must have the right to create, unless it is there.
func TestStreamsTopologies(t *testing.T) {
	h := build(t, append(alice(), binding("maker", "ResourceOwner", iam.Topic, "orders*"), binding("maker", "DeveloperRead", iam.Group, "orders-*")))
	for _, c := range []struct {
		who   string
		names map[string]string
		want  int16
	}{
		{"alice", map[string]string{"orders": "source"}, 0},
		{"alice", map[string]string{"secret": "source"}, topicDenied},
		{"alice", map[string]string{"secret": "sink"}, topicDenied},
		{"alice", map[string]string{"secret": "changelog"}, topicDenied},
		{"alice", map[string]string{"secret": "repartition"}, topicDenied},
		{"alice", map[string]string{"orders": "source", "orders.*": "pattern"}, streamsInvalidTopology},
		{"alice", map[string]string{"orders": "source", "orders.eu": "changelog"}, 0}, // which is there
		{"alice", map[string]string{"orders": "source", "orders-missing": "changelog"}, topicDenied},
		{"alice", map[string]string{"orders": "source", "orders-missing": "repartition"}, topicDenied},
		{"maker", map[string]string{"orders": "source", "orders-missing": "repartition", "orders-gone": "changelog", "orders.eu": "sink"}, 0},
		{"admin", map[string]string{"secret": "source", "missing": "changelog"}, 0},
		{"admin", map[string]string{"secret": "source", "__klamm_x": "changelog"}, topicDenied},
		{"nobody", map[string]string{}, groupDenied},
	} {
		s := h.session(c.who)
		s.offer = makeOffer(newEverything().versions)
		q := topology(c.names)
		p, err := s.Plan(h.ctx(), frame(t, q))
		if err != nil {
			t.Fatal(err)
		}
		if p.Verdict == relay.Send {
			if c.want != 0 {
				t.Errorf("%s: %v is sent on", c.who, c.names)
			}
			continue
		}
		if r := answer(t, q, p).(*kmsg.StreamsGroupHeartbeatResponse); r.ErrorCode != c.want || c.want != streamsInvalidTopology && (r.ErrorMessage == nil || !strings.Contains(*r.ErrorMessage, "ref=")) {
			t.Errorf("%s: %v is answered %+v, want %d", c.who, c.names, r, c.want)
		}
	}
	// A heartbeat that names nothing needs the group only.
	s := h.session("alice")
	s.offer = makeOffer(newEverything().versions)
	q := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	q.Group, q.MemberEpoch = "orders-app", 3
	planSends(t, s, frame(t, q))
}

// TestStreamsGroupsDescribed: a topology with a topic that may not be described blanks
// the group, wherever it stands.
func TestStreamsGroupsDescribed(t *testing.T) {
	h := build(t, alice())
	s := h.shares("alice")
	for where, add := range map[string]func(*kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology, string){
		"source": func(t *kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology, n string) {
			t.SourceTopics = []string{n}
		},
		"sink": func(t *kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology, n string) {
			t.RepartitionSinkTopics = []string{n}
		},
		"changelog": func(t *kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology, n string) {
			t.StateChangelogTopics = []kmsg.TopicInfo{{Topic: n}}
		},
		"repartition": func(t *kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology, n string) {
			t.RepartitionSourceTopics = []kmsg.TopicInfo{{Topic: n}}
		},
	} {
		for name, want := range map[string]int16{"orders": 0, "secret": topicDenied} {
			q := kmsg.NewPtrStreamsGroupDescribeRequest()
			q.Groups, q.IncludeAuthorizedOperations = []string{"orders-app", "hidden"}, true
			got, p := sent(s, q)
			if len(got.Groups) != 1 || got.IncludeAuthorizedOperations {
				t.Errorf("the broker saw %+v", got)
			}
			resp := kmsg.NewPtrStreamsGroupDescribeResponse()
			g := kmsg.NewStreamsGroupDescribeResponseGroup()
			g.Group, g.Members = "orders-app", []kmsg.StreamsGroupDescribeResponseGroupMember{{ClientHost: upstreamHost}}
			g.Topology = &kmsg.StreamsGroupDescribeResponseGroupTopology{Subtopologies: make([]kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology, 2)}
			add(&g.Topology.Subtopologies[1], name)
			resp.Groups = append(resp.Groups, g)
			r := told(s, p, resp)
			if len(r.Groups) != 2 || r.Groups[0].ErrorCode != want || (r.Groups[0].Topology == nil) != (want != 0) || (len(r.Groups[0].Members) == 0) != (want != 0) ||
				r.Groups[1].ErrorCode != groupDenied || r.Groups[0].AuthorizedOperations != int32(iam.SetOf(iam.Read, iam.Describe)) {
				t.Errorf("%s as %s: %+v", name, where, r.Groups)
			}
			if want == 0 && r.Groups[0].Members[0].ClientHost != api.HiddenHost {
				t.Errorf("a member comes from %q", r.Groups[0].Members[0].ClientHost)
			}
		}
	}
}

func planSends(t *testing.T, s *session, f *kafka.Frame) {
	t.Helper()
	if p, err := s.Plan(t.Context(), f); err != nil || p.Verdict != relay.Send {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestFeaturesOfWhatIsServed: a feature is shown only where its requests are.
func TestFeaturesOfWhatIsServed(t *testing.T) {
	versions := *newEverything().versions
	versions.FinalizedFeatures = nil
	for name := range features {
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MaxVersionLevel = name, 1
		versions.FinalizedFeatures = append(versions.FinalizedFeatures, f)
	}
	if o := makeOffer(&versions); len(o.answer.FinalizedFeatures) != len(features) {
		t.Errorf("%+v", o.answer.FinalizedFeatures)
	}
	versions.ApiKeys = slices.DeleteFunc(slices.Clone(versions.ApiKeys), func(k kmsg.ApiVersionsResponseApiKey) bool {
		return k.ApiKey == keyShareGroupHeartbeat || k.ApiKey == keyStreamsGroupHeartbeat
	})
	for _, f := range makeOffer(&versions).answer.FinalizedFeatures {
		if f.Name == "share.version" || f.Name == "streams.version" {
			t.Errorf("%s is shown, and its requests are not served", f.Name)
		}
	}
}
