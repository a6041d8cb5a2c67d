package api

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestShapes fills each request at random, in each version, and wants Decode
// to accept exactly what kmsg writes, and no byte more or less.
func TestShapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for key := range shapes {
		for version := int16(0); version <= kmsg.RequestForKey(key).MaxVersion(); version++ {
			for range 50 {
				req := kmsg.RequestForKey(key)
				fill(rng, reflect.ValueOf(req).Elem())
				req.SetVersion(version)
				body := req.AppendTo(nil)
				again, err := Decode(key, version, body)
				if err != nil {
					t.Fatalf("%s version %d: %v", kmsg.Key(key).Name(), version, err)
				}
				if got := again.AppendTo(nil); string(got) != string(body) {
					t.Fatalf("%s version %d: decoded and written again it differs", kmsg.Key(key).Name(), version)
				}
				if _, err := Decode(key, version, append(body, 0)); err == nil {
					t.Fatalf("%s version %d: a byte after the end is accepted", kmsg.Key(key).Name(), version)
				}
				if len(body) == 0 {
					continue
				}
				if _, err := Decode(key, version, body[:rng.IntN(len(body))]); err == nil {
					t.Fatalf("%s version %d: a cut request is accepted", kmsg.Key(key).Name(), version)
				}
			}
		}
	}
}

// fill sets every field to a random value; null where kmsg has a pointer or a
// nil slice now and then.
func fill(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[kmsg.Tags]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(rng, v.Field(i))
			}
		}
	case reflect.Pointer:
		if rng.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		n := rng.IntN(5) - 1
		if n < 0 {
			v.SetZero()
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(rng, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.String:
		v.SetString("name-of-something"[:rng.IntN(17)])
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rng.Int64() >> (64 - v.Type().Bits()))
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(rng.Uint64() >> (64 - v.Type().Bits()))
	}
}

// TestMetadataOfLibrdkafka has requests for all topics as librdkafka 2.16 sends
// them, with three bytes that do not belong there.
func TestMetadataOfLibrdkafka(t *testing.T) {
	for _, tt := range []struct {
		version    int16
		body       string
		autoCreate bool
		wanted     bool
	}{
		{13, "\x00\x00\x00\x00\x01\x00\x00", true, true},
		{13, "\x00\x00\x00\x00\x00\x00\x00", false, true},
		{12, "\x00\x00\x00\x00\x01\x00\x00", true, true},
		{9, "\x00\x00\x00\x00\x01\x00\x00\x00", true, true},
		{13, "\x00\x01\x00\x00", true, true}, // as it should be
		{13, "\x01\x00\x00\x00\x01\x00\x00", false, false},
		{10, "\x00\x00\x00\x00\x01\x00\x00", false, true},     // a tagged field, as Kafka reads it
		{10, "\x00\x00\x00\x00\x01\x00\x01\x00", false, true}, // and one of a byte
		{13, "\x00\x00\x00\x01\x01\x00\x00", false, false},
		{13, "\x00\x00\x00\x00\x01\x00\x00\x00\x00", false, false},
		{8, "\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00", false, false},
	} {
		req, err := Decode(3, tt.version, []byte(tt.body))
		if (err == nil) != tt.wanted {
			t.Errorf("version %d, %x: %v", tt.version, tt.body, err)
			continue
		}
		if err != nil {
			continue
		}
		m := req.(*kmsg.MetadataRequest)
		if m.Topics != nil || m.AllowAutoTopicCreation != tt.autoCreate || m.IncludeTopicAuthorizedOperations {
			t.Errorf("version %d, %x: read as %+v", tt.version, tt.body, m)
		}
	}
}
