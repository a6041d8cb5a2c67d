package gateway

import (
	"errors"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
)

// mechanism is the one SASL mechanism that is served.
const mechanism = "OAUTHBEARER"

// Names of the SASL extensions that select (KIP-342). They prove nothing.
const (
	extensionCluster = "logicalCluster"
	extensionPool    = "identityPoolId"
)

// shakeHands answers SaslHandshake, at the door and on an open connection.
func shakeHands(f *kafka.Frame) (resp *kmsg.SASLHandshakeResponse, asked string, err error) {
	req, err := api.Decode(keySaslHandshake, f.Version, f.Body())
	if err != nil {
		return nil, "", err
	}
	resp = kmsg.NewPtrSASLHandshakeResponse()
	resp.Version = f.Version
	resp.SupportedMechanisms = []string{mechanism}
	asked = req.(*kmsg.SASLHandshakeRequest).Mechanism
	if asked != mechanism {
		resp.ErrorCode = unsupportedMechanism
	}
	return resp, asked, nil
}

// credential reads an OAUTHBEARER message. One that cannot be read is shown to
// the guard without a token and with the reason, so that its refusal is
// audited, and can be explained, like every other.
func (g *Gateway) credential(cluster string, message []byte) iam.Credential {
	c := iam.Credential{Mechanism: mechanism, Cluster: cluster, LogicalClusterOptional: g.LogicalClusterOptional}
	m, err := kafka.ParseOAuthBearer(message)
	if err != nil {
		c.Malformed, c.Mend = err.Error(), fault.HintOf(err)
		return c
	}
	lkc, _ := m.Extensions.Get(extensionCluster)
	pools, _ := m.Extensions.Get(extensionPool)
	if said := lkc + pools; strings.Contains(said, "eyJ") && strings.Contains(said, ".") {
		// {" in base64, and a dot: a token, which audit and explain must not show.
		c.Malformed = "an extension of the OAUTHBEARER message holds a token, expected the id of a cluster or of pools"
		return c
	}
	c.Token, c.LogicalCluster, c.PoolSelection = m.Token, lkc, pools
	return c
}

// authenticated is the answer to SaslAuthenticate: how long the session lives,
// at least 1 ms since 0 tells clients never to renew (KIP-368), or the sentence
// of the refusal.
func authenticated(version int16, lifetime time.Duration, err error) *kmsg.SASLAuthenticateResponse {
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.Version = version
	resp.SASLAuthBytes = []byte{}
	if err == nil {
		resp.SessionLifetimeMillis = max(lifetime.Milliseconds(), 1)
		return resp
	}
	resp.ErrorCode = saslFailed
	words := "Authentication failed" // a failure of ours says no more
	if refusal, ok := errors.AsType[*guard.Refusal](err); ok {
		words = refusal.Error()
	}
	resp.ErrorMessage = &words
	return resp
}
