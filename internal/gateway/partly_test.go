package gateway

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// lists are, for each key that decides item by item, the lists of its request.
var lists = map[int16][]string{
	2: {"Topics"}, 8: {"Topics"}, 10: {"CoordinatorKeys"}, 15: {"Groups"}, 19: {"Topics"}, 20: {"Topics", "TopicNames"}, 21: {"Topics"}, 23: {"Topics"}, 28: {"Topics"},
	32: {"Resources"}, 33: {"Resources"}, 37: {"Topics"}, 42: {"Groups"}, 44: {"Resources"}, 47: {"Topics"}, 61: {"Topics"}, 65: {"TransactionalIDs"}, 69: {"Groups"}, 75: {"Topics"},
	77: {"GroupIDs"}, 89: {"Groups"}, 91: {"Topics"}, 92: {"Topics"},
}

// TestEachItemIsDecided: of two items the one that is allowed goes upstream
// alone, and the answer has the error of the other under its name; in each
// version of each key that decides so.
func TestEachItemIsDecided(t *testing.T) {
	h := build(t, append(alice(), binding("one", "ResourceOwner", iam.Topic, "orders"), binding("one", "ResourceOwner", iam.Group, "orders"), binding("one", "ResourceOwner", iam.TransactionalID, "orders")))
	s := h.session("one")
	s.offer = makeOffer(newEverything().versions)
	for key, names := range lists {
		for version := rules[key].min; version <= rules[key].max; version++ {
			if key == 10 && version < 4 || key == 8 && version >= 10 {
				continue // one key; ids
			}
			req := decidable(key, version)
			for _, name := range names {
				two(reflect.ValueOf(req).Elem().FieldByName(name))
			}
			if q, ok := req.(*kmsg.DeleteTopicsRequest); ok {
				for i := range q.Topics {
					q.Topics[i].TopicID = [16]byte{}
				}
			}
			if q, ok := req.(*kmsg.DescribeTopicPartitionsRequest); ok {
				q.Cursor = nil
			}
			p, err := s.Plan(h.ctx(), frame(t, req))
			if err != nil || p.Verdict != relay.Send {
				t.Errorf("%s %d: %+v, %v", nameOf(key), version, p, err)
				continue
			}
			sent, err := kafka.ParseFrame(p.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if b := string(sent.Body()); strings.Contains(b, "secret") || !strings.Contains(b, "orders") {
				t.Errorf("%s %d: the broker is sent %q", nameOf(key), version, b)
			}
			resp := kmsg.ResponseForKey(key)
			resp.SetVersion(version)
			b, err := p.Edit(resp.AppendTo(kafka.ResponseHeader(nil, key, version, 7)))
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := readResponse(key, version, b)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(b), "secret") || !api.HasCode(got, denied) || strings.Count(string(b), "orders") > 0 && key != 8 && key != 28 {
				t.Errorf("%s %d: answered %+v", nameOf(key), version, got)
			}
		}
	}
	// Those that are decided as a whole, or have tests of their own for their parts.
	whole := []int16{keyMetadata, 9, 11, 12, 13, 14, 16, 22, 24, 25, 29, 30, 31, 35, keyEndTxn, 43, 45, 46, 48, 49, 50, 55, 60, 66, 68, 74, 76, 78, 79, 88, 90}
	for key, r := range rules {
		if _, ok := lists[key]; r.decide != nil && ok == slices.Contains(whole, key) {
			t.Errorf("%s is tested neither by its items nor as a whole", nameOf(key))
		}
	}
}

// two makes a list of one item a list of two; the second is called secret.
func two(list reflect.Value) {
	list.Set(reflect.Append(list, list.Index(0)))
	v := list.Index(1)
	if v.Kind() == reflect.Struct {
		for _, name := range []string{"Topic", "ResourceName"} {
			if f := v.FieldByName(name); f.IsValid() {
				v = f
				break
			}
		}
	}
	if v.Kind() == reflect.Pointer {
		name := "secret"
		v.Set(reflect.ValueOf(&name))
		return
	}
	v.SetString("secret")
}

// TestReservedIsNeverCreated: the right to create on the cluster, which is enough
// for any other topic, is not for klamm's own.
func TestReservedIsNeverCreated(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("admin", 0)
	broker := sees[*kmsg.CreateTopicsRequest](h, 19)
	for version := int16(0); version <= rules[19].max; version++ {
		q := kmsg.NewPtrCreateTopicsRequest()
		q.Version = version
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "__klamm_other", 1, 1
		q.Topics = append(q.Topics, topic)
		if r := b.ask(q).(*kmsg.CreateTopicsResponse); r.Topics[0].ErrorCode != topicDenied {
			t.Errorf("version %d: %+v", version, r.Topics)
		}
		create := kmsg.NewPtrMetadataRequest()
		create.Version, create.AllowAutoTopicCreation = version, true
		create.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("__klamm_other")}}
		if r := b.ask(create).(*kmsg.MetadataResponse); r.Topics[0].ErrorCode != topicDenied {
			t.Errorf("Metadata %d: %+v", version, r.Topics)
		}
	}
	if saw := broker.take(t); len(saw) != 0 {
		t.Errorf("the broker saw %+v", saw)
	}
}

// TestPagesOfTopics: an empty list is sent as the names that may be described,
// sorted, as pages want it; what a broker says of others is not told.
func TestPagesOfTopics(t *testing.T) {
	h := build(t, alice(), kfake.SeedTopics(1, "orders.b", "orders.a", "zebra"))
	broker := sees[*kmsg.DescribeTopicPartitionsRequest](h, 75)
	replies(h, func(r *kmsg.DescribeTopicPartitionsResponse) {
		for _, name := range []string{"orders", "secret"} {
			r.Topics = append(r.Topics, kmsg.DescribeTopicPartitionsResponseTopic{Topic: &name})
		}
		r.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: "secret"}
	})
	b := h.loggedIn("alice", 0)
	r := b.ask(kmsg.NewPtrDescribeTopicPartitionsRequest()).(*kmsg.DescribeTopicPartitionsResponse)
	if len(r.Topics) != 1 || *r.Topics[0].Topic != "orders" || r.NextCursor != nil {
		t.Errorf("%+v", r)
	}
	if want := int32(iam.SetOf(iam.Read, iam.Write, iam.Describe)); r.Topics[0].AuthorizedOperations != want {
		t.Errorf("operations %b, want %b", r.Topics[0].AuthorizedOperations, want)
	}
	var names []string
	for _, topic := range broker.take(t)[0].Topics {
		names = append(names, topic.Topic)
	}
	if !slices.Equal(names, []string{"orders", "orders.a", "orders.b", "orders.eu"}) {
		t.Errorf("the broker was asked for %q", names)
	}
	// A cursor is a name too.
	q := kmsg.NewPtrDescribeTopicPartitionsRequest()
	q.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "orders"}, {Topic: "secret"}}
	q.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "secret"}
	if r := b.ask(q).(*kmsg.DescribeTopicPartitionsResponse); r.Topics[0].ErrorCode != topicDenied || len(r.Topics) != 1 || len(broker.take(t)) != 0 {
		t.Errorf("%+v", r)
	}
	// Whoever may describe nothing asks nothing.
	if r := h.loggedIn("nobody", 0).ask(kmsg.NewPtrDescribeTopicPartitionsRequest()).(*kmsg.DescribeTopicPartitionsResponse); len(r.Topics) != 0 || len(broker.take(t)) != 0 {
		t.Errorf("%+v", r)
	}
}
