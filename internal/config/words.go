package config

import (
	"reflect"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// expects says what a type is written as.
func expects(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if w, ok := reflect.New(t).Interface().(worded); ok {
		return w.expected()
	}
	switch {
	case reflect.PointerTo(t).Implements(textType):
		return "one value"
	case t.Kind() == reflect.Struct:
		if keys := keysOf(t); len(keys) > 0 {
			return "a mapping with " + strings.Join(keys, ", ")
		}
		return "{}"
	case t.Kind() == reflect.Map:
		return "a mapping"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	}
	return "a string"
}

// found says what a node is, without its value.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	words := map[string]string{"!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!timestamp": "a date"}
	if w, ok := words[n.ShortTag()]; ok {
		return w
	}
	return "a string"
}

// keysOf are the keys that can be set now.
func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range fieldsOf(t) {
		if t.Field(f.index).Type != laterType {
			keys = append(keys, f.key)
		}
	}
	return keys
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Nearest is the word that key was probably meant to be, "" when none is near:
// more than one edit in three letters makes another word.
func Nearest(key string, words []string) string {
	best, least := "", max(1, len(key)/3)+1
	for _, w := range words {
		if n := distance(strings.ToLower(key), strings.ToLower(w), least); n < least {
			best, least = w, n
		}
	}
	return best
}

// distance is the number of edits (insert, delete, replace, swap of neighbours)
// from a to b; beyond limit it is only known to be more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
