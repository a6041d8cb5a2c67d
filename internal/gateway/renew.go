package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// Re-authentication of an open connection (KIP-368): SaslHandshake 1, then
// SaslAuthenticate, and nothing in between. Answers keep their place in the
// queue, so that a waiting Fetch delays them.

// renewal is how far a re-authentication has come, and how often there was one.
type renewal struct {
	begun bool
	since time.Time // beginning of the minute that is counted
	count int
}

// renewalsPerMinute is generous: Kafka refuses a second within a second, but
// kafkajs renews before every request once less than 10 s are left.
const renewalsPerMinute = 6000

func (r *renewal) tooMany(now time.Time) bool {
	if now.Sub(r.since) > time.Minute {
		r.since, r.count = now, 0
	}
	r.count++
	return r.count > renewalsPerMinute
}

func (s *session) handshake(c *call, f *kafka.Frame) (relay.Plan, error) {
	if f.Version == 0 {
		c.attack("a re-authentication by SaslHandshake 0", "SaslHandshake 1", newLogin)
		return relay.Plan{}, c.err
	}
	if s.renewal.tooMany(time.Now()) {
		c.attack(fmt.Sprintf("more than %d re-authentications in a minute", renewalsPerMinute), "one for each token", fewerRenewals)
		return relay.Plan{}, c.err
	}
	resp, asked, err := shakeHands(f)
	if err != nil {
		return relay.Plan{}, err
	}
	plan := relay.Plan{Verdict: relay.Answer, Bytes: appendResponse(f, resp)}
	if resp.ErrorCode != 0 {
		c.attack("a re-authentication by "+asked, mechanism+", as at login", sameSASL)
		plan.Hold, plan.Last = hold, true
		return plan, nil
	}
	s.renewal.begun = true
	s.grant.Renewing(s.g.Handshake)
	return plan, nil
}

func (s *session) authenticate(c *call, f *kafka.Frame) (relay.Plan, error) {
	if !own[keySaslAuthenticate].has(f.Version) {
		return closed("SaslAuthenticate %d, which does not exist", f.Version)
	}
	req, err := api.Decode(keySaslAuthenticate, f.Version, f.Body())
	if err != nil {
		return relay.Plan{}, err
	}
	if !s.renewal.begun {
		return relay.Plan{Verdict: relay.Answer, Bytes: appendResponse(f, ownError(req, refusal{
			code: illegalSaslState, words: "SaslAuthenticate request received after successful authentication",
		}))}, nil
	}
	s.renewal.begun = false
	err = s.grant.Reauthenticate(c.ctx, s.g.credential(s.via.Cluster, req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes))
	if _, refused := errors.AsType[*guard.Refusal](err); err != nil && !refused {
		return relay.Plan{}, err
	}
	plan := relay.Plan{Verdict: relay.Answer, Bytes: appendResponse(f, authenticated(f.Version, s.grant.Lifetime(), err))}
	if err != nil {
		plan.Hold, plan.Last = hold, true
	}
	return plan, nil
}
