package upstream

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// mechanisms are the logins that klamm can do upstream.
var mechanisms = map[string]func(scram.Auth) sasl.Mechanism{
	"SCRAM-SHA-512": scram.Auth.AsSha512Mechanism,
	"SCRAM-SHA-256": scram.Auth.AsSha256Mechanism,
}

// check refuses a login that could not work or would not be safe.
func (l Login) check(encrypted bool) error {
	if l.Mechanism == "" {
		if l.Username != "" || !l.Password.IsZero() {
			return fault.New(fault.Invalid, "a login without a mechanism, expected SCRAM-SHA-512").At("login.mechanism")
		}
		return nil
	}
	switch {
	case mechanisms[l.Mechanism] == nil:
		return fault.New(fault.Invalid, "unknown mechanism %q, expected SCRAM-SHA-512 or SCRAM-SHA-256", l.Mechanism).At("login.mechanism")
	case l.Username == "":
		return fault.New(fault.Invalid, "a login without a user name").At("login.username")
	case l.Password.IsZero():
		return fault.New(fault.Invalid, "a login without a password").At("login.password")
	case !encrypted:
		return fault.New(fault.Invalid, "a login over an unencrypted connection").At("login").Mend("add tls to the cluster")
	}
	return nil
}

// in logs in on link by SaslHandshake 1 and SaslAuthenticate 1 and returns how
// long the session may live, 0 without a limit (KIP-368).
func (l Login) in(ctx context.Context, link *kafka.Link) (time.Duration, error) {
	if l.Mechanism == "" {
		return 0, nil
	}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, l.Mechanism
	answer, err := link.Request(ctx, handshake)
	if err != nil {
		return 0, err
	}
	if offered := answer.(*kmsg.SASLHandshakeResponse); offered.ErrorCode != 0 {
		return 0, fault.New(fault.Unavailable, "the broker does not offer %s but %v (Kafka error code %d)",
			l.Mechanism, offered.SupportedMechanisms, offered.ErrorCode).At("login.mechanism")
	}
	session, message, err := mechanisms[l.Mechanism](scram.Auth{User: l.Username, Pass: l.Password.Reveal()}).Authenticate(ctx, "")
	if err != nil {
		return 0, err
	}
	for {
		step := kmsg.NewPtrSASLAuthenticateRequest()
		step.Version, step.SASLAuthBytes = 1, message
		answer, err := link.Request(ctx, step)
		if err != nil {
			return 0, err
		}
		resp := answer.(*kmsg.SASLAuthenticateResponse)
		if resp.ErrorCode != 0 {
			return 0, fault.New(fault.Unavailable, "the broker refused the login of %q (Kafka error code %d)", l.Username, resp.ErrorCode).
				At("login").Mend("check the user name and the password")
		}
		if err := checkIterations(resp.SASLAuthBytes); err != nil {
			return 0, err
		}
		done, next, err := session.Challenge(resp.SASLAuthBytes)
		if err != nil {
			return 0, fault.New(fault.Unavailable, "the SCRAM login of %q failed", l.Username).At("login").Because(err)
		}
		if done {
			return time.Duration(resp.SessionLifetimeMillis) * time.Millisecond, nil
		}
		message = next
	}
}

// mostIterations is a second or so of work. Without a bound whoever answers at
// a broker's address could keep a core busy for hours.
const mostIterations = 1_000_000

// checkIterations looks at the i= of a server-first-message (RFC 5802 section 7).
func checkIterations(message []byte) error {
	for part := range bytes.SplitSeq(message, []byte(",")) {
		if count, ok := bytes.CutPrefix(part, []byte("i=")); ok {
			if n, err := strconv.Atoi(string(count)); err != nil || n > mostIterations {
				return fault.New(fault.Unavailable, "the broker asks for more SCRAM iterations than %d", mostIterations).At("login")
			}
		}
	}
	return nil
}
