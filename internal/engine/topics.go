package engine

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxTopicName is the longest topic name that Kafka allows.
const maxTopicName = 249

// topicNameProblem says what Kafka would say of a topic's name
// (org.apache.kafka.common.internals.Topic#validate); "" is a good name.
func topicNameProblem(name string) string {
	switch {
	case name == "" || name == "." || name == "..":
		return `may not be empty, "." or ".."`
	case len(name) > maxTopicName:
		return "is longer than 249 characters"
	case strings.ContainsFunc(name, notInTopicNames):
		return "may contain only letters, digits, '.', '_' and '-'"
	}
	return ""
}

func notInTopicNames(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
}

// maxPartitions bounds what one topic may take: every partition costs memory
// of this process.
const maxPartitions = 10_000

const tooManyPartitions = "a topic of the lab has at most 10000 partitions"

func createProblem(t kmsg.CreateTopicsRequestTopic) (code int16, message string) {
	if problem := topicNameProblem(t.Topic); problem != "" {
		return kerr.InvalidTopicException.Code, "the topic's name " + problem
	}
	if t.NumPartitions > maxPartitions {
		return kerr.InvalidPartitions.Code, tooManyPartitions
	}
	for _, c := range t.Configs {
		if !topicConfigs[c.Name] {
			return kerr.InvalidConfig.Code, unknownConfiguration + c.Name
		}
	}
	return 0, ""
}

const unknownConfiguration = "unknown topic configuration "

// unknownConfig reports whether Kafka knows no such configuration of a topic.
func unknownConfig(t kmsg.ConfigResourceType, name string) bool {
	return t == kmsg.ConfigResourceTypeTopic && !topicConfigs[name]
}

// topicConfigs are the configurations of a topic in Kafka 4.3
// (https://kafka.apache.org/documentation/#topicconfigs).
var topicConfigs = set(
	"cleanup.policy", "compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level",
	"delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms", "follower.replication.throttled.replicas",
	"index.interval.bytes", "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms",
	"max.compaction.lag.ms", "max.message.bytes", "message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
	"message.timestamp.type", "min.cleanable.dirty.ratio", "min.compaction.lag.ms", "min.insync.replicas", "preallocate",
	"remote.copy.disable", "remote.log.delete.on.disable", "remote.storage.enable", "retention.bytes", "retention.ms",
	"segment.bytes", "segment.index.bytes", "segment.jitter.ms", "segment.ms", "unclean.leader.election.enable",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
