package filter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxShown is how many characters of an expression or a value are shown.
const maxShown = 200

// render writes a claim's value so that nothing in it can steer a terminal or
// a log.
func render(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(cut(v))
	case []any:
		var parts []string
		for _, e := range v[:min(len(v), maxShown)] {
			parts = append(parts, render(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		return "an object with " + cut(fmt.Sprintf("%q", slices.Sorted(maps.Keys(v))))
	}
	return fmt.Sprint(v)
}

// kind names the type of a claim's value with its article.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case bool:
		return "true or false"
	}
	return "a number"
}

// quote writes a string literal of CEL, in single quotes where that is plain.
func quote(s string) string {
	q := strconv.Quote(s)
	if strings.ContainsAny(q[1:len(q)-1], `\'`) {
		return q
	}
	return "'" + s + "'"
}

// cut shortens a text to maxShown characters.
func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	if r := []rune(s); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return s
}

// printable is a text in one line, without what could steer a terminal or a log.
func printable(s string) string {
	if strings.Contains(s, "\n") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return cut(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s))
}
