package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// ApiVersions is answered here, before and after login, with the offer of the
// broker that the address stands for (KafkaApis.handleApiVersionsRequest).
//
//   - v0-v2: keys only. v3 (KIP-511): features, and the client's name.
//   - v4 (KIP-1022): features that begin at 0, of which older clients choke.
//   - Above v5: a body of version 0 with UNSUPPORTED_VERSION and the range that
//     may be asked for (KIP-511).
//   - v5 (KIP-1242): the client says whom it wants to reach; the wrong cluster
//     or node is answered REBOOTSTRAP_REQUIRED.
//
// The response header is of version 0 always.
func answerVersions(t *target, o *offer, via relay.Via, f *kafka.Frame) ([]byte, error) {
	resp := o.answer
	if !own[keyApiVersions].has(f.Version) {
		resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: keyApiVersions, MaxVersion: own[keyApiVersions].max}}
		resp.SupportedFeatures, resp.FinalizedFeatures = nil, nil
		resp.ErrorCode = unsupportedVersion
		return appendResponse(f, &resp), nil
	}
	req, err := api.Decode(keyApiVersions, f.Version, f.Body())
	if err != nil {
		return nil, err
	}
	resp.Version = f.Version
	if f.Version < 4 {
		resp.SupportedFeatures = shown(slices.Clone(resp.SupportedFeatures), func(s *kmsg.ApiVersionsResponseSupportedFeature) bool { return s.MinVersion > 0 })
	}
	q := req.(*kmsg.ApiVersionsRequest)
	wrongCluster := q.ClusterID != nil && *q.ClusterID != t.name
	wrongNode := q.ClusterID != nil && q.NodeID >= 0 && via.Broker != relay.Bootstrap && q.NodeID != via.Broker
	if wrongCluster || wrongNode {
		resp.ErrorCode = rebootstrapRequired
	}
	return appendResponse(f, &resp), nil
}

// appendResponse writes a whole response to f: its header and body.
func appendResponse(f *kafka.Frame, resp kmsg.Response) []byte {
	return resp.AppendTo(kafka.ResponseHeader(nil, f.Key, f.Version, f.Correlation))
}
