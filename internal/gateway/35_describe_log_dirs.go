package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeLogDirs needs Describe on the cluster
// (KafkaApis.handleDescribeLogDirsRequest). It says how large partitions are;
// those of klamm's own topics are left out.
//
//   - Null topics mean all. The answer has no place for a topic's error.
//   - Before v3 it has none for any: a refusal looks like a broker without
//     directories, as in Kafka.
func describeLogDirs(c *call, q *kmsg.DescribeLogDirsRequest) {
	if !c.must(do(iam.Describe, iam.ClusterResource())) {
		return
	}
	q.Topics = keep(c, q.Topics, unanswered, func(t *kmsg.DescribeLogDirsRequestTopic) *refusal {
		return c.notOurs(do(iam.Describe, topic(t.Topic)))
	})
	edit(c, func(r *kmsg.DescribeLogDirsResponse) {
		for i := range r.Dirs {
			r.Dirs[i].Topics = shown(r.Dirs[i].Topics, func(t *kmsg.DescribeLogDirsResponseDirTopic) bool { return !topic(t.Topic).Reserved() })
		}
	})
}
