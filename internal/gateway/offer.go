package gateway

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// span is a range of versions; the zero value has none of them only when
// served is false.
type span struct {
	min, max int16
	served   bool
}

func (s span) has(version int16) bool { return s.served && s.min <= version && version <= s.max }

// offer is what clients of one broker are offered: for each API key the
// versions that the rules, kmsg and the broker have in common. It is the same
// before and after login.
type offer struct {
	spans  [kmsg.MaxKey + 1]span
	answer kmsg.ApiVersionsResponse
}

func (o *offer) has(key, version int16) bool {
	return key >= 0 && int(key) < len(o.spans) && o.spans[key].has(version)
}

// own are the keys that klamm answers itself, whatever the broker has.
var own = []struct {
	span
	needs, method string // as a rule has them
}{
	17: {span{0, 1, true}, "nothing; OAUTHBEARER is the one mechanism", "SaslServerAuthenticator.handleHandshakeRequest"},
	18: {span{0, 5, true}, "nothing; the same before and after the login", "KafkaApis.handleApiVersionsRequest"},
	36: {span{0, 2, true}, "nothing; it is the login", "SaslServerAuthenticator.handleSaslToken"},
}

// transactional are the keys that transactions of the second version need, each
// with the first version that has them (KIP-890). With only some of them a
// client would leave out AddPartitionsToTxn and nobody would do it in its place.
var transactional = map[int16]int16{keyProduce: 12, keyEndTxn: 5, keyTxnOffsetCommit: 5}

// makeOffer intersects the rules with what a broker has.
func makeOffer(broker *kmsg.ApiVersionsResponse) *offer {
	o := &offer{}
	for _, k := range broker.ApiKeys {
		r, ok := rules[k.ApiKey]
		if !ok {
			continue
		}
		s := span{max(r.min, k.MinVersion), min(r.max, k.MaxVersion), true}
		if s.min <= s.max {
			o.spans[k.ApiKey] = s
		}
	}
	for key, s := range own {
		if s.served {
			o.spans[key] = s.span
		}
	}
	second := true
	for key, first := range transactional {
		second = second && o.spans[key].has(first)
	}
	if !second {
		for key, first := range transactional {
			o.spans[key].max = min(o.spans[key].max, first-1)
			o.spans[key].served = o.spans[key].served && o.spans[key].min <= o.spans[key].max
		}
	}
	o.compose(broker, second)
	return o
}

// compose writes the answer.
func (o *offer) compose(broker *kmsg.ApiVersionsResponse, second bool) {
	o.answer = kmsg.NewApiVersionsResponse()
	for key, s := range o.spans {
		if !s.served {
			continue
		}
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = int16(key), s.min, s.max
		if key == keyProduce {
			// Kafka shows 0 although it serves 3 on: librdkafka takes the range for
			// a list of what messages may look like and else compresses nothing
			// (KAFKA-18659).
			k.MinVersion = 0
		}
		o.answer.ApiKeys = append(o.answer.ApiKeys, k)
	}
	for _, f := range broker.SupportedFeatures {
		if f.MaxVersion = highest(f.Name, f.MaxVersion, second); o.shows(f.Name) && f.MaxVersion >= f.MinVersion {
			o.answer.SupportedFeatures = append(o.answer.SupportedFeatures, f)
		}
	}
	for _, f := range broker.FinalizedFeatures {
		if f.MaxVersionLevel = highest(f.Name, f.MaxVersionLevel, second); o.shows(f.Name) && f.MaxVersionLevel >= f.MinVersionLevel {
			o.answer.FinalizedFeatures = append(o.answer.FinalizedFeatures, f)
		}
	}
	o.answer.FinalizedFeaturesEpoch = broker.FinalizedFeaturesEpoch
}

// features are the cluster's features that clients are told of, each with an API
// key that must be served for it (KIP-584).
var features = map[string]int16{
	"metadata.version": keyMetadata, "kraft.version": keyMetadata, "group.version": keyConsumerGroupHeartbeat,
	"eligible.leader.replicas.version": keyDescribeTopicPartitions, featureTransactions: keyEndTxn, "share.version": keyShareGroupHeartbeat, "streams.version": keyStreamsGroupHeartbeat,
}

const featureTransactions = "transaction.version"

func (o *offer) shows(feature string) bool {
	key, ok := features[feature]
	return ok && o.spans[key].served
}

func highest(feature string, level int16, second bool) int16 {
	if feature == featureTransactions && !second {
		return min(level, 1)
	}
	return level
}

// offers keeps the offer of each broker as long as the broker's own answer
// stays the same.
type offers struct {
	mu    sync.Mutex
	known map[int32]known
}

type known struct {
	from  *kmsg.ApiVersionsResponse
	offer *offer
}

// offer is what clients of a broker are offered. A cluster that was never
// reached is an error: nothing is guessed.
func (t *target) offer(ctx context.Context, broker int32) (*offer, error) {
	from, err := t.Versions(ctx, broker)
	if err != nil {
		return nil, err
	}
	t.offers.mu.Lock()
	defer t.offers.mu.Unlock()
	k, ok := t.offers.known[broker]
	if !ok || k.from != from {
		k = known{from, makeOffer(from)}
		if t.offers.known == nil {
			t.offers.known = map[int32]known{}
		}
		t.offers.known[broker] = k
	}
	return k.offer, nil
}
