package api

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// HiddenAddress stands in place of an address in a broker's words.
const HiddenAddress = "[address]"

// address finds what looks like an address, whatever is around it: an IPv4
// literal, an IPv6 literal, and any name with a port of three digits or more. A
// name alone looks like a topic's.
var address = regexp.MustCompile(`(?:[A-Za-z0-9._-]*/)?(?:` + strings.Join([]string{
	`\d{1,3}(?:\.\d{1,3}){3}`,
	`\[[0-9A-Fa-f:.]{2,}(?:%[A-Za-z0-9._-]+)?\]`,
	`(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}`,
	`(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*)?::(?:[0-9A-Fa-f]{1,4}:)*[0-9A-Fa-f]{1,4}(?:%[A-Za-z0-9._-]+)?`,
	`[A-Za-z0-9._-]+:\d{3,}`,
}, "|") + `)(?::\d+)?`)

// Scrub hides the addresses in a broker's words.
func Scrub(words string) string {
	if !strings.ContainsAny(words, ":.") {
		return words
	}
	return address.ReplaceAllLiteralString(words, HiddenAddress)
}

// wordPaths says, for each API key, where the words of its response stand: the
// way through the fields of the structures, slices being passed through.
var wordPaths = findFields("ErrorMessage", "StatusDetail")

// codePaths is the same for the error codes.
var codePaths = findFields("ErrorCode")

func findFields(suffixes ...string) map[int16][][]int {
	found := map[int16][][]int{}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if resp := kmsg.ResponseForKey(key); resp != nil {
			walkType(reflect.TypeOf(resp), nil, func(path []int, f reflect.StructField) {
				if slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(f.Name, suffix) }) {
					found[key] = append(found[key], path)
				}
			})
		}
	}
	return found
}

// HasCode reports whether a response has an error code like that anywhere.
func HasCode(resp kmsg.Response, like func(code int16) bool) (found bool) {
	for _, path := range codePaths[resp.Key()] {
		follow(reflect.ValueOf(resp), path, func(v reflect.Value) { found = found || like(int16(v.Int())) })
	}
	return found
}

// walkType calls f for each exported field below t, with its path.
func walkType(t reflect.Type, path []int, f func([]int, reflect.StructField)) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		if field := t.Field(i); field.IsExported() {
			here := append(path[:len(path):len(path)], i)
			f(here, field)
			walkType(field.Type, here, f)
		}
	}
}

func scrubWords(resp kmsg.Response) {
	for _, path := range wordPaths[resp.Key()] {
		follow(reflect.ValueOf(resp), path, func(v reflect.Value) {
			switch words := v.Addr().Interface().(type) {
			case **string:
				scrubValue(*words)
			case *string:
				*words = Scrub(*words)
			}
		})
	}
}

// follow calls f for each value at the end of path.
func follow(v reflect.Value, path []int, f func(reflect.Value)) {
	if len(path) == 0 {
		f(v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			follow(v.Elem(), path, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			follow(v.Index(i), path, f)
		}
	case reflect.Struct:
		follow(v.Field(path[0]), path[1:], f)
	}
}
