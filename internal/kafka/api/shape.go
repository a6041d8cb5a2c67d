package api

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// Decode reads the body of a request whole. Before kmsg sees it the body is
// checked as strictly as Produce.Read does, for kmsg believes lengths: a tag
// count of four bytes keeps it busy for minutes. A key without a shape is
// never decoded, and tagged fields that nobody knows are left out: the broker
// that the request goes to may know them.
func Decode(key, version int16, body []byte) (kmsg.Request, error) {
	req := kmsg.RequestForKey(key)
	if !Decodes(key) || version < 0 || version > req.MaxVersion() {
		return nil, fault.New(fault.Unsupported, "API key %d version %d is not decoded", key, version)
	}
	unknown, err := check(key, version, body)
	if err != nil && key == metadataKey && version >= shapes[key].flex {
		body = withoutSurplus(version, body)
		unknown, err = check(key, version, body)
	}
	if err != nil {
		return nil, err
	}
	req.SetVersion(version)
	if err := req.ReadFrom(body); err != nil {
		return nil, fault.New(fault.Malformed, "a %s request cannot be decoded", kmsg.Key(key).Name()).Because(err)
	}
	if unknown {
		forgetUnknown(req)
	}
	return req, nil
}

// Decodes reports whether Decode knows the key.
func Decodes(key int16) bool { _, ok := shapes[key]; return ok }

// check also reports whether there are tagged fields that nobody knows.
func check(key, version int16, body []byte) (unknown bool, err error) {
	switch {
	case key == 0 && version >= ProduceMin:
		var p Produce
		err = p.Read(version, body)
		return p.Unknown, err
	case key == 1 && version >= FetchMin:
		var f Fetch
		err = f.Read(version, body)
		return f.Unknown, err
	}
	r := request(body)
	err = shapes[key].check(version, &r, "request")
	return r.unknown, err
}

const metadataKey = 3

// withoutSurplus takes out three bytes that librdkafka as shipped has in a
// flexible Metadata request for all topics: of the four that it keeps for the
// length of the list it fills one with a null of one byte, and sends all four
// (https://github.com/confluentinc/librdkafka/issues/5049). A broker does not
// mind, for it reads zeros as flags and ignores what is left. No other request
// for all topics has this length and begins with these zeros, unless it has tagged
// fields, and then it can be read as it is.
func withoutSurplus(version int16, body []byte) []byte {
	const null, tags = "\x00", 1
	const broken = null + "\x00\x00\x00"
	flags := 2
	if version < 11 {
		flags = 3
	}
	if len(body) == len(broken)+flags+tags && string(body[:len(broken)]) == broken {
		return append([]byte(null), body[len(broken):]...)
	}
	return body
}

// definition is a shape as it is written down.
type definition struct {
	flex   int16
	fields string
}

const never = math.MaxInt16 // no version

type shape struct {
	name   string
	flex   int16
	fields []field
}

// field is one value on the wire.
type field struct {
	kind     kind
	min, max int16   // versions that have it
	null     int16   // the first version in which it may be null
	size     int     // of a fixed value
	in       []field // of a structure
	tagged   bool    // stands among the tagged fields, as tag
	tag      uint32
}

type kind uint8

const (
	fixed kind = iota
	text
	blob
	values     // an array of bare values
	structures // an array of structures
	structure  // one structure; one that may be null is behind a byte that says whether it is there: 1 or -1
)

func (s *shape) check(version int16, r *reader, what string) error {
	r.structure(s.fields, version, version >= s.flex)
	return r.end("a " + s.name + " " + what)
}

func (r *reader) structure(fields []field, version int16, flexible bool) {
	r.bare(fields, version, flexible)
	if flexible {
		r.tagged(fields, version)
	}
}

func (r *reader) bare(fields []field, version int16, flexible bool) {
	for i := range fields {
		if f := &fields[i]; !f.tagged && version >= f.min && version <= f.max && !r.bad {
			r.value(f, version, flexible)
		}
	}
}

// tagged reads a section of tagged fields, and into those that fields knows:
// kmsg decodes them whatever the version.
func (r *reader) tagged(fields []field, version int16) {
	last := int64(-1)
	for n := r.tagCount(); n > 0 && !r.bad; n-- {
		t := r.nextTag(&last)
		known := false
		for i := range fields {
			if f := &fields[i]; f.tagged && f.tag == t.key && !r.bad {
				in := reader{b: t.val.of(r.b), utf8: r.utf8}
				in.value(f, version, true)
				r.bad, r.unknown = in.bad || in.left() != 0, r.unknown || in.unknown
				known = true
			}
		}
		r.unknown = r.unknown || !known
	}
}

func (r *reader) value(f *field, version int16, flexible bool) {
	nullable := version >= f.null
	switch f.kind {
	case fixed:
		r.skip(f.size)
	case text, blob:
		r.text(flexible, f.kind == blob, nullable)
	case structure:
		if !nullable || r.present() {
			r.structure(f.in, version, flexible)
		}
	case values, structures:
		for n := r.array(flexible, nullable, 1); n > 0 && !r.bad; n-- {
			if f.kind == values {
				r.bare(f.in, version, flexible)
			} else {
				r.structure(f.in, version, flexible)
			}
		}
	}
}

// present reads whether a structure is there. There are readers to whom every
// number but -1 says so, and others to whom only those that are not negative do.
func (r *reader) present() bool {
	n := r.int8()
	if n != 1 && n != -1 {
		r.bad = true
	}
	return n == 1
}

func compileAll(defs map[int16]definition) map[int16]*shape {
	out := make(map[int16]*shape, len(defs))
	for key, d := range defs {
		words := strings.Fields(d.fields)
		fields, rest := compile(words, "")
		if len(rest) != 0 {
			panic(fmt.Sprintf("shape of %d: %q is left over", key, rest))
		}
		out[key] = &shape{kmsg.Key(key).Name(), d.flex, fields}
	}
	return out
}

// compile reads fields up to the word end. A field is a type, before it the
// versions that have it ("3+:", "0-2:") or its tag ("t0:"), after it ? when it
// may be null, with the first version in which it may ("?2"). Types are i8 … i64,
// uuid, str, bytes, [ TYPE ] for an array of bare values, { TYPES } for an array
// of structures, ( TYPES ) for a structure.
func compile(words []string, end string) (fields []field, rest []string) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if end != "" && beforeNull(word) == end {
			return fields, append([]string{word}, words...)
		}
		f := field{max: never, null: never}
		if versions, name, ok := strings.Cut(word, ":"); ok && versions[0] == 't' {
			word, f.tagged, f.tag = name, true, uint32(number(versions[1:]))
		} else if ok {
			word = name
			from, to, closed := strings.Cut(strings.TrimSuffix(versions, "+"), "-")
			f.min = number(from)
			if closed {
				f.max = number(to)
			}
		}
		if group, ok := groups[word]; ok {
			f.kind = group.kind
			f.in, words = compile(words, group.end)
			f.null = firstNull(words[0])
			words = words[1:]
		} else {
			f.null = firstNull(word)
			value, ok := primitives[beforeNull(word)]
			if !ok {
				panic("no such type: " + word)
			}
			f.kind, f.size = value.kind, value.size
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func beforeNull(word string) string {
	word, _, _ = strings.Cut(word, "?")
	return word
}

func firstNull(word string) int16 {
	switch _, version, ok := strings.Cut(word, "?"); {
	case !ok:
		return never
	case version == "":
		return 0
	default:
		return number(version)
	}
}

var groups = map[string]struct {
	kind kind
	end  string
}{"[": {values, "]"}, "{": {structures, "}"}, "(": {structure, ")"}}

var primitives = map[string]field{
	"i8": {size: 1}, "i16": {size: 2}, "i32": {size: 4}, "i64": {size: 8}, "uuid": {size: 16},
	"str": {kind: text}, "bytes": {kind: blob},
}

func number(s string) int16 {
	n, err := strconv.ParseInt(s, 10, 16)
	if err != nil {
		panic(err)
	}
	return int16(n)
}
