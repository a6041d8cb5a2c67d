package api

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestUnknownFields: every structure of what is spelled has a tagged field that
// nobody knows, with an address in it, and none goes on.
func TestUnknownFields(t *testing.T) {
	everyShape(requestShapes(), func(name string, s *shape, key, version int16) {
		body, _, _ := spell(s, version, -1, nil)
		req, err := Decode(key, version, body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		unknownGone(t, name, version >= s.flex, body, req.AppendTo(nil))
	})
	everyShape(answers, func(name string, s *shape, key, version int16) {
		body, _, _ := spell(s, version, -1, nil)
		resp, err := ReadAnswer(key, version, body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		unknownGone(t, name, version >= s.flex, body, resp.AppendTo(nil))
	})
}

func unknownGone(t *testing.T, name string, flexible bool, body, written []byte) {
	if came := bytes.Contains(body, []byte(canaryHost)); came != flexible {
		t.Fatalf("%s: has it a field that nobody knows? %v", name, came)
	}
	if bytes.Contains(written, []byte(canaryHost)) {
		t.Errorf("%s: a field that nobody knows goes on", name)
	}
}

// TestUnknown puts a field that nobody knows into each structure of a Produce
// and a Fetch, one after the other.
func TestUnknown(t *testing.T) {
	all := requestShapes()
	for key, from := range map[int16]int16{0: 9, 1: 12} {
		for version := from; version <= kmsg.RequestForKey(key).MaxVersion(); version++ {
			body, _, _ := spell(all[key], version, -1, nil)
			req, err := Decode(key, version, body)
			if err != nil {
				t.Fatal(err)
			}
			if unknown, err := check(key, version, req.AppendTo(nil)); unknown || err != nil {
				t.Fatalf("%s: unknown %v, %v", all[key].name, unknown, err)
			}
			n := 0
			eachTags(reflect.ValueOf(req), func(tags *kmsg.Tags) {
				tags.Set(100, nil)
				if unknown, err := check(key, version, req.AppendTo(nil)); !unknown || err != nil {
					t.Errorf("%s %d: in structure %d: unknown %v, %v", all[key].name, version, n, unknown, err)
				}
				*tags = kmsg.Tags{}
				n++
			})
			if n < 4 {
				t.Errorf("%s %d has %d structures", all[key].name, version, n)
			}
		}
	}
}

// eachTags calls f for the unknown fields of each structure.
func eachTags(v reflect.Value, f func(*kmsg.Tags)) {
	switch v.Kind() {
	case reflect.Pointer:
		eachTags(v.Elem(), f)
	case reflect.Slice:
		for i := range v.Len() {
			eachTags(v.Index(i), f)
		}
	case reflect.Struct:
		if tags, ok := v.Addr().Interface().(*kmsg.Tags); ok {
			f(tags)
			return
		}
		for i := range v.NumField() {
			eachTags(v.Field(i), f)
		}
	}
}
