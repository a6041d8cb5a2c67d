//go:build suite

package admin

import (
	"context"
	"encoding/base64"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func groups() []call {
	return []call{
		{"FindGroupCoordinators", func(s *story) { s.coordinator(s.adm.FindGroupCoordinators, s.committed) }},
		{"CommitOffsets", func(s *story) { must(s.adm.CommitOffsets(s.ctx, s.committed, s.at(3))) }},
		{"CommitAllOffsets", func(s *story) { must(0, s.adm.CommitAllOffsets(s.ctx, s.committed, s.at(4))) }},
		{"FetchOffsets", func(s *story) { s.stands(4)(s.adm.FetchOffsets(s.ctx, s.committed)) }},
		{"FetchOffsetsForTopics", func(s *story) { s.stands(4)(s.adm.FetchOffsetsForTopics(s.ctx, s.committed, s.topic)) }},
		{"FetchManyOffsets", func(s *story) {
			many := must(s.adm.FetchManyOffsets(s.ctx, s.committed), nil)
			s.stands(4)(many[s.committed].Fetched, many.Error())
		}},
		{"CommitOffsetsByID", func(s *story) { must(s.adm.CommitOffsetsByID(s.ctx, s.committed, s.atByID(5))) }},
		{"CommitAllOffsetsByID", func(s *story) { must(0, s.adm.CommitAllOffsetsByID(s.ctx, s.committed, s.atByID(6))) }},
		{"FetchOffsetsByID", func(s *story) {
			found := must(s.adm.FetchOffsetsByID(s.ctx, s.committed))
			o, ok := found.Lookup(s.id, 1)
			expect(ok && o.At == 6, found)
		}},
		{"Lag", func(s *story) {
			lags := must(s.adm.Lag(s.ctx, s.committed))
			lag, ok := lags[s.committed].Lag.Lookup(s.topic, 1)
			expect(ok && lag.Lag == 4, lags)
		}},
		{"DeleteOffsets", func(s *story) {
			var one kadm.TopicsSet
			one.Add(s.topic, 2)
			must(s.adm.DeleteOffsets(s.ctx, s.committed, one))
			_, still := must(s.adm.FetchOffsets(s.ctx, s.committed)).Lookup(s.topic, 2)
			expect(!still, "an offset that was deleted")
		}},
		{"DescribeGroups", func(s *story) {
			s.join(kgo.ConsumerGroup(s.classic))
			s.until(func() bool {
				g := must(s.adm.DescribeGroups(s.ctx, s.classic))[s.classic]
				return g.State == "Stable" && len(g.Members) == 1 && len(g.AssignedPartitions()[s.topic]) == 3
			})
		}},
		{"DescribeConsumerGroups", func(s *story) {
			s.join(kgo.ConsumerGroup(s.consumers), kgo.ServerSideBalancer())
			s.until(func() bool {
				g := must(s.adm.DescribeConsumerGroups(s.ctx, s.consumers))[s.consumers]
				return g.State == "Stable" && len(g.Members) == 1 && len(g.AssignedPartitions()[s.topic]) == 3
			})
		}},
		{"ListGroups", func(s *story) {
			found := must(s.adm.ListGroups(s.ctx))
			expect(found[s.committed].State == "Empty" && found[s.consumers].Coordinator == broker, found[s.committed])
		}},
		{"ListGroupsByType", func(s *story) {
			found := must(s.adm.ListGroupsByType(s.ctx, []string{"classic"}))
			_, old := found[s.committed]
			_, recent := found[s.consumers]
			expect(old && !recent, found)
		}},
		{"LeaveGroup", func(s *story) {
			c := s.join(kgo.ConsumerGroup(s.static), kgo.InstanceID("one"))
			members := func() int { return len(must(s.adm.DescribeGroups(s.ctx, s.static))[s.static].Members) }
			s.until(func() bool { return members() == 1 })
			c.Close()
			expect(members() == 1, "that a static member left with its client")
			must(s.adm.LeaveGroup(s.ctx, kadm.LeaveGroup(s.static).InstanceIDs("one").Reason("kadm")))
			s.until(func() bool { return members() == 0 })
		}},
		{"DescribeShareGroups", func(s *story) {
			s.join(kgo.ShareGroup(s.shared))
			s.until(func() bool {
				g := must(s.adm.DescribeShareGroups(s.ctx, s.shared))[s.shared]
				return g.GroupState == "Stable" && len(g.Members) == 1 && len(g.AssignedPartitions()[s.topic]) == 3
			})
		}},
		{"DescribeShareGroupOffsets", func(s *story) { must(s.adm.DescribeShareGroupOffsets(s.ctx, s.shared)) }},
		{"AlterShareGroupOffsets", func(s *story) {
			var to kadm.Offsets
			to.AddOffset(s.topic, 1, 2, -1)
			must(s.adm.AlterShareGroupOffsets(s.ctx, s.shared+"-empty", to))
		}},
		{"DeleteShareGroupOffsets", func(s *story) { must(s.adm.DeleteShareGroupOffsets(s.ctx, s.shared+"-empty", s.topic)) }},
		{"FindShareCoordinators", func(s *story) {
			s.coordinator(s.adm.FindShareCoordinators, s.shared+":"+base64.RawURLEncoding.EncodeToString(s.id[:])+":0")
		}},
	}
}

// coordinator expects one, the broker.
func (s *story) coordinator(find func(context.Context, ...string) kadm.FindCoordinatorResponses, of string) {
	s.until(func() bool { return must(find(s.ctx, of), nil)[of].NodeID == broker })
}

// at are offsets to commit, one in each partition.
func (s *story) at(offset int64) kadm.Offsets {
	var all kadm.Offsets
	for p := range int32(3) {
		all.AddOffset(s.topic, p, offset, -1)
	}
	return all
}

func (s *story) atByID(offset int64) kadm.OffsetsByID {
	var all kadm.OffsetsByID
	for p := range int32(3) {
		all.Add(kadm.Offset{Topic: s.topic, TopicID: s.id, Partition: p, At: offset, LeaderEpoch: -1})
	}
	return all
}

// stands expects that offset to be committed in partition 1.
func (s *story) stands(at int64) func(kadm.OffsetResponses, error) {
	return func(found kadm.OffsetResponses, err error) {
		o, ok := must(found, err).Lookup(s.topic, 1)
		expect(ok && o.At == at, found)
	}
}

// join is a member of a group until the call ends.
func (s *story) join(group ...kgo.Opt) *kgo.Client {
	c := client(s.T, append(group, kgo.ConsumeTopics(s.topic))...)
	go c.PollFetches(s.ctx)
	return c
}
