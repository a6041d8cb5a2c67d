package api

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokerSecrets are parts of names of broker configurations that say where
// brokers, controllers or their helpers are (Kafka broker configs "listeners",
// "advertised.listeners", "controller.quorum.voters", …).
var brokerSecrets = []string{"listeners", "advertised", "quorum", "bootstrap", "zookeeper.connect", "host.name"}

// hideBrokerConfigs removes addresses from the configurations of brokers.
// Those of topics and groups have none.
func hideBrokerConfigs(_ *rewriter, r *kmsg.DescribeConfigsResponse) {
	for i := range r.Resources {
		res := &r.Resources[i]
		if res.ResourceType == kmsg.ConfigResourceTypeTopic || res.ResourceType == kmsg.ConfigResourceTypeGroupConfig {
			continue
		}
		kept := res.Configs[:0]
		for _, c := range res.Configs {
			if placed(c.Name) {
				continue
			}
			scrubValue(c.Value)
			synonyms := c.ConfigSynonyms[:0]
			for _, s := range c.ConfigSynonyms {
				if !placed(s.Name) {
					scrubValue(s.Value)
					synonyms = append(synonyms, s)
				}
			}
			c.ConfigSynonyms = synonyms
			kept = append(kept, c)
		}
		res.Configs = kept
	}
}

func placed(name string) bool {
	for _, part := range brokerSecrets {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func scrubValue(v *string) {
	if v != nil {
		*v = Scrub(*v)
	}
}
