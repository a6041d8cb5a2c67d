package api

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	canaryHost = "kafka-7.internal"
	canaryPort = 19097
)

// TestNoAddressWithoutARule fills every field of every response that is called
// like an address with a canary, and wants none of it back.
func TestNoAddressWithoutARule(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	met := map[string]bool{}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		resp := kmsg.ResponseForKey(key)
		if resp == nil {
			continue
		}
		resp.SetVersion(resp.MaxVersion())
		name := reflect.TypeOf(resp).Elem().Name()
		for range 20 {
			fill(rng, reflect.ValueOf(resp).Elem())
			eachAddress(resp, func(_ string, v reflect.Value) {
				switch v.Kind() {
				case reflect.String:
					v.SetString(canaryHost)
				case reflect.Uint16:
					v.SetUint(canaryPort)
				default:
					v.SetInt(canaryPort)
				}
			})
			Rewrite(resp, func(node int32) (string, int32, bool) { return "b.example", 9092, node%2 == 0 })
			eachAddress(resp, func(path string, v reflect.Value) {
				full := name + path
				if _, ok := notAddresses[full]; ok {
					met[full] = true
					return
				}
				if v.Kind() == reflect.String && v.String() == canaryHost ||
					v.Kind() == reflect.Uint16 && v.Uint() == canaryPort || v.CanInt() && v.Int() == canaryPort {
					t.Fatalf("%s has an address and no rule rewrites it", full)
				}
			})
		}
	}
	for path := range notAddresses {
		if !met[path] {
			t.Errorf("%s is excused and does not exist", path)
		}
	}
}

// eachAddress finds fields by their names.
func eachAddress(resp kmsg.Response, f func(path string, v reflect.Value)) {
	t := reflect.TypeOf(resp)
	walkType(t, nil, func(path []int, field reflect.StructField) {
		switch {
		case field.Type.Kind() == reflect.Slice || field.Type.Kind() == reflect.Pointer || field.Type.Kind() == reflect.Struct:
			return
		case strings.HasSuffix(field.Name, "Host"), strings.HasSuffix(field.Name, "Port"), strings.Contains(field.Name, "Listener"), strings.HasSuffix(field.Name, "Address"):
			follow(reflect.ValueOf(resp), path, func(v reflect.Value) { f(nameOf(t, path), v) })
		}
	})
}

func nameOf(t reflect.Type, path []int) (name string) {
	for _, i := range path {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		name += "." + t.Field(i).Name
		t = t.Field(i).Type
	}
	return name
}

func TestRewriteCoordinator(t *testing.T) {
	at := func(node int32) (string, int32, bool) { return "b.example", 9100 + node, node == 1 }
	r := &kmsg.FindCoordinatorResponse{Version: 4, Coordinators: []kmsg.FindCoordinatorResponseCoordinator{
		{NodeID: 1, Host: canaryHost, Port: canaryPort},
		{NodeID: 2, Host: canaryHost, Port: canaryPort},
		{NodeID: 1, Host: canaryHost, Port: canaryPort, ErrorCode: 30},
	}}
	lost := Rewrite(r, at)
	want := []kmsg.FindCoordinatorResponseCoordinator{
		{NodeID: 1, Host: "b.example", Port: 9101},
		{NodeID: -1, Port: -1, ErrorCode: CoordinatorNotAvailable},
		{NodeID: -1, Port: -1, ErrorCode: 30},
	}
	if !reflect.DeepEqual(r.Coordinators, want) || !reflect.DeepEqual(lost, []int32{2}) {
		t.Errorf("%+v, lost %v", r.Coordinators, lost)
	}
}

// TestRewriteNoRecords: Kafka's clients refuse a ShareFetch answer whose records
// are null ("non-nullable field records was serialized as null").
func TestRewriteNoRecords(t *testing.T) {
	r := &kmsg.ShareFetchResponse{Version: 2, Topics: []kmsg.ShareFetchResponseTopic{{Partitions: make([]kmsg.ShareFetchResponseTopicPartition, 2)}}}
	Rewrite(r, nil)
	for _, p := range r.Topics[0].Partitions {
		if p.Records == nil {
			t.Error("the records are null")
		}
	}
}

func TestRewriteBrokerConfigs(t *testing.T) {
	value := "INTERNAL://" + canaryHost + ":19097"
	config := func(name string) kmsg.DescribeConfigsResponseResourceConfig {
		v, s := value, value
		return kmsg.DescribeConfigsResponseResourceConfig{Name: name, Value: &v,
			ConfigSynonyms: []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{{Name: name, Value: &s}, {Name: "listeners", Value: &s}}}
	}
	r := kmsg.NewPtrDescribeConfigsResponse()
	for _, kind := range []kmsg.ConfigResourceType{kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, 16, 99} {
		res := kmsg.DescribeConfigsResponseResource{ResourceType: kind}
		for _, name := range []string{"listeners", "advertised.listeners", "controller.quorum.voters", "controller.quorum.bootstrap.servers", "log.dirs", "a.new.one"} {
			res.Configs = append(res.Configs, config(name))
		}
		r.Resources = append(r.Resources, res)
	}
	Rewrite(r, nil)
	if body := string(r.AppendTo(nil)); strings.Contains(body, "19097") || strings.Contains(body, canaryHost) || strings.Contains(body, "listeners") {
		t.Errorf("an address is left: %q", body)
	}
	if n := len(r.Resources[0].Configs); n != 2 {
		t.Errorf("%d configurations are left, want 2", n)
	}
}

func TestScrub(t *testing.T) {
	for words, want := range map[string]string{
		"Topic 'orders.eu' already exists.":                 "Topic 'orders.eu' already exists.",
		"Connection to node 1 (kafka-1/10.0.0.7:9092) lost": "Connection to node 1 ([address]) lost",
		"127.77.0.9 is down":                                "[address] is down",
		"no route to kafka-7.internal:19097.":               "no route to [address].",
		"[fe80::1]:9092 refused":                            "[address] refused",
		"[fe80::1%eth0]:9092 refused":                       "[address] refused",
		"connect to fe80::1%eth0":                           "connect to [address]",
		"/0:0:0:0:0:0:0:1:9092 refused":                     "[address] refused",
		"from ::1.":                                         "from [address].",
		"node_7:19097x is down":                             "[address]x is down",
		"broker127.77.0.9_":                                 "broker[address]_",
		"at 10:15 o'clock, error:bad":                       "at 10:15 o'clock, error:bad",
		"retention.ms: -5, min 100":                         "retention.ms: -5, min 100",
		"":                                                  "",
	} {
		if got := Scrub(words); got != want {
			t.Errorf("Scrub(%q) = %q, want %q", words, got, want)
		}
	}
}

// addresses are ways in which a broker says where one is.
var addresses = []struct{ host, written string }{
	{canaryHost, canaryHost + ":19097"},
	{"broker_7", "broker_7:19097"},
	{"127.77.0.9", "127.77.0.9:19097"},
	{"127.77.0.9", "127.77.0.9"},
	{canaryHost, canaryHost + "/127.77.0.9:19097"},
	{"fd77:77::9", "[fd77:77::9]:19097"},
	{"fd77:77::9", "/fd77:77::9%eth0"},
	{"fd77:77:0:0:0:0:0:9", "fd77:77:0:0:0:0:0:9:19097"},
}

// notWords are the fields of answers with text that no broker makes up: names
// and the like that clients and administrators choose, and Kafka's own words.
// A field that is not here is taken for words.
var notWords = strings.Fields(`Assignor AssignorName ClientID ClusterID Dir Documentation Group GroupID GroupState GroupType
	InstanceID Key LeaderID MemberID Metadata Name Principal ProcessID Protocol ProtocolType Rack RackID ResourceName SinkTopic
	State SubscribedTopicRegex SubtopologyID Topic TransactionState TransactionalID Type User Value`)

// FuzzRewrite wants no address to survive, at whatever place of whatever answer
// a broker says it, in words or as an address.
func FuzzRewrite(f *testing.F) {
	everyShape(answers, func(_ string, _ *shape, key, version int16) {
		f.Add(uint64(key), key, version, byte(key), "Connection to node 1 (", ") lost")
	})
	f.Fuzz(func(t *testing.T, seed uint64, key, version int16, which byte, before, after string) {
		a := addresses[int(which)%len(addresses)]
		words := before + a.written + after
		if answers[key] == nil || version < 0 || version > kmsg.ResponseForKey(key).MaxVersion() || strings.Count(words, a.host) > 1 {
			return
		}
		resp := kmsg.ResponseForKey(key)
		fill(rand.New(rand.NewPCG(seed, 0)), reflect.ValueOf(resp).Elem())
		resp.SetVersion(version)
		say(resp, a.host, words)
		Rewrite(resp, func(node int32) (string, int32, bool) { return "b.example", 9092, node%2 == 0 })
		if body := string(resp.AppendTo(nil)); strings.Contains(body, a.host) {
			t.Errorf("%s %d: %q is left of %q", kmsg.Key(key).Name(), version, a.host, words)
		}
	})
}

// say puts host into every address of an answer, and words into all that is
// not known to be something else. Values of configurations are a broker's.
func say(resp kmsg.Response, host, words string) {
	if r, ok := resp.(*kmsg.DescribeConfigsResponse); ok {
		for i := range r.Resources {
			r.Resources[i].ResourceType = kmsg.ConfigResourceTypeBroker
		}
	}
	const configs = "DescribeConfigsResponse.Resources.Configs"
	t := reflect.TypeOf(resp)
	walkType(t, nil, func(path []int, field reflect.StructField) {
		name := t.Elem().Name() + nameOf(t, path)
		_, excused := notAddresses[name]
		text := words
		switch {
		case excused, slices.Contains(notWords, field.Name) && name != configs+".Value" && name != configs+".ConfigSynonyms.Value":
			return
		case strings.HasSuffix(field.Name, "Host"):
			text = host
		}
		follow(reflect.ValueOf(resp), path, func(v reflect.Value) {
			switch v := v.Addr().Interface().(type) {
			case *string:
				*v = text
			case **string:
				*v = &text
			}
		})
	})
}
