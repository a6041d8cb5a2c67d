package api

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// forgetUnknown takes out the tagged fields that kmsg does not know: a broker
// that is newer may say in one of them where it is (KIP-482 lets a version
// gain such fields).
func forgetUnknown(resp kmsg.Response) { forget(reflect.ValueOf(resp)) }

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
