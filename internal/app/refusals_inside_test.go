package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/gateway"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/store/files"
	"github.com/klammhq/klamm/internal/upstream"
)

// onceInside are refusals of requests, of re-authentications and of sessions.
func onceInside() []provocation {
	const foundBy = "The connection is closed, which leaves no room for words: the refusal is found by the principal or the claim."
	again := func(change map[string]any, code iam.Code) func(*house) (outcome, error) {
		return func(h *house) (outcome, error) {
			return h.unwelcome(h.run.Bootstrap, here(h.token(change)), [][]byte{here(h.token(map[string]any{"sub": "svc-first"}))})
		}
	}
	return []provocation{
		{code: guard.CodeNoRole, hint: "enough would be", by: asks("reader", "svc-creates", func() kmsg.Request { return creation("fresh") }, created, guard.CodeNoRole)},
		{code: guard.CodeReserved, by: asks("admin", "svc-reserves", func() kmsg.Request { return creation("__klamm_mine") }, created, guard.CodeReserved)},
		{code: guard.CodeChanged, by: again(map[string]any{"sub": "svc-second"}, guard.CodeChanged)},
		{code: guard.CodeKilled, note: foundBy, by: cut("svc-killed", nil, killed, guard.CodeKilled)},
		{code: guard.CodeKeyGone, note: foundBy, by: keyWithdrawn},
		{code: guard.CodeUpstream, note: "The client reads the broker's own error, without a reference: the refusal is found by the principal.", by: upstreamRefuses},
		{code: guard.CodeBreach, note: foundBy, hint: "broker", by: upstreamLies},
		{code: guard.CodeUnserved, note: foundBy, hint: "API key 999", by: asks("admin", "svc-unknown", func() kmsg.Request { return unknown{kmsg.NewPtrMetadataRequest()} }, nil, guard.CodeUnserved)},
		{code: guard.CodeUnserved, slip: "a Fetch that poses as a broker's", hint: "replica", by: asks("admin", "svc-replica", func() kmsg.Request {
			q := fetchOf(12, 0)
			q.ReplicaID = 1
			return q
		}, nil, guard.CodeUnserved)},
		{code: guard.CodeUnserved, slip: "a change to a broker's configuration", hint: "configuration of a BROKER", by: asks("admin", "svc-configures", brokerConfig, configured, guard.CodeUnserved)},
		{code: guard.CodeUnserved, slip: "a re-authentication by another mechanism", hint: "PLAIN", by: renews("svc-plain", func(w *wire) (int16, error) {
			r, err := w.handshake(1, "PLAIN")
			if err != nil {
				return 0, err
			}
			return r.ErrorCode, nil
		})},
		{code: guard.CodeUnserved, slip: "a re-authentication by SaslHandshake 0", hint: "KIP-368", by: renews("svc-old", func(w *wire) (int16, error) {
			hs := kmsg.NewPtrSASLHandshakeRequest()
			hs.Mechanism = "OAUTHBEARER"
			return 0, w.send(hs)
		})},
		{code: guard.CodeUnserved, slip: "a request between the two of a re-authentication", hint: "in the middle of", by: renews("svc-between", func(w *wire) (int16, error) {
			_, err := w.handshake(1, "OAUTHBEARER")
			return 0, errors.Join(err, w.send(metadataOf()))
		})},
		{code: guard.CodeNoLifetime, by: lateKeys},
		{code: guard.CodeUnstated, by: unstated, note: "No client can lead here: the example is of a gateway whose rules were replaced by some that state no reason."},
		{code: authn.Retrusted, note: foundBy, by: afterChange("svc-retrusted", authn.Retrusted, func(text string) string {
			return strings.Replace(text, `"KEYS"`, `"KEYS-new"`, 1)
		})},
		{code: authn.NoMatchingPool, slip: "a filter that was changed while the session was open", by: afterChange("svc-evicted", authn.NoMatchingPool, func(text string) string {
			return strings.Replace(text, `claims.role == "orders"`, `claims.role == "writers"`, 1)
		})},
	}
}

func creation(topic string) kmsg.Request {
	q := kmsg.NewPtrCreateTopicsRequest()
	q.Version = 5
	q.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}}
	return q
}

func created(r kmsg.Response) (int16, *string) {
	topic := r.(*kmsg.CreateTopicsResponse).Topics[0]
	return topic.ErrorCode, topic.ErrorMessage
}

func brokerConfig() kmsg.Request {
	q := kmsg.NewPtrAlterConfigsRequest()
	q.Version = 1
	q.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "0"}}
	return q
}

func configured(r kmsg.Response) (int16, *string) {
	resource := r.(*kmsg.AlterConfigsResponse).Resources[0]
	return resource.ErrorCode, resource.ErrorMessage
}

// unknown is a request of an API key that Kafka does not have.
type unknown struct{ *kmsg.MetadataRequest }

func (unknown) Key() int16 { return 999 }

// renews begins to renew a session in a way that ends it.
func renews(sub string, begin func(*wire) (int16, error)) func(*house) (outcome, error) {
	return func(h *house) (o outcome, err error) {
		message := here(h.token(map[string]any{"sub": sub}))
		w, err := h.admitted(message)
		if err != nil {
			return o, err
		}
		defer w.Close()
		if o.kafka, err = begin(w); err != nil {
			return o, err
		}
		err = w.ended()
		o.tokens, o.record = tokensOf(message), h.last(sub, guard.CodeUnserved)
		return o, err
	}
}

// operate calls the ops surface.
func (h *house) operate(method, path string) error {
	req, err := http.NewRequestWithContext(h.ctx(), method, h.ops+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return nil
}

func killed(h *house, claim string) error {
	for _, s := range h.run.guard.Sessions() {
		if s.Claim == claim {
			return h.operate(http.MethodDelete, "/sessions/"+s.ID)
		}
	}
	return errors.New("there is no session")
}

// keyWithdrawn rotates the keys of a provider and has klamm fetch them.
func keyWithdrawn(h *house) (outcome, error) {
	var rotated atomic.Bool
	h.idp.other.HandleFunc("/keys-rotating", func(w http.ResponseWriter, _ *http.Request) {
		if rotated.Load() {
			_, _ = w.Write(keySet(otherKey()))
			return
		}
		_, _ = w.Write(keySet(ecKey()))
	})
	return cut("svc-rotated", map[string]any{"iss": "https://idp.test/rotating"}, func(h *house, _ string) error {
		rotated.Store(true)
		return h.operate(http.MethodPost, "/keys/op-rotating/refresh")
	}, guard.CodeKeyGone)(h)
}

// far is a gateway of its own in front of a cluster that can be told what to
// answer.
func (h *house) far() (*house, *kfake.Cluster, error) {
	behind, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation())
	if err != nil {
		return nil, nil, err
	}
	h.t.Cleanup(behind.Close)
	return newHouse(h.t, houseOptions{upstream: &upstream.Config{Name: lkc, Bootstrap: behind.ListenAddrs()}}), behind, nil
}

func heartbeat() kmsg.Request {
	q := kmsg.NewPtrHeartbeatRequest()
	q.Version, q.Group = 3, "orders-far"
	return q
}

// upstreamRefuses has the cluster behind refuse a Heartbeat to klamm's user.
func upstreamRefuses(h *house) (outcome, error) {
	return h.upstreamAnswers("svc-far", guard.CodeUpstream, func(r *kmsg.HeartbeatResponse) kmsg.Response {
		const groupDenied = 30
		r.ErrorCode = groupDenied
		return r
	})
}

// upstreamLies has it give the answer to another request.
func upstreamLies(h *house) (outcome, error) {
	return h.upstreamAnswers("svc-lied-to", guard.CodeBreach, func(*kmsg.HeartbeatResponse) kmsg.Response {
		r := kmsg.NewPtrSyncGroupResponse()
		r.MemberAssignment = []byte("of another")
		return r
	})
}

// upstreamAnswers asks a cluster behind for a Heartbeat and has it answer so.
func (h *house) upstreamAnswers(sub string, code iam.Code, with func(*kmsg.HeartbeatResponse) kmsg.Response) (o outcome, err error) {
	far, behind, err := h.far()
	if err != nil {
		return o, err
	}
	behind.ControlKey(int16(kmsg.Heartbeat), func(q kmsg.Request) (kmsg.Response, error, bool) {
		behind.KeepControl()
		return with(q.ResponseKind().(*kmsg.HeartbeatResponse)), nil, true
	})
	message := here(far.token(map[string]any{"sub": sub}))
	w, err := far.dial(far.address(0))
	if err != nil {
		return o, err
	}
	defer w.Close()
	if r, err := w.authenticate(2, message); err != nil || r.ErrorCode != 0 {
		return o, fmt.Errorf("%+v, %w", r, err)
	}
	if err := w.send(heartbeat()); err != nil {
		return o, err
	}
	if r, err := w.receive(heartbeat()); err == nil {
		o.kafka = r.(*kmsg.HeartbeatResponse).ErrorCode
	}
	o.tokens, o.record = tokensOf(message), far.last(sub, code)
	return o, nil
}

// lateKeys holds the keys back until the token has ended: it is good when it
// is looked at, and over when the session should open.
func lateKeys(h *house) (o outcome, err error) {
	var ends atomic.Int64
	h.idp.other.HandleFunc("/keys-slow", func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(time.Until(time.UnixMilli(ends.Load() + 10)))
		_, _ = w.Write(keySet(ecKey()))
	})
	// On a slow machine a short token may end before it is looked at; then no
	// keys are fetched, and a longer one is tried.
	for life := time.Second; life < patience/2; life *= 2 {
		claims := ending(life)
		claims["iss"] = "https://idp.test/slow"
		ends.Store(int64(claims["exp"].(float64) * 1000))
		o, err = h.unwelcome(h.run.Bootstrap, here(h.token(claims)), nil)
		if steps := o.record.Steps; err != nil || steps[len(steps)-1].Code != authn.Expired {
			break
		}
	}
	return o, err
}

// silent authenticates nobody and does not say why.
type silent struct{ guard.Authenticator }

func (silent) Authenticate(context.Context, iam.Credential) (iam.Identity, []iam.Step, error) {
	return iam.Identity{}, nil, fault.New(fault.Unauthenticated, "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER")
}

func unstated(h *house) (outcome, error) {
	mute := newHouse(h.t, houseOptions{})
	mute.run.server.Acceptor.(*gateway.Gateway).Guard = guard.New(guard.Config{Authenticator: silent{}, Authorizer: &mute.rules.current, Sink: mute.run.audit})
	return mute.unwelcome(mute.run.Bootstrap, here(mute.token(nil)), nil)
}

// withoutRules is a gateway whose documents never came into force.
func withoutRules(h *house) (outcome, error) {
	log := &lockedBuffer{}
	bare := &house{t: h.t, log: log, idp: h.idp, options: h.options}
	ring := policy.NewKeyring(policy.KeyOptions{NamedInConfiguration: true})
	h.t.Cleanup(ring.Close)
	text := slog.New(slog.NewTextHandler(log, nil))
	bare.rules = newRules(ring, text, bare.options, func(o files.Options) *files.Store {
		return files.Memory(map[string][]byte{"identity.yaml": []byte("{kind: Nothing}")}, o)
	})
	bare.start(houseOptions{}, text)
	return bare.unwelcome(bare.run.Bootstrap, here(h.token(nil)), nil)
}

// afterChange cuts a session by other documents, in a house of its own.
func afterChange(claim string, code iam.Code, edit func(string) string) func(*house) (outcome, error) {
	return func(h *house) (outcome, error) {
		changed := newHouse(h.t, houseOptions{})
		return cut(claim, nil, func(h *house, _ string) error {
			h.change(houseOptions{instead: true, more: edit(documents)})
			return nil
		}, code)(changed)
	}
}
