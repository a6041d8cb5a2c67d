package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ElectLeaders needs Alter on the cluster (ControllerApis.handleElectLeaders).
//
//   - Null topics mean all, klamm's own and Kafka's internal ones as well, and an
//     unclean election loses records: they become the partitions of the others,
//     and those that need no election are left out of the answer, as in Kafka.
//   - v1 (KIP-460): the type of the election, and an error at the top.
func electLeaders(c *call, q *kmsg.ElectLeadersRequest) {
	if !c.must(do(iam.Alter, iam.ClusterResource())) {
		return
	}
	if q.Topics != nil {
		q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.ElectLeadersRequestTopic) *refusal {
			return c.notOurs(do(iam.Alter, topic(t.Topic)))
		})
		return
	}
	all, err := c.session.target.askTopics(c.ctx)
	if err != nil {
		c.err = err
		return
	}
	for _, t := range all {
		if t.Topic == nil || topic(*t.Topic).Reserved() || topic(*t.Topic).Internal() {
			continue
		}
		e := kmsg.NewElectLeadersRequestTopic()
		e.Topic = *t.Topic
		for _, p := range t.Partitions {
			e.Partitions = append(e.Partitions, p.Partition)
		}
		q.Topics = append(q.Topics, e)
	}
	c.asked, c.listed = len(q.Topics) > 0, true
	edit(c, func(r *kmsg.ElectLeadersResponse) {
		r.Topics = shown(r.Topics, func(t *kmsg.ElectLeadersResponseTopic) bool {
			t.Partitions = shown(t.Partitions, func(p *kmsg.ElectLeadersResponseTopicPartition) bool { return p.ErrorCode != electionNotNeeded })
			return len(t.Partitions) > 0
		})
	})
}
