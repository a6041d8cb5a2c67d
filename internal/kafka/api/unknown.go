package api

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// forgetUnknown takes the tagged fields that kmsg does not know out of a request
// or an answer. KIP-482 lets a version gain such fields: a client could say in
// one what nobody decides about, and a broker where it is.
func forgetUnknown(message any) { forget(reflect.ValueOf(message)) }

func forget(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			forget(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			return
		}
		for i := range v.Len() {
			forget(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[kmsg.Tags]() {
			v.SetZero()
			return
		}
		for i := range v.NumField() {
			forget(v.Field(i))
		}
	}
}
