package gateway

import (
	"context"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/secret"
)

// What reaches the broker of requests that anybody may make up: whatever stands in
// them, no name that the client may not touch.

// words are what names in made-up requests are chosen from.
var words = []string{"orders", "orders-1", "secret", ownTopic, "", "*", "orders\x00\n", "__consumer_offsets", "ord"}

// wordID is the topic id of a word; the last one has none.
func wordID(i int) [16]byte { return [16]byte{1, byte(i)} }

// may is what the tests' clients may touch, of any type, said apart from the rules:
// somebody with a role for all that begins with orders, and an administrator.
func may(admin bool, name string) bool {
	if admin {
		return !strings.HasPrefix(name, "__klamm")
	}
	return strings.HasPrefix(name, "orders")
}

// madeUp is a cluster with the topics of words.
type madeUp struct{ everything }

func (madeUp) TopicName(_ context.Context, id [16]byte) (string, error) {
	for i, name := range words[:len(words)-1] {
		if id == wordID(i) {
			return name, nil
		}
	}
	return "", fault.New(fault.NotFound, "no such topic")
}

func (madeUp) Request(_ context.Context, _ int32, req kmsg.Request) (kmsg.Response, error) {
	resp := req.ResponseKind()
	if r, ok := resp.(*kmsg.MetadataResponse); ok {
		asked := req.(*kmsg.MetadataRequest).Topics
		for _, name := range words {
			if asked == nil || slices.ContainsFunc(asked, func(t kmsg.MetadataRequestTopic) bool { return *t.Topic == name }) {
				r.Topics = append(r.Topics, kmsg.MetadataResponseTopic{Topic: &name, Partitions: make([]kmsg.MetadataResponseTopicPartition, 1)})
			}
		}
	}
	return resp, nil
}

// script is bytes that decide, one after the other, what a request is made of.
type script struct{ b []byte }

func (s *script) next(n int) int {
	if len(s.b) == 0 {
		return 0
	}
	v := int(s.b[0])
	s.b = s.b[1:]
	return v % n
}

// isName reports whether a field of a request says what it is about.
func isName(field string) bool {
	for _, part := range []string{"Topic", "Group", "TransactionalID", "CoordinatorKey", "ResourceName"} {
		if strings.Contains(field, part) {
			return true
		}
	}
	return false
}

// fill makes up a value; field is what it is called where it stands.
func (s *script) fill(v reflect.Value, field string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Type != reflect.TypeFor[kmsg.Tags]() {
				s.fill(v.Field(i), f.Name)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		n := s.next(5) - 1 // -1: null
		if n < 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			s.fill(v.Index(i), field)
		}
	case reflect.Pointer:
		if s.next(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(v.Elem(), field)
		}
	case reflect.Array:
		if isName(field) {
			v.Set(reflect.ValueOf(wordID(s.next(len(words)))))
		}
	case reflect.String:
		v.SetString([]string{"m", ""}[s.next(2)])
		if isName(field) {
			v.SetString(words[s.next(len(words))])
		}
	case reflect.Bool:
		v.SetBool(s.next(2) == 1)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt([]int64{0, -1, 1, 2, 7}[s.next(5)])
	}
}

// notNames are fields that are called like a name and are none, or none that has to be
// allowed.
var notNames = []string{
	"ConsumerGroupHeartbeatRequest.SubscribedTopicRegex", // in a form that matches none
	"ConsumerGroupHeartbeatRequest.Topics.TopicID",       // what the member has, which the group gave it
	"ShareFetchRequest.ForgottenTopicsData.TopicID",      // what nobody is to read
	"FetchRequest.ForgottenTopics.Topic", "FetchRequest.ForgottenTopics.TopicID",
	"ListTransactionsRequest.TransactionalIDPattern",                         // the answer is filtered
	"StreamsGroupHeartbeatRequest.Topology.Subtopologies.CopartitionGroups.", // numbers
	"LeaveGroupRequest.", "JoinGroupRequest.Protocols.", "SyncGroupRequest.GroupAssignment.",
}

// namesIn gives the names in a message, those of ids included, with where they stand;
// empty ones are left out, for so are those that the version does not have.
func namesIn(v reflect.Value, path string, visit func(path, name string)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Type != reflect.TypeFor[kmsg.Tags]() {
				namesIn(v.Field(i), path+"."+f.Name, visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			namesIn(v.Index(i), path, visit)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			namesIn(v.Elem(), path, visit)
		}
	case reflect.Array:
		if id := v.Interface().([16]byte); isName(lastOf(path)) && id != [16]byte{} {
			name, err := (madeUp{}).TopicName(context.Background(), id)
			if err != nil {
				name = "of no topic"
			}
			visit(path, name)
		}
	case reflect.String:
		if isName(lastOf(path)) && v.Len() > 0 {
			visit(path, v.String())
		}
	}
}

func lastOf(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// FuzzTrim has clients send requests that are made up whole, several on one connection:
// decoded, decided about, trimmed, answered and completed. No name that is refused is
// ever sent upstream, and what the client gets can be read.
func FuzzTrim(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, key := range slices.Sorted(maps.Keys(rules)) {
		for i := range 16 {
			b := []byte{byte(key), byte([]int16{rules[key].min, rules[key].max}[i%2]), byte(i / 2 % 2)}
			for range 150 {
				b = append(b, byte(random.Uint32()))
			}
			f.Add(b)
		}
	}
	p, e := &people{}, madeUp{newEverything()}
	bindings := []iam.Binding{binding("admin", "CloudClusterAdmin", 0, "")}
	for _, kind := range []iam.ResourceType{iam.Topic, iam.Group, iam.TransactionalID} {
		bindings = append(bindings, binding("owner", "ResourceOwner", kind, "orders*"))
	}
	p.bind(f, bindings...)
	g, err := New(Config{Guard: guard.New(guard.Config{Authenticator: p, Authorizer: p, Sink: nowhere{}}), Clusters: map[string]Cluster{lkc: e}, Addresses: e, Rights: p.Rights})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all := &script{b}
		key := int16(all.next(kmsg.MaxKey + 1))
		if _, ok := rules[key]; !ok {
			return
		}
		version, admin := int16(all.next(20)), all.next(2) == 1
		who := map[bool]string{true: "admin", false: "owner"}[admin]
		grant, err := g.Guard.Open(t.Context(), guard.Origin{}, iam.Credential{Mechanism: mechanism, Token: secret.New(who), Cluster: lkc, LogicalCluster: lkc})
		if err != nil {
			t.Fatal(err)
		}
		s := newSession(&visitor{g: g, t: g.targets[lkc], via: relay.Via{Cluster: lkc}, offer: makeOffer(e.versions)}, grant)
		defer s.Close()
		for range 3 {
			trimmed(t, s, key, version, admin, all)
		}
	})
}

// trimmed makes up one request, and looks at what becomes of it.
func trimmed(t *testing.T, s *session, key, version int16, admin bool, from *script) {
	req := kmsg.RequestForKey(key)
	from.fill(reflect.ValueOf(req).Elem(), "")
	req.SetVersion(min(version, req.MaxVersion()))
	fr := frame(t, req)
	p, err := s.Plan(t.Context(), fr)
	if err != nil || p.Verdict == relay.Close {
		if err == nil || strings.Contains(err.Error(), "decided nothing") {
			t.Fatalf("%s %d: a way through its rule on which nothing is decided: %v, of\n%+v", nameOf(key), version, err, req)
		}
		return
	}
	if p.Verdict == relay.Answer {
		answer(t, req, p)
		return
	}
	bytes := fr.Bytes
	if p.Verdict == relay.Send {
		bytes = p.Bytes
	}
	got, err := kafka.ParseFrame(bytes)
	if err != nil {
		t.Fatal(err)
	}
	goes, err := api.Decode(got.Key, got.Version, got.Body())
	if err != nil {
		t.Fatalf("%s %d: what goes upstream: %v", nameOf(key), got.Version, err)
	}
	if q, ok := goes.(*kmsg.ConsumerGroupHeartbeatRequest); ok && q.SubscribedTopicRegex != nil && *q.SubscribedTopicRegex != "" {
		if _, ok := unwrapped(q.SubscribedTopicRegex); !ok {
			t.Errorf("the broker is sent the expression %q", *q.SubscribedTopicRegex)
		}
	}
	namesIn(reflect.ValueOf(goes).Elem(), reflect.TypeOf(goes).Elem().Name(), func(path, name string) {
		exempt := slices.ContainsFunc(notNames, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
		if !exempt && !may(admin, name) {
			t.Errorf("%s %d: the broker is sent %q as %s of\n%+v", nameOf(key), got.Version, name, path, goes)
		}
	})
	completed(t, req, goes, p)
}

// completed answers what went upstream, without an error, and reads what the client
// gets.
func completed(t *testing.T, req, goes kmsg.Request, p relay.Plan) {
	if p.NoReply {
		return
	}
	resp := ownError(goes, refusal{})
	if r, ok := resp.(*kmsg.FetchResponse); ok && goes.(*kmsg.FetchRequest).SessionEpoch == freshSession {
		r.SessionID = 7
	}
	b := resp.AppendTo(kafka.ResponseHeader(nil, req.Key(), goes.GetVersion(), 7))
	switch {
	case p.Stream != nil:
		if err := p.Stream.Edit(b); err != nil {
			t.Fatal(err)
		}
		if err := p.Stream.End(); err != nil {
			t.Fatal(err)
		}
	case p.Edit != nil:
		var err error
		if b, err = p.Edit(b); err != nil {
			t.Fatalf("%s %d: %v", nameOf(req.Key()), req.GetVersion(), err)
		}
	}
	if _, _, err := readResponse(req.Key(), req.GetVersion(), b); err != nil {
		t.Fatalf("%s %d: what the client gets: %v", nameOf(req.Key()), req.GetVersion(), err)
	}
}
