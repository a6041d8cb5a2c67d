package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// Fetch needs Read on each topic (KafkaApis.handleFetchRequest).
//
//   - Every fetch is made one without a session, in place (KIP-227): a session
//     id is a bearer secret, and Kafka gives the records of a session to any
//     connection that sends its id. A client that goes on with a session it had
//     elsewhere is told that nobody knows it; one that begins is served.
//   - A replica id other than a consumer's, -1, is an attack (CVE-2018-1288); up
//     to v14 it is the first field, from v15 (KIP-903) it stands in a tag.
//   - v13: topics by id. v16 (KIP-951): addresses of brokers in the answer.
func planFetch(s *session, c *call, f *kafka.Frame) (relay.Plan, error) {
	body := f.Body()
	if err := s.fetch.Read(f.Version, body); err != nil {
		return relay.Plan{}, err
	}
	c.asked = true
	if s.fetch.ReplicaID != -1 {
		c.attack("a Fetch as replica", "a consumer, whose replica id is -1")
		return relay.Plan{}, c.err
	}
	if e := s.fetch.SessionEpoch; e != 0 && e != -1 {
		resp := kmsg.NewPtrFetchResponse()
		resp.ErrorCode = fetchSessionUnknown
		return s.here(c, f, resp)
	}
	s.fetch.Sessionless(body)
	all := s.topicsAllowed(c, iam.Read, s.fetch.Topics, f.Version >= api.FetchIDs, body)
	if c.err != nil {
		return relay.Plan{}, c.err
	}
	if all {
		return relay.Plan{Verdict: relay.Pass, Drop: true}, nil
	}
	req, err := api.Decode(keyFetch, f.Version, body)
	if err != nil {
		return relay.Plan{}, err
	}
	q, i := req.(*kmsg.FetchRequest), -1
	q.Topics = keep(c, q.Topics, "Topics", func(*kmsg.FetchRequestTopic) *refusal { i++; return s.refused[i] })
	q.ForgottenTopics = nil // of the session that is no more
	plan, err := s.finish(c, f, req)
	plan.Drop = true
	return plan, err
}
