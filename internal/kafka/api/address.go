package api

import "github.com/twmb/franz-go/pkg/kmsg"

// Resolve gives the address under which clients see a broker; ok is false for
// a broker that has none.
type Resolve func(node int32) (host string, port int32, ok bool)

// HiddenHost stands for the host of a group's member: the broker knows only
// the address of whoever carries the member's connection.
const HiddenHost = "/hidden"

// Rewrite puts the addresses that clients may see in place of all that a
// broker says about itself: its own addresses, those of other brokers, and
// such as stand in its words and its configuration. A broker without an
// address is left out, a coordinator without one is not available. It reports
// the nodes that were left out.
func Rewrite(resp kmsg.Response, at Resolve) (lost []int32) {
	w := &rewriter{at: at}
	if rewrite, ok := rewriters[resp.Key()]; ok {
		rewrite(w, resp)
	}
	scrubWords(resp)
	return w.lost
}

type rewriter struct {
	at   Resolve
	lost []int32
}

// rewriters has a row for each response with an address in it; a test walks
// over all of kmsg's responses and wants one.
var rewriters = map[int16]func(*rewriter, kmsg.Response){
	0: on(func(w *rewriter, r *kmsg.ProduceResponse) {
		r.Brokers = each(w, r.Brokers, func(b *kmsg.ProduceResponseBroker) place { return place{b.NodeID, &b.Host, &b.Port} })
	}),
	1: on(func(w *rewriter, r *kmsg.FetchResponse) {
		r.Brokers = each(w, r.Brokers, func(b *kmsg.FetchResponseBroker) place { return place{b.NodeID, &b.Host, &b.Port} })
	}),
	3: on(func(w *rewriter, r *kmsg.MetadataResponse) {
		r.Brokers = each(w, r.Brokers, func(b *kmsg.MetadataResponseBroker) place { return place{b.NodeID, &b.Host, &b.Port} })
	}),
	10: on(func(w *rewriter, r *kmsg.FindCoordinatorResponse) {
		if r.Version < 4 { // one key, no list (KIP-699)
			w.coordinator(&r.ErrorCode, &r.NodeID, &r.Host, &r.Port)
			return
		}
		r.NodeID, r.Host, r.Port = -1, "", -1
		for i := range r.Coordinators {
			c := &r.Coordinators[i]
			w.coordinator(&c.ErrorCode, &c.NodeID, &c.Host, &c.Port)
		}
	}),
	60: on(func(w *rewriter, r *kmsg.DescribeClusterResponse) {
		r.Brokers = each(w, r.Brokers, func(b *kmsg.DescribeClusterResponseBroker) place { return place{b.NodeID, &b.Host, &b.Port} })
	}),
	78: on(func(w *rewriter, r *kmsg.ShareFetchResponse) {
		withRecords(r)
		r.NodeEndpoints = each(w, r.NodeEndpoints, func(b *kmsg.ShareFetchResponseNodeEndpoint) place { return place{b.NodeID, &b.Host, &b.Port} })
	}),
	79: on(func(w *rewriter, r *kmsg.ShareAcknowledgeResponse) {
		r.NodeEndpoints = each(w, r.NodeEndpoints, func(b *kmsg.ShareAcknowledgeResponseNodeEndpoint) place { return place{b.NodeID, &b.Host, &b.Port} })
	}),

	// Members of groups.
	15: members(
		func(r *kmsg.DescribeGroupsResponse) []kmsg.DescribeGroupsResponseGroup { return r.Groups },
		func(g *kmsg.DescribeGroupsResponseGroup) []kmsg.DescribeGroupsResponseGroupMember { return g.Members },
		func(m *kmsg.DescribeGroupsResponseGroupMember) *string { return &m.ClientHost },
	),
	69: members(
		func(r *kmsg.ConsumerGroupDescribeResponse) []kmsg.ConsumerGroupDescribeResponseGroup { return r.Groups },
		func(g *kmsg.ConsumerGroupDescribeResponseGroup) []kmsg.ConsumerGroupDescribeResponseGroupMember {
			return g.Members
		},
		func(m *kmsg.ConsumerGroupDescribeResponseGroupMember) *string { return &m.ClientHost },
	),
	77: members(
		func(r *kmsg.ShareGroupDescribeResponse) []kmsg.ShareGroupDescribeResponseGroup { return r.Groups },
		func(g *kmsg.ShareGroupDescribeResponseGroup) []kmsg.ShareGroupDescribeResponseGroupMember {
			return g.Members
		},
		func(m *kmsg.ShareGroupDescribeResponseGroupMember) *string { return &m.ClientHost },
	),
	89: members(
		func(r *kmsg.StreamsGroupDescribeResponse) []kmsg.StreamsGroupDescribeResponseGroup { return r.Groups },
		func(g *kmsg.StreamsGroupDescribeResponseGroup) []kmsg.StreamsGroupDescribeResponseGroupMember {
			return g.Members
		},
		func(m *kmsg.StreamsGroupDescribeResponseGroupMember) *string { return &m.ClientHost },
	),

	32: on(hideBrokerConfigs),

	// Controllers are nobody's business.
	52: on(func(_ *rewriter, r *kmsg.VoteResponse) { r.NodeEndpoints = nil }),
	53: on(func(_ *rewriter, r *kmsg.BeginQuorumEpochResponse) { r.NodeEndpoints = nil }),
	54: on(func(_ *rewriter, r *kmsg.EndQuorumEpochResponse) { r.NodeEndpoints = nil }),
	55: on(func(_ *rewriter, r *kmsg.DescribeQuorumResponse) {
		for i := range r.Nodes {
			r.Nodes[i].Listeners = nil
		}
	}),
	59: on(func(_ *rewriter, r *kmsg.FetchSnapshotResponse) { r.NodeEndpoints = nil }),
	82: on(func(_ *rewriter, r *kmsg.UpdateRaftVoterResponse) {
		r.CurrentLeader.Host, r.CurrentLeader.Port = "", -1
	}),
}

// withRecords writes no records as empty ones: that is how brokers do, and
// Kafka's own clients fail at a null there.
func withRecords(r *kmsg.ShareFetchResponse) {
	for i := range r.Topics {
		partitions := r.Topics[i].Partitions
		for j := range partitions {
			if partitions[j].Records == nil {
				partitions[j].Records = []byte{}
			}
		}
	}
}

// notAddresses are fields that are called like an address and are none of a
// broker's.
var notAddresses = map[string]string{
	"DescribeACLsResponse.Resources.ACLs.Host":                                 "the client's host that an ACL is about",
	"DeleteACLsResponse.Results.MatchingACLs.Host":                             "the client's host that an ACL is about",
	"StreamsGroupHeartbeatResponse.PartitionsByUserEndpoint.UserEndpoint.Host": "where an application serves its users (application.server)",
	"StreamsGroupHeartbeatResponse.PartitionsByUserEndpoint.UserEndpoint.Port": "where an application serves its users (application.server)",
	"StreamsGroupDescribeResponse.Groups.Members.UserEndpoint.Host":            "where an application serves its users (application.server)",
	"StreamsGroupDescribeResponse.Groups.Members.UserEndpoint.Port":            "where an application serves its users (application.server)",
}

// on makes a row of a function that wants a particular response.
func on[R kmsg.Response](f func(*rewriter, R)) func(*rewriter, kmsg.Response) {
	return func(w *rewriter, resp kmsg.Response) { f(w, resp.(R)) }
}

// members makes a row that hides where the members of groups come from.
func members[R kmsg.Response, G, M any](groups func(R) []G, of func(*G) []M, host func(*M) *string) func(*rewriter, kmsg.Response) {
	return on(func(_ *rewriter, r R) {
		list := groups(r)
		for i := range list {
			all := of(&list[i])
			for j := range all {
				*host(&all[j]) = HiddenHost
			}
		}
	})
}

// place is where a broker's address stands.
type place struct {
	node int32
	host *string
	port *int32
}

// each rewrites a list of brokers and drops those without an address.
func each[B any](w *rewriter, brokers []B, where func(*B) place) []B {
	kept := brokers[:0]
	for i := range brokers {
		p := where(&brokers[i])
		host, port, ok := w.at(p.node)
		if !ok {
			w.lost = append(w.lost, p.node)
			continue
		}
		*p.host, *p.port = host, port
		kept = append(kept, brokers[i])
	}
	return kept
}

// CoordinatorNotAvailable is Kafka's error 15.
const CoordinatorNotAvailable = 15

func (w *rewriter) coordinator(code *int16, node *int32, host *string, port *int32) {
	if *code == 0 {
		h, p, ok := w.at(*node)
		if ok {
			*host, *port = h, p
			return
		}
		w.lost = append(w.lost, *node)
		*code = CoordinatorNotAvailable
	}
	*node, *host, *port = -1, "", -1
}
