package gateway

import (
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// refusal is why a request, or an item of it, is not sent on.
type refusal struct {
	code  int16
	words string // where the protocol has room for them
}

// ownError answers a request with an error in the way of its own response: at
// the top where the response has an error there, and on each of its items.
func ownError(req kmsg.Request, no refusal) kmsg.Response {
	resp := req.ResponseKind()
	defaults(reflect.ValueOf(resp))
	resp.SetVersion(req.GetVersion())
	mirror(reflect.ValueOf(resp).Elem(), reflect.ValueOf(req).Elem(), no)
	return resp
}

// addError appends to the list of a response what stands for one item of the
// request, with an error.
func addError(resp kmsg.Response, list string, item any, no refusal) {
	field := reflect.ValueOf(resp).Elem().FieldByName(list)
	field.Set(reflect.Append(field, mirrored(field.Type().Elem(), reflect.ValueOf(item), no)))
}

// errorFor is an entry of a response of type T that stands for one item of the
// request, with an error.
func errorFor[T any](item any, no refusal) T {
	return mirrored(reflect.TypeFor[T](), reflect.ValueOf(item), no).Interface().(T)
}

// answered names the lists of a response that stand for lists of the request
// with another name.
var answered = map[string]string{
	"TopicNames":       "Topics",
	"CoordinatorKeys":  "Coordinators",
	"Creations":        "Results",
	"Filters":          "Results",
	"Deletions":        "Results",
	"Upsertions":       "Results",
	"TransactionalIDs": "TransactionStates",
	"GroupIDs":         "Groups",
}

// identity are the fields that say which item an error is about.
var identity = []string{"Topic", "TopicID", "Partition", "Group", "GroupID", "MemberID", "InstanceID", "ResourceType", "ResourceName", "TransactionalID", "Type", "Name"}

// named is the field that holds an item which is a bare value in the request.
var named = []string{"Group", "GroupID", "Topic", "Key", "Partition", "TransactionalID"}

// mirror fills what in resp repeats what the request says, and the errors.
func mirror(resp, req reflect.Value, no refusal) {
	t := resp.Type()
	for i := range t.NumField() {
		to := resp.Field(i)
		switch name := t.Field(i).Name; {
		case name == "ErrorCode":
			to.SetInt(int64(no.code))
		case name == "ErrorMessage":
			if no.words != "" {
				to.Set(reflect.ValueOf(&no.words))
			}
		case name == "Version" || name == "UnknownTags" || name == "Configs": // a configuration that was asked for is none yet
		case req.Kind() != reflect.Struct:
		case to.Kind() == reflect.Slice:
			mirrorList(to, name, req, no)
		case slices.Contains(identity, name):
			if from := req.FieldByName(name); from.IsValid() {
				set(to, from)
			}
		}
	}
	if req.Kind() == reflect.Struct {
		return
	}
	for _, name := range named {
		if to := resp.FieldByName(name); to.IsValid() && set(to, req) {
			return
		}
	}
}

// mirrorList makes an entry for each item of the lists that it answers.
func mirrorList(to reflect.Value, name string, req reflect.Value, no refusal) {
	if to.Type().Elem().Kind() != reflect.Struct {
		return
	}
	for i := range req.NumField() {
		from, called := req.Field(i), req.Type().Field(i).Name
		if from.Kind() != reflect.Slice || called != name && answered[called] != name {
			continue
		}
		for j := range from.Len() {
			to.Set(reflect.Append(to, mirrored(to.Type().Elem(), from.Index(j), no)))
		}
	}
}

func mirrored(t reflect.Type, item reflect.Value, no refusal) reflect.Value {
	entry := reflect.New(t)
	defaults(entry)
	for item.Kind() == reflect.Pointer {
		item = item.Elem()
	}
	mirror(entry.Elem(), item, no)
	return entry.Elem()
}

// set puts a value into a field of its type, or a pointer to it.
func set(to, value reflect.Value) bool {
	switch {
	case to.Type() == value.Type():
		to.Set(value)
	case to.Kind() == reflect.Pointer && to.Type().Elem() == value.Type():
		p := reflect.New(value.Type())
		p.Elem().Set(value)
		to.Set(p)
	default:
		return false
	}
	return true
}

// unset are fields whose value in an error is not kmsg's default.
var unset = map[string]int64{
	"HighWatermark": -1, "BaseOffset": -1, "Offset": -1, "EndOffset": -1, "LeaderEpoch": -1, "LowWatermark": -1, "ProducerID": -1,
	"ControllerID": -1, "Generation": -1, "LeaderID": -1, "ProducerEpoch": -1,
}

// defaults sets what kmsg, and Kafka in an error, have as default.
func defaults(v reflect.Value) {
	if d, ok := v.Interface().(interface{ Default() }); ok {
		d.Default()
	}
	for name, value := range unset {
		if f := v.Elem().FieldByName(name); f.IsValid() && f.CanInt() {
			f.SetInt(value)
		}
	}
	// No records, as Kafka writes them: librdkafka takes null for a broken answer,
	// and asks again for ever instead of telling the application.
	if f := v.Elem().FieldByName("RecordBatches"); f.IsValid() {
		f.SetBytes([]byte{})
	}
}
