package app

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// hasCode reports whether an error code stands anywhere in an answer.
func hasCode(resp kmsg.Response, code int16) bool {
	found := false
	eachCode(reflect.ValueOf(resp), func(c int16) { found = found || c == code })
	return found
}

// carries reports whether an answer without items has room for an error code
// in its version.
func carries(req kmsg.Request, code int16) bool {
	resp := req.ResponseKind()
	field := reflect.ValueOf(resp).Elem().FieldByName("ErrorCode")
	if !field.IsValid() {
		return false
	}
	field.SetInt(int64(code))
	read := req.ResponseKind()
	return read.ReadFrom(resp.AppendTo(nil)) == nil && hasCode(read, code)
}

func eachCode(v reflect.Value, f func(int16)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachCode(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachCode(v.Index(i), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.Name == "ErrorCode" && field.Type.Kind() == reflect.Int16 {
				f(int16(v.Field(i).Int()))
			} else if field.IsExported() {
				eachCode(v.Field(i), f)
			}
		}
	}
}
