package gateway

import (
	"context"
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// What a client may send before it is let in. A token may have 32 KiB; Kafka
// itself reads 512 KiB.
const (
	preAuthBytes  = 64 << 10
	preAuthFrames = 16
)

// hold is how long a refused login waits for its answer, counted from the
// refusal: clients such as librdkafka come back at once by themselves.
const hold = time.Second

// visitor is a client that was not let in yet.
type visitor struct {
	g      *Gateway
	t      *target
	via    relay.Via
	conn   *kafka.Conn
	offer  *offer
	origin guard.Origin
	// expects is the step that comes next; everything else is refused.
	expects step
}

// step is a state of the way in (SaslServerAuthenticator.SaslState).
type step uint8

const (
	anything  step = iota // nothing was said yet
	handshake             // ApiVersions was answered
	token                 // SaslAuthenticate after SaslHandshake 1
	rawToken              // bare SASL bytes after SaslHandshake 0
	decided               // let in or refused
)

// Accept talks with a client until it is let in. Until then it may send
// ApiVersions, SaslHandshake and SaslAuthenticate, in that order, and nothing
// else.
func (g *Gateway) Accept(ctx context.Context, conn *kafka.Conn, via relay.Via) (relay.Session, error) {
	t, ok := g.targets[via.Cluster]
	if !ok {
		return nil, fault.New(fault.Internal, "an address stands for cluster %q, which is not served", via.Cluster)
	}
	o, err := t.offer(ctx, via.Broker)
	if err != nil {
		return nil, err
	}
	v := &visitor{g: g, t: t, via: via, conn: conn, offer: o, origin: origin(conn, g.Surface)}
	return v.enter(ctx)
}

func origin(conn *kafka.Conn, surface string) guard.Origin {
	o := guard.Origin{Surface: surface, Connection: rand.Text()}
	if ap, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		o.IP, o.Port = ap.Addr().Unmap().String(), int(ap.Port())
	}
	return o
}

func (v *visitor) enter(ctx context.Context) (relay.Session, error) {
	for range preAuthFrames {
		if v.expects == rawToken {
			return v.raw(ctx)
		}
		f, err := v.conn.ReadFrame(preAuthBytes)
		if err != nil {
			return nil, err
		}
		session, err := v.frame(ctx, f)
		f.Release()
		if session != nil || err != nil {
			return session, err
		}
	}
	return nil, fault.New(fault.Exhausted, "a client sent %d requests and did not log in", preAuthFrames)
}

// frame deals with one request; it returns a session when the client is in.
func (v *visitor) frame(ctx context.Context, f *kafka.Frame) (relay.Session, error) {
	switch {
	case f.Key == keyApiVersions && v.expects <= handshake:
		v.expects = handshake
		b, err := answerVersions(v.t, v.offer, v.via, f)
		if err != nil {
			return nil, err
		}
		return nil, v.conn.WriteBytes(b)
	case f.Key == keySaslHandshake && v.expects <= handshake:
		return nil, v.handshake(ctx, f)
	case f.Key == keySaslAuthenticate && v.expects == token:
		return v.authenticate(ctx, f)
	}
	return nil, fault.New(fault.Unauthenticated, "a %s request before the login, expected %s", nameOf(f.Key), v.expects)
}

func (s step) String() string {
	return [...]string{"ApiVersions or SaslHandshake", "SaslHandshake", "SaslAuthenticate", "a SASL token", "nothing"}[s]
}

// handshake answers SaslHandshake. Another mechanism than ours is the end.
func (v *visitor) handshake(ctx context.Context, f *kafka.Frame) error {
	resp, asked, err := shakeHands(f)
	if err != nil {
		return err
	}
	v.origin.ClientID = string(f.ClientID)
	if resp.ErrorCode != 0 {
		refusal := v.g.refuseMechanism(ctx, v.origin, v.via.Cluster, asked)
		return v.delayed(ctx, appendResponse(f, resp), refusal)
	}
	v.expects = token
	if f.Version == 0 {
		v.expects = rawToken
	}
	return v.conn.WriteBytes(appendResponse(f, resp))
}

// refuseMechanism audits a client that wants another mechanism: no credential
// of it is ever looked at.
func (g *Gateway) refuseMechanism(ctx context.Context, from guard.Origin, cluster, asked string) error {
	session, err := g.Guard.Open(ctx, from, iam.Credential{Mechanism: asked[:min(len(asked), 64)], Cluster: cluster})
	if err == nil {
		session.Close()
		err = fault.New(fault.Internal, "a client without a credential was let in by the guard")
	}
	return err
}

// authenticate answers SaslAuthenticate: an error code and a sentence in the
// first answer. A challenge would hide the sentence from most clients.
func (v *visitor) authenticate(ctx context.Context, f *kafka.Frame) (relay.Session, error) {
	req, err := api.Decode(keySaslAuthenticate, f.Version, f.Body())
	if err != nil {
		return nil, err
	}
	v.expects = decided
	v.origin.ClientID = string(f.ClientID)
	c := v.g.credential(v.via.Cluster, req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes)
	grant, err := v.g.Guard.Open(ctx, v.origin, c)
	if err != nil {
		return nil, v.delayed(ctx, appendResponse(f, authenticated(f.Version, 0, err)), err)
	}
	return v.admit(grant, v.conn.WriteBytes(appendResponse(f, authenticated(f.Version, grant.Lifetime(), nil))))
}

func (v *visitor) admit(grant *guard.Session, err error) (relay.Session, error) {
	if err != nil {
		grant.Close()
		return nil, err
	}
	return newSession(v, grant), nil
}

// raw reads a token as it is sent after SaslHandshake 0: length-prefixed,
// without a Kafka header. A refusal is the JSON challenge of RFC 7628 section
// 3.2.2, to which the client answers one byte.
func (v *visitor) raw(ctx context.Context) (relay.Session, error) {
	message, err := v.conn.ReadBytes(preAuthBytes)
	if err != nil {
		return nil, err
	}
	v.expects = decided
	grant, err := v.g.Guard.Open(ctx, v.origin, v.g.credential(v.via.Cluster, message))
	if err != nil {
		if sent := v.delayed(ctx, []byte(`{"status":"invalid_token"}`), err); sent == err {
			_, _ = v.conn.ReadBytes(len(kafka.Abort))
		}
		return nil, err
	}
	return v.admit(grant, v.conn.WriteBytes(nil))
}

// delayed sends a refusal after its hold and returns the refusal. The end of
// the handshake's time cuts it short.
func (v *visitor) delayed(ctx context.Context, answer []byte, refusal error) error {
	wait := time.NewTimer(hold)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := v.conn.WriteBytes(answer); err != nil {
		return err
	}
	return refusal
}
