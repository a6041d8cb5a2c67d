package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// everything sends a request of every API key and version that is served, with
// every right, to each address, and searches the answers: none says where the
// cluster behind the gateway is.
func everything(ctx context.Context) error {
	reads, err := newRecorder()
	if err != nil {
		return err
	}
	addresses, err := knownAddresses(ctx)
	if err != nil {
		return err
	}
	e := &everyRequest{reads: reads, run: "cluster-" + rand.Text()[:8], topic: os.Getenv("STREAM_TOPIC"), answered: map[[2]int16]bool{}}
	for _, address := range addresses {
		if err := e.at(ctx, address); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	figure("%d API keys in %d versions at %d addresses", len(e.keys), len(e.answered), len(addresses))
	err = reads.verdict()
	for _, key := range []int16{0, 1, 78} {
		_, addressed := reads.leaders(key)
		figure("%d new leaders in %s", addressed, kmsg.NameForKey(key))
		if addressed == 0 {
			err = errors.Join(err, fmt.Errorf("no answer to %s had the address of a new leader", kmsg.NameForKey(key)))
		}
	}
	figure("%d members of groups", reads.hidden)
	if reads.hidden == 0 {
		err = errors.Join(err, errors.New("no answer had the host of a group's member"))
	}
	return err
}

// knownAddresses are those that a client learns: of bootstrap, and of each broker.
func knownAddresses(ctx context.Context) ([]string, error) {
	c, err := client("KAFKA_ADMIN_POOL_ID", managedIdentityToken)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	meta, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, c)
	if err != nil {
		return nil, err
	}
	found := []string{os.Getenv("KAFKA_BOOTSTRAP_SERVER")}
	for _, b := range meta.Brokers {
		found = append(found, fmt.Sprintf("%s:%d", b.Host, b.Port))
	}
	return found, nil
}

// everyRequest makes requests about a topic that exists and about things of
// its own, which begin with run.
type everyRequest struct {
	reads    *recorder
	run      string
	topic    string
	id       [16]byte // of topic
	groups   []string // all that there are
	n        int
	keys     []int16
	answered map[[2]int16]bool
}

// last are the keys that destroy, after which there is less to ask for.
var last = []int16{21, 47, 42, 20}

func (e *everyRequest) at(ctx context.Context, address string) error {
	w, err := newWire(ctx, e.reads, address, "KAFKA_ADMIN_POOL_ID", 2)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := e.learn(w); err != nil {
		return err
	}
	ask := kmsg.NewPtrApiVersionsRequest()
	ask.Version, ask.ClientSoftwareName, ask.ClientSoftwareVersion = 3, "interop", "1"
	offered, err := w.ask(ask)
	if err != nil {
		return err
	}
	keys := offered.(*kmsg.ApiVersionsResponse).ApiKeys
	slices.SortStableFunc(keys, func(a, b kmsg.ApiVersionsResponseApiKey) int {
		return slices.Index(last, a.ApiKey) - slices.Index(last, b.ApiKey)
	})
	e.keys = e.keys[:0]
	for _, k := range keys {
		e.keys = append(e.keys, k.ApiKey)
		for version := k.MinVersion; version <= k.MaxVersion; version++ {
			if err := e.one(ctx, w, address, k.ApiKey, version); err != nil {
				return err
			}
		}
	}
	return nil
}

// one sends what there is to ask for with a key in a version.
func (e *everyRequest) one(ctx context.Context, w *wire, address string, key, version int16) error {
	if key == 0 && version < 3 { // shown and not served, as in Kafka (KAFKA-18659)
		return nil
	}
	e.answered[[2]int16{key, version}] = true
	switch {
	case key == 17:
		return e.handshake(ctx, address, version)
	case key == 36:
		other, err := newWire(ctx, e.reads, address, "KAFKA_ADMIN_POOL_ID", version)
		if err == nil {
			other.Close()
		}
		return err
	}
	for _, req := range e.requests(key, version) {
		if _, err := w.ask(req); err != nil {
			return err
		}
	}
	return nil
}

// handshake is apart, since after one of version 0 come bytes without headers.
func (e *everyRequest) handshake(ctx context.Context, address string, version int16) error {
	conn, err := e.reads.dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	w := &wire{Conn: conn, format: kmsg.NewRequestFormatter()}
	defer w.Close()
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Version, req.Mechanism = version, "OAUTHBEARER"
	_, err = w.ask(req)
	return err
}

// learn asks for the topic's id and for the groups there are.
func (e *everyRequest) learn(w *wire) error {
	ask := kmsg.NewPtrMetadataRequest()
	ask.Version, ask.Topics = 12, []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr(e.topic)}}
	meta, err := w.ask(ask)
	if err != nil {
		return err
	}
	e.id = meta.(*kmsg.MetadataResponse).Topics[0].TopicID
	list := kmsg.NewPtrListGroupsRequest()
	list.Version = 4
	groups, err := w.ask(list)
	if err != nil {
		return err
	}
	e.groups = nil
	for _, g := range groups.(*kmsg.ListGroupsResponse).Groups {
		e.groups = append(e.groups, g.Group)
	}
	return nil
}

// requests are one as it comes, one with every field filled, and what variants say.
func (e *everyRequest) requests(key, version int16) []kmsg.Request {
	var all []kmsg.Request
	add := func(change func(kmsg.Request)) {
		req := kmsg.RequestForKey(key)
		req.(interface{ Default() }).Default()
		req.SetVersion(version)
		e.n++
		change(req)
		all = append(all, req)
	}
	if !slices.Contains(last, key) {
		add(func(req kmsg.Request) {
			if r, ok := req.(*kmsg.ProduceRequest); ok {
				r.Acks = -1 // with 0 there is no answer
			}
		})
	}
	add(func(req kmsg.Request) { e.fill(reflect.ValueOf(req).Elem(), ""); e.change(req) })
	for _, change := range e.variants(key) {
		add(change)
	}
	return all
}

// fill gives each field of a request something that there is, by its name.
func (e *everyRequest) fill(v reflect.Value, name string) {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "UnknownTags" && f.Name != "Version" {
				e.fill(v.Field(i), f.Name)
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if d, ok := v.Index(0).Addr().Interface().(interface{ Default() }); ok {
			d.Default()
		}
		e.fill(v.Index(0), name)
	case v.Type() == reflect.TypeFor[[16]byte]() && name == "TopicID":
		v.Set(reflect.ValueOf(e.id))
	case v.Kind() == reflect.String:
		v.SetString(e.text(name))
	case v.Type() == reflect.TypeFor[*string]() && e.text(name) != "":
		v.Set(reflect.ValueOf(kmsg.StringPtr(e.text(name))))
	}
}

func (e *everyRequest) text(name string) string {
	switch name {
	case "Topic", "Topics", "TopicNames", "SubscribedTopicNames", "ResourceName":
		return e.topic
	case "Group", "Groups", "GroupID", "GroupIDs", "CoordinatorKey", "CoordinatorKeys":
		return fmt.Sprintf("%s-%d", e.run, e.n) // each has a group of its own, so that none waits for another
	case "TransactionalID", "TransactionalIDs":
		return e.run
	case "ProtocolType":
		return "consumer"
	case "Name", "Protocol":
		return "range"
	}
	return ""
}
