package gateway

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka/api"
)

// sample is a request with one item in each list; nil for keys whose response
// has room for an error at an item only and that clients never send.
func sample(key, version int16) kmsg.Request {
	req := kmsg.RequestForKey(key)
	if !api.Decodes(key) {
		if _, top := reflect.TypeOf(req.ResponseKind()).Elem().FieldByName("ErrorCode"); !top {
			return nil
		}
	}
	one(reflect.ValueOf(req).Elem())
	req.SetVersion(version)
	return req
}

func one(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[kmsg.Tags]() {
				one(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		one(v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		one(v.Elem())
	case reflect.String:
		v.SetString("orders")
	}
}
