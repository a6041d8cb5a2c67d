package jwt

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/klammhq/klamm/internal/fault"
)

// parseObject reads exactly one JSON object that has exactly one reading:
// valid Unicode, no key twice at any depth, at most maxDepth levels. The
// standard decoder keeps the last of two keys and repairs invalid Unicode, and
// its token form takes as long as an RSA verification.
func parseObject(data []byte) (map[string]any, *fault.Error) {
	if !utf8.Valid(data) {
		return nil, BadJSON.malformed("it is not valid UTF-8")
	}
	r := &jsonReader{text: string(data)}
	if r.next() != '{' {
		return nil, BadJSON.malformed("it does not begin with {, expected a JSON object")
	}
	object, err := r.object(1)
	if err != nil {
		return nil, err
	}
	if r.next() != 0 || r.at < len(r.text) {
		return nil, BadJSON.malformed("something follows the JSON object, expected its end")
	}
	return object, nil
}

// jsonReader reads RFC 8259. Literals with any subtlety (escapes, numbers) are
// found here and read by the standard library.
type jsonReader struct {
	text string
	at   int
}

// next skips white space and is the byte there, or 0 at the end.
func (r *jsonReader) next() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take skips white space and c; false when something else is there.
func (r *jsonReader) take(c byte) bool {
	if r.next() != c || r.at >= len(r.text) {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) invalid() *fault.Error {
	return BadJSON.malformed("it is not valid JSON at byte %d", r.at)
}

// value reads a value inside of depth levels.
func (r *jsonReader) value(depth int) (any, *fault.Error) {
	switch r.next() {
	case '{':
		return r.object(depth + 1)
	case '[':
		return r.list(depth + 1)
	case '"':
		return r.string()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	}
	return r.number()
}

func (r *jsonReader) word(word string) *fault.Error {
	if !strings.HasPrefix(r.text[r.at:], word) {
		return r.invalid()
	}
	r.at += len(word)
	return nil
}

func (r *jsonReader) object(depth int) (map[string]any, *fault.Error) {
	if depth > maxDepth {
		return nil, TooDeep.malformed("it is nested deeper than %d levels", maxDepth)
	}
	r.at++ // {
	object := map[string]any{}
	if r.take('}') {
		return object, nil
	}
	for {
		if r.next() != '"' {
			return nil, r.invalid()
		}
		key, err := r.string()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, DuplicateKey.malformed("the key %q stands twice, expected once", brief(key))
		}
		if !r.take(':') {
			return nil, r.invalid()
		}
		if object[key], err = r.value(depth); err != nil {
			return nil, err
		}
		if r.take('}') {
			return object, nil
		}
		if !r.take(',') {
			return nil, r.invalid()
		}
	}
}

func (r *jsonReader) list(depth int) ([]any, *fault.Error) {
	if depth > maxDepth {
		return nil, TooDeep.malformed("it is nested deeper than %d levels", maxDepth)
	}
	r.at++ // [
	list := []any{}
	if r.take(']') {
		return list, nil
	}
	for {
		value, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		if r.take(']') {
			return list, nil
		}
		if !r.take(',') {
			return nil, r.invalid()
		}
	}
}

func (r *jsonReader) string() (string, *fault.Error) {
	begin, escaped := r.at, false
	for r.at++; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			if escaped {
				return r.unescape(r.text[begin:r.at])
			}
			return r.text[begin+1 : r.at-1], nil
		case c == '\\':
			escaped = true
			r.at++
		case c < ' ':
			return "", r.invalid()
		}
	}
	return "", r.invalid()
}

func (r *jsonReader) unescape(quoted string) (text string, _ *fault.Error) {
	if loneSurrogate(quoted) {
		return "", BadJSON.malformed("a string holds half of a surrogate pair, expected valid Unicode")
	}
	if json.Unmarshal([]byte(quoted), &text) != nil {
		return "", r.invalid()
	}
	return text, nil
}

func (r *jsonReader) number() (any, *fault.Error) {
	rest := r.text[r.at:]
	end := len(rest) - len(strings.TrimLeft(rest, "+-.0123456789Ee"))
	if !json.Valid([]byte(rest[:end])) {
		return nil, r.invalid()
	}
	r.at += end
	return number(rest[:end])
}

// number is int64 where the value is integral and fits, however it is written
// (JSON knows no difference between 1, 1.0 and 1e0), and float64 otherwise.
func number(text string) (any, *fault.Error) {
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
		return whole, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, BadJSON.malformed("a number is out of range")
	}
	// Above 2^53 a float64 is no longer sure of its integer.
	if f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
		return int64(f), nil
	}
	return f, nil
}

// loneSurrogate finds \u escapes of half a pair, which decoders silently turn
// into U+FFFD: different texts would become the same name.
func loneSurrogate(quoted string) bool {
	for {
		i := strings.IndexByte(quoted, '\\')
		if i < 0 || i+2 > len(quoted) {
			return false
		}
		quoted = quoted[i:]
		unit, ok := escapedUnit(quoted)
		switch {
		case !ok:
			quoted = quoted[2:]
		case unit >= 0xD800 && unit < 0xDC00:
			if low, ok := escapedUnit(quoted[6:]); !ok || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			quoted = quoted[12:]
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		default:
			quoted = quoted[6:]
		}
	}
}

func escapedUnit(text string) (uint64, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	return unit, err == nil
}

// brief shortens a name from outside for a message.
func brief(name string) string {
	if len(name) > 40 {
		return strings.ToValidUTF8(name[:40], "") + "…"
	}
	return name
}

// shape names the kind of a JSON value for a message.
func shape(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case int64, float64:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}
