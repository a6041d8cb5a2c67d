package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/relay"
)

// ending is a token that ends after a while. NumericDate has fractions.
func ending(after time.Duration) map[string]any {
	return map[string]any{"exp": float64(time.Now().Add(after).UnixMilli()) / 1000}
}

func fetchOf(version int16, wait time.Duration, topics ...string) *kmsg.FetchRequest {
	q := kmsg.NewPtrFetchRequest()
	q.Version, q.ReplicaID, q.SessionEpoch, q.MinBytes, q.MaxBytes = version, -1, -1, 1, 1<<20
	q.MaxWaitMillis = int32(wait.Milliseconds())
	for _, name := range topics {
		t := kmsg.NewFetchRequestTopic()
		p := kmsg.NewFetchRequestTopicPartition()
		p.PartitionMaxBytes = 1 << 20
		t.Topic, t.Partitions = name, append(t.Partitions, p)
		q.Topics = append(q.Topics, t)
	}
	return q
}

func metadataOf(names ...string) *kmsg.MetadataRequest {
	q := kmsg.NewPtrMetadataRequest()
	q.Version = 12
	if len(names) > 0 {
		q.Topics = []kmsg.MetadataRequestTopic{}
	}
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		q.Topics = append(q.Topics, t)
	}
	return q
}

// topicID is the id of a topic, as an administrator sees it.
func (h *house) topicID(name string) [16]byte {
	h.t.Helper()
	resp, err := h.run.upstream.Request(h.ctx(), -1, metadataOf(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.(*kmsg.MetadataResponse).Topics[0].TopicID
}

// TestSecurity_12_SessionsEndWithTheirToken: the lifetime is told and kept, by
// a timer, and a Fetch that waits is cut.
// It is not parallel: its token must outlive the logins.
func TestSecurity_12_SessionsEndWithTheirToken(t *testing.T) {
	h := newHouse(t, houseOptions{})
	const life = 4 * time.Second
	ends := time.Now().Add(life)
	text := h.token(ending(life))
	idle, r := h.login(relay.Bootstrap, text)
	if r.ErrorCode != 0 || r.SessionLifetimeMillis < 1 || r.SessionLifetimeMillis > life.Milliseconds() {
		t.Fatalf("the login is answered %+v", r)
	}
	waiting := h.loggedIn(map[string]any{"exp": float64(ends.UnixMilli()) / 1000}, 0)
	if err := waiting.send(fetchOf(12, time.Minute, "orders.eu")); err != nil {
		t.Fatal(err)
	}
	busy, _ := h.login(relay.Bootstrap, text)
	for name, w := range map[string]*wire{"an idle connection": idle, "a waiting Fetch": waiting} {
		_ = w.SetDeadline(ends.Add(patience))
		if n, err := io.Copy(io.Discard, w); n > 0 || err != nil && isTimeout(err) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		late := time.Since(ends)
		t.Logf("%s was closed %s after the end of its token", name, late)
		if late < -10*time.Millisecond {
			t.Errorf("%s was closed %s before the end of its token", name, -late)
		}
	}
	if resp, err := busy.ask(metadataOf()); err == nil {
		t.Errorf("a request after the end is answered: %+v", resp)
	}
	h.eventually("no session is left", func() bool { return !strings.Contains(h.get("/sessions"), "principal") })
	if _, err := h.refused(here(text), authn.Expired); err != nil {
		t.Error("the same token again: ", err)
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// TestSecurity_13_ReauthenticationChecksAll: each check of the login is one of
// the re-authentication, and the party stays the same.
func TestSecurity_13_ReauthenticationChecksAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{more: `
{kind: IdentityPool, id: pool-twin, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "orders"', identity_claim: claims.jti}
---
{kind: IdentityProvider, id: op-other, issuer: "https://other.test", jwks_uri: "KEYS2", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-other, provider: op-other, filter: 'claims.aud == "kafka"'}
`})
	h.idp.other.HandleFunc("/keys2", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySet(ecKey())) })
	const asked = "identityPoolId=pool-orders"
	first := here(h.token(nil), asked)
	tries := []attack{
		{"expired", here(h.token(map[string]any{"exp": 1}), asked), authn.Expired},
		{"badly signed", here(sign(t, otherKey(), map[string]any{"kid": ecKey().Kid}, h.claims(nil)), asked), authn.BadSignature},
		{"unsigned", here(forge(`{"alg":"none"}`, h.claims(nil), func(string) []byte { return []byte("x") }), asked), authn.TokenAlgorithm},
		{"another audience", here(h.token(map[string]any{"aud": "x"}), asked), authn.Audience},
		{"a filter that no longer holds", here(h.token(role("reader")), asked), authn.FilterFalse},
		{"no token", []byte("n,,\x01\x01"), authn.SASLMessage},
		{"another identity", here(h.token(map[string]any{"sub": "svc-other"}), asked), guard.CodeChanged},
		{"another provider", here(h.token(map[string]any{"iss": "https://other.test"}), "identityPoolId=pool-other"), guard.CodeChanged},
		{"another pool", here(h.token(map[string]any{"jti": "svc-orders"}), "identityPoolId=pool-twin"), guard.CodeChanged},
		{"one more pool", here(h.token(map[string]any{"jti": "x"}), asked+",pool-twin"), guard.CodeChanged},
		{"no pool named", here(h.token(map[string]any{"jti": "x"})), guard.CodeChanged},
		{"the pool and a blank", here(h.token(nil), asked+" "), guard.CodeChanged},
		{"no cluster", message(h.token(nil), asked), authn.NoLogicalCluster},
		{"another cluster", message(h.token(nil), asked, "logicalCluster=lkc-other"), authn.WrongCluster},
	}
	h.together(len(tries), func(i int) error {
		at := tries[i]
		w, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer w.Close()
		if r, err := w.authenticate(2, first); err != nil || r.ErrorCode != 0 {
			return fmt.Errorf("the first login: %+v, %w", r, err)
		}
		r, err := w.authenticate(2, at.message)
		if err != nil {
			return fmt.Errorf("%s: %w", at.name, err)
		}
		if r.ErrorCode != 58 || r.ErrorMessage == nil {
			return fmt.Errorf("%s: answered %+v", at.name, r)
		}
		if _, err := h.story(*r.ErrorMessage, at.code); err != nil {
			return fmt.Errorf("%s: %w", at.name, err)
		}
		if err := w.ended(); err != nil {
			return fmt.Errorf("%s: %w", at.name, err)
		}
		return nil
	})

	// What is not a re-authentication in full.
	for name, break_ := range map[string]func(*wire) error{
		"another mechanism": func(w *wire) error {
			if r, err := w.handshake(1, "PLAIN"); err != nil || r.ErrorCode != 33 {
				return fmt.Errorf("%+v, %w", r, err)
			}
			return nil
		},
		"SaslHandshake 0": func(w *wire) error {
			hs := kmsg.NewPtrSASLHandshakeRequest()
			hs.Mechanism = "OAUTHBEARER"
			return w.send(hs)
		},
		"a request in the middle": func(w *wire) error {
			if _, err := w.handshake(1, "OAUTHBEARER"); err != nil {
				return err
			}
			return w.send(metadataOf())
		},
		"another handshake in the middle": func(w *wire) error {
			if _, err := w.handshake(1, "OAUTHBEARER"); err != nil {
				return err
			}
			hs := kmsg.NewPtrSASLHandshakeRequest()
			hs.Version, hs.Mechanism = 1, "OAUTHBEARER"
			return w.send(hs)
		},
	} {
		w := h.loggedIn(map[string]any{"jti": "x"}, relay.Bootstrap)
		if err := break_(w); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.ended(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A token without a handshake changes nothing and is told so.
	w := h.loggedIn(map[string]any{"jti": "x"}, relay.Bootstrap)
	au := kmsg.NewPtrSASLAuthenticateRequest()
	au.Version, au.SASLAuthBytes = 2, here(h.token(role("admin")))
	if r := w.must(t, au).(*kmsg.SASLAuthenticateResponse); r.ErrorCode != kerr.IllegalSaslState.Code {
		t.Errorf("SaslAuthenticate alone: %+v", r)
	}
	if r := w.must(t, metadataOf("secret")).(*kmsg.MetadataResponse); r.Topics[0].ErrorCode != kerr.TopicAuthorizationFailed.Code {
		t.Errorf("it became somebody else: %+v", r.Topics)
	}
}

// TestSecurity_21_StolenFetchSession: the id of another client's session
// gives nothing; who begins anew with an old id is served.
func TestSecurity_21_StolenFetchSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	admin := h.loggedIn(role("admin"), 0)
	q := fetchOf(12, 0, "secret")
	q.SessionID, q.SessionEpoch = 0, 0
	opened := admin.must(t, q).(*kmsg.FetchResponse)
	if opened.ErrorCode != 0 || len(opened.Topics) != 1 {
		t.Fatalf("%+v", opened)
	}
	thief := h.loggedIn(role("reader"), 0)
	for _, id := range []int32{opened.SessionID, 1, 4711} {
		for _, epoch := range []int32{1, 2, 1 << 30, -2} {
			q := fetchOf(12, 0)
			q.SessionID, q.SessionEpoch = id, epoch
			if r := thief.must(t, q).(*kmsg.FetchResponse); r.ErrorCode != kerr.FetchSessionIDNotFound.Code || len(r.Topics) > 0 {
				t.Errorf("session %d, epoch %d: %+v", id, epoch, r)
			}
		}
		for _, epoch := range []int32{0, -1} {
			q := fetchOf(12, 0, "orders.eu", "secret")
			q.SessionID, q.SessionEpoch = id, epoch
			r := thief.must(t, q).(*kmsg.FetchResponse)
			codes := map[string]int16{}
			for _, topic := range r.Topics {
				codes[topic.Topic] = topic.Partitions[0].ErrorCode
			}
			if r.ErrorCode != 0 || r.SessionID != 0 || codes["orders.eu"] != 0 || codes["secret"] != kerr.TopicAuthorizationFailed.Code {
				t.Errorf("session %d, epoch %d: %+v", id, epoch, r)
			}
		}
	}
}

// TestSecurity_21_PosingAsAReplica (CVE-2018-1288), whatever the role.
func TestSecurity_21_PosingAsAReplica(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	var poses []kmsg.Request
	for _, version := range []int16{4, 11, 12, 13, 14, 15} {
		for _, id := range []int32{0, 3, -2, -3} {
			q := fetchOf(version, 0)
			q.ReplicaID, q.ReplicaState.ID = id, id
			poses = append(poses, q)
		}
	}
	for _, id := range []int32{0, 3, -3} {
		l := kmsg.NewPtrListOffsetsRequest()
		l.Version, l.ReplicaID = 5, id
		e := kmsg.NewPtrOffsetForLeaderEpochRequest()
		e.Version, e.ReplicaID = 3, id
		poses = append(poses, l, e)
	}
	admin := h.token(role("admin"))
	h.together(len(poses), func(i int) error {
		w, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer w.Close()
		if r, err := w.authenticate(2, here(admin)); err != nil || r.ErrorCode != 0 {
			return fmt.Errorf("%+v, %w", r, err)
		}
		if err := w.send(poses[i]); err != nil {
			return err
		}
		if err := w.ended(); err != nil {
			return fmt.Errorf("%T %d: %w", poses[i], poses[i].GetVersion(), err)
		}
		return nil
	})
	if r, code := h.lastStory("User:pool-admin"); code != guard.CodeUnserved || r.Event.Data.AuthorizationInfo.Granted {
		t.Errorf("audited as %s: %+v", code, r.Event)
	}
}

// TestSecurity_21_NamesAndIDs: who is refused by name is refused by id, in
// every version; no answer tells the name of an id.
func TestSecurity_21_NamesAndIDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	secret, reserved := h.topicID("secret"), h.topicID("__klamm_state")
	const denied, reader, admin = 29, "reader", "admin"
	for _, who := range []struct {
		role, name string
		id         [16]byte
	}{{reader, "secret", secret}, {admin, "__klamm_state", reserved}} {
		w := h.loggedIn(role(who.role), 0)
		for version := int16(4); version <= 12; version++ {
			if r := w.must(t, fetchOf(version, 0, who.name)).(*kmsg.FetchResponse); r.Topics[0].Partitions[0].ErrorCode != denied || len(r.Topics[0].Partitions[0].RecordBatches) > 0 {
				t.Errorf("Fetch %d of %s: %+v", version, who.name, r)
			}
		}
		for version := int16(13); version <= 15; version++ {
			q := fetchOf(version, 0, "")
			q.Topics[0].TopicID = who.id
			if r := w.must(t, q).(*kmsg.FetchResponse); r.Topics[0].Partitions[0].ErrorCode != denied || r.Topics[0].TopicID != who.id {
				t.Errorf("Fetch %d of the id of %s: %+v", version, who.name, r)
			}
		}
		for version := int16(10); version <= 12; version++ {
			q := metadataOf()
			q.Version = version
			q.Topics = []kmsg.MetadataRequestTopic{{TopicID: who.id}, {Topic: kmsg.StringPtr("orders")}}
			for _, topic := range w.must(t, q).(*kmsg.MetadataResponse).Topics {
				if topic.TopicID == who.id && (topic.ErrorCode != denied && topic.ErrorCode != kerr.UnknownTopicID.Code || topic.Topic != nil && *topic.Topic != "" || len(topic.Partitions) > 0) {
					t.Errorf("Metadata %d of the id of %s: %+v", version, who.name, topic)
				}
			}
		}
		d := kmsg.NewPtrDeleteTopicsRequest()
		d.Version = 6
		d.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: who.id}, {Topic: kmsg.StringPtr(who.name)}}
		for _, topic := range w.must(t, d).(*kmsg.DeleteTopicsResponse).Topics {
			if topic.ErrorCode != denied {
				t.Errorf("DeleteTopics of %s: %+v", who.name, topic)
			}
		}
	}
	if h.topicID("secret") != secret || h.topicID("__klamm_state") != reserved {
		t.Error("a topic was deleted")
	}
}

// TestSecurity_21_Versions: what is not offered is answered with
// UNSUPPORTED_VERSION, and offered is only what has a rule.
func TestSecurity_21_Versions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	w := h.loggedIn(role("admin"), relay.Bootstrap)
	av := kmsg.NewPtrApiVersionsRequest()
	av.Version = 3
	offered := map[int16][2]int16{}
	for _, k := range w.must(t, av).(*kmsg.ApiVersionsResponse).ApiKeys {
		offered[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	if len(offered) < 30 {
		t.Fatalf("only %d keys are offered", len(offered))
	}
	never := []int16{4, 5, 6, 7, 27, 38, 39, 40, 41, 50, 51, 52, 53, 54, 56, 57, 58, 59, 62, 63, 64, 67, 70, 71, 72, 73, 80, 81, 82}
	for _, key := range never {
		if v, ok := offered[key]; ok {
			t.Errorf("key %d is offered: %v", key, v)
		}
	}
	if v := offered[24]; v[1] > 3 {
		t.Errorf("AddPartitionsToTxn is offered up to %d", v[1])
	}
	type try struct{ key, version int16 }
	var tries []try
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil || key == 17 || key == 18 || key == 36 {
			continue
		}
		for version := int16(0); version <= req.MaxVersion(); version++ {
			if key == 7 && version == 0 {
				continue // its header has no client id; nothing of it can be read
			}
			if v, ok := offered[key]; !ok || version > v[1] || key != 0 && version < v[0] {
				tries = append(tries, try{key, version})
			}
		}
	}
	// One connection for each: it must stay open, and does for the next request.
	h.together(len(tries), func(i int) error {
		at := tries[i]
		c, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer c.Close()
		if r, err := c.authenticate(2, here(h.token(role("admin")))); err != nil || r.ErrorCode != 0 {
			return fmt.Errorf("%+v, %w", r, err)
		}
		req := kmsg.RequestForKey(at.key)
		req.SetVersion(at.version)
		resp, err := c.ask(req)
		if err != nil {
			return fmt.Errorf("%s %d: %w", kmsg.NameForKey(at.key), at.version, err)
		}
		if !hasCode(resp, kerr.UnsupportedVersion.Code) && carries(req, kerr.UnsupportedVersion.Code) {
			return fmt.Errorf("%s %d is answered %+v", kmsg.NameForKey(at.key), at.version, resp)
		}
		if _, err := c.ask(metadataOf("orders")); err != nil {
			return fmt.Errorf("after %s %d: %w", kmsg.NameForKey(at.key), at.version, err)
		}
		return nil
	})
	// Unknown keys and versions close, as in Kafka.
	for _, bytes := range [][]byte{frame(999, 0, nil), frame(-5, 0, nil), frame(3, 99, nil), frame(3, -1, nil), frame(0, 32767, nil), frame(kmsg.MaxKey+1, 0, nil)} {
		c := h.loggedIn(role("admin"), relay.Bootstrap)
		if _, err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		if err := c.ended(); err != nil {
			t.Errorf("% x: %v", bytes, err)
		}
	}
	if _, code := h.lastStory("User:pool-admin"); code != guard.CodeUnserved {
		t.Errorf("audited as %s", code)
	}
}

// TestSecurity_25_WhoWroteWhere: the audit log has who wrote where, once for a
// session.
func TestSecurity_25_WhoWroteWhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{auditFile: true})
	cl := h.client(h.token(nil), kgo.ClientID("writer-7"))
	for range 3 {
		if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders.eu", Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "secret", Value: []byte("x")}).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Fatalf("the forbidden topic: %v", err)
	}
	cl.Close()
	// A franz-go client asks for the topic before it writes to it, and is
	// refused there.
	var wrote, refused int
	h.eventually("both are in the file", func() bool {
		wrote, refused = 0, 0
		for _, e := range h.allEvents() {
			a := e.Data.AuthorizationInfo
			if a == nil || e.Data.AuthenticationInfo.Principal != "User:pool-orders" || e.Data.Request.ClientID != "writer-7" {
				continue
			}
			switch {
			case a.Granted && e.Data.MethodName == "kafka.Produce" && a.Operation == "Write" && a.ResourceType == "Topic" && a.ResourceName == "orders.eu" && a.RBACAuthorization.Role == "DeveloperWrite":
				wrote++
			case !a.Granted && a.ResourceName == "secret":
				refused++
			}
		}
		return wrote > 0 && refused > 0
	})
	if wrote != 1 {
		t.Errorf("the write is told %d times", wrote)
	}
	if !slices.ContainsFunc(h.allEvents(), func(e audit.Event) bool { return e.Data.Result != nil && e.Data.Result.Status == audit.Success }) {
		t.Error("the login is not told")
	}
}
