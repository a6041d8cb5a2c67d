//go:build suite

package admin

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stories are all calls in their order.
func stories() []call {
	return append(append(append(topics(), groups()...), cluster()...), farewell()...)
}

func topics() []call {
	value := kadm.StringPtr
	retention := func(hours int) []kadm.AlterConfig {
		return []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: value(strconv.Itoa(hours * 3600000))}}
	}
	return []call{
		{"ValidateCreateTopics", func(s *story) { must(s.adm.ValidateCreateTopics(s.ctx, 3, 1, nil, s.topic)) }},
		{"CreateTopic", func(s *story) {
			must(s.adm.CreateTopic(s.ctx, 2, 1, map[string]*string{"retention.ms": value("7200000")}, s.topic))
			s.until(func() bool { return len(must(s.adm.ListTopics(s.ctx, s.topic))[s.topic].Partitions) == 2 })
		}},
		{"CreateTopics", func(s *story) { must(s.adm.CreateTopics(s.ctx, 1, 1, nil, s.topic+"-a", s.topic+"-b")) }},
		{"ValidateCreatePartitions", func(s *story) { must(s.adm.ValidateCreatePartitions(s.ctx, 1, s.topic)) }},
		{"CreatePartitions", func(s *story) {
			must(s.adm.CreatePartitions(s.ctx, 1, s.topic))
			s.until(func() bool { return len(must(s.adm.ListTopics(s.ctx, s.topic))[s.topic].Partitions) == 3 })
		}},
		{"ValidateUpdatePartitions", func(s *story) { must(s.adm.ValidateUpdatePartitions(s.ctx, 2, s.topic+"-a")) }},
		{"UpdatePartitions", func(s *story) { must(s.adm.UpdatePartitions(s.ctx, 2, s.topic+"-a")) }},
		{"ListTopics", func(s *story) {
			found := must(s.adm.ListTopics(s.ctx))
			expect(found.Has(s.topic) && found.Has(s.topic+"-b"), found.Names())
		}},
		{"ListTopicsWithInternal", func(s *story) {
			// Looking for a coordinator makes Kafka create its own topics.
			_ = s.adm.FindGroupCoordinators(s.ctx, s.committed)
			s.until(func() bool { return must(s.adm.ListTopicsWithInternal(s.ctx)).Has("__consumer_offsets") })
		}},
		{"Metadata", func(s *story) {
			m := must(s.adm.Metadata(s.ctx, s.topic))
			s.id = m.Topics[s.topic].ID
			expect(m.Topics[s.topic].ID != kadm.TopicID{} && m.Cluster != "" && m.Controller == broker && len(m.Brokers) == 1, m)
		}},
		{"ListStartOffsets", func(s *story) {
			s.produce()
			s.offsets(0)(s.adm.ListStartOffsets(s.ctx, s.topic))
		}},
		{"ListEndOffsets", func(s *story) { s.offsets(10)(s.adm.ListEndOffsets(s.ctx, s.topic)) }},
		{"ListCommittedOffsets", func(s *story) { s.offsets(10)(s.adm.ListCommittedOffsets(s.ctx, s.topic)) }},
		{"ListMaxTimestampOffsets", func(s *story) { must(s.adm.ListMaxTimestampOffsets(s.ctx, s.topic)) }},
		{"ListLocalLogStartOffsets", func(s *story) { s.offsets(0)(s.adm.ListLocalLogStartOffsets(s.ctx, s.topic)) }},
		{"ListLatestRemoteOffsets", func(s *story) { must(s.adm.ListLatestRemoteOffsets(s.ctx, s.topic)) }},
		{"ListOffsetsAfterMilli", func(s *story) {
			s.offsets(0)(s.adm.ListOffsetsAfterMilli(s.ctx, time.Now().Add(-time.Hour).UnixMilli(), s.topic))
		}},
		{"OffsetForLeaderEpoch", func(s *story) { s.epochs(s.adm.OffsetForLeaderEpoch) }},
		{"OffetForLeaderEpoch", func(s *story) { s.epochs(s.adm.OffetForLeaderEpoch) }},
		{"DescribeTopicConfigs", func(s *story) { s.retains("7200000") }},
		{"ValidateAlterTopicConfigs", func(s *story) { must(s.adm.ValidateAlterTopicConfigs(s.ctx, retention(3), s.topic)) }},
		{"AlterTopicConfigs", func(s *story) {
			must(s.adm.AlterTopicConfigs(s.ctx, retention(3), s.topic))
			s.retains("10800000")
		}},
		{"ValidateAlterTopicConfigsState", func(s *story) { must(s.adm.ValidateAlterTopicConfigsState(s.ctx, retention(4), s.topic)) }},
		{"AlterTopicConfigsState", func(s *story) {
			must(s.adm.AlterTopicConfigsState(s.ctx, retention(4), s.topic))
			s.retains("14400000")
		}},
		{"DeleteRecords", func(s *story) {
			var before kadm.Offsets
			before.AddOffset(s.topic, 2, 5, -1)
			must(s.adm.DeleteRecords(s.ctx, before))
			first, _ := must(s.adm.ListStartOffsets(s.ctx, s.topic)).Lookup(s.topic, 2)
			expect(first.Offset == 5, first)
		}},
		{"DeleteTopic", func(s *story) { must(s.adm.DeleteTopic(s.ctx, s.topic+"-a")) }},
		{"DeleteTopics", func(s *story) { must(s.adm.DeleteTopics(s.ctx, s.topic+"-b")) }},
	}
}

// produce writes ten records into each partition.
func (s *story) produce() {
	c := client(s.T, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i := range int32(30) {
		if err := c.ProduceSync(s.ctx, &kgo.Record{Topic: s.topic, Partition: i % 3, Value: []byte("kadm")}).FirstErr(); err != nil {
			panic(failure{err})
		}
	}
}

// offsets expects the same one of each partition.
func (s *story) offsets(at int64) func(kadm.ListedOffsets, error) {
	return func(listed kadm.ListedOffsets, err error) {
		must(listed, err)
		for p := range int32(3) {
			o, ok := listed.Lookup(s.topic, p)
			expect(ok && o.Offset == at, listed)
		}
	}
}

func (s *story) epochs(ask func(context.Context, kadm.OffsetForLeaderEpochRequest) (kadm.OffsetsForLeaderEpochs, error)) {
	var req kadm.OffsetForLeaderEpochRequest
	req.Add(s.topic, 0, 0)
	end := must(ask(s.ctx, req))
	expect(end[s.topic][0].EndOffset == 10, end)
}

// retains waits until the topic's configuration says so.
func (s *story) retains(want string) {
	s.until(func() bool {
		topic, err := must(s.adm.DescribeTopicConfigs(s.ctx, s.topic)).On(s.topic, nil)
		for _, c := range must(topic, err).Configs {
			if c.Key == "retention.ms" {
				return c.MaybeValue() == want
			}
		}
		return false
	})
}

// farewell ends what the story began; the client comes last.
func farewell() []call {
	return []call{
		{"DeleteGroup", func(s *story) { must(s.adm.DeleteGroup(s.ctx, s.committed)) }},
		{"DeleteGroups", func(s *story) {
			_, err := s.adm.DeleteGroup(s.ctx, s.committed)
			expect(errors.Is(err, kerr.GroupIDNotFound), err)
			must(s.adm.DeleteGroups(s.ctx, s.static))
		}},
		{"SetTimeoutMillis", func(s *story) {
			s.adm.SetTimeoutMillis(20000)
			must(s.adm.DeleteTopic(s.ctx, s.topic))
		}},
		{"Close", func(s *story) {
			s.adm.Close()
			_, err := s.adm.DeleteTopics(s.ctx, s.topic)
			expect(err != nil, "after the end")
		}},
	}
}
