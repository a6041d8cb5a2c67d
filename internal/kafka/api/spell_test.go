package api

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// speller writes a body by its shape: outer lists have two items, lists in them
// one, nothing is null. It knows where lengths, counts and the like stand, and writes one of
// them in another way than it should: the nth spot, spelled the given way.
type speller struct {
	b        []byte
	version  int16
	flexible bool

	depth      int // of lists
	nth, spots int
	wrong      func(*speller, spot) spelled
	wrote      bool
}

// spot is where something is spelled.
type spot struct {
	kind     kind
	nullable bool
	n        int  // length, or count
	tags     bool // a section of tagged fields
	in       bool // the end of a tagged field that is known
}

// spell writes the body, and reports whether the spot exists and the other
// spelling applies to it.
func spell(s *shape, version int16, nth int, wrong func(*speller, spot) spelled) (body []byte, exists, applied bool) {
	w := speller{version: version, flexible: version >= s.flex, nth: nth, wrong: wrong}
	w.structure(s.fields)
	return w.b, nth < w.spots, w.wrote
}

// spellAll calls f with the body of each spot that a spelling applies to.
func spellAll(s *shape, version int16, wrong func(*speller, spot) spelled, f func(body []byte)) {
	for nth := 0; ; nth++ {
		body, exists, applied := spell(s, version, nth, wrong)
		if !exists {
			return
		}
		if applied {
			f(body)
		}
	}
}

// here is asked at each spot, and writes the other spelling at the nth.
func (w *speller) here(s spot) spelled {
	if w.spots++; w.spots-1 != w.nth || w.wrong == nil {
		return nothingSpelled
	}
	how := w.wrong(w, s)
	w.wrote = how != nothingSpelled
	return how
}

func (w *speller) bytes(b ...byte) { w.b = append(w.b, b...) }

// length writes the length of a string (2 bytes), or of bytes or a list (4), or
// of either in a flexible version, where it is one more than it means.
func (w *speller) length(k kind, n int64) {
	switch {
	case w.flexible:
		w.b = binary.AppendUvarint(w.b, uint64(n+1)&(1<<32-1))
	case k == text:
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(n))
	default:
		w.b = binary.BigEndian.AppendUint32(w.b, uint32(n))
	}
}

func (w *speller) structure(fields []field) {
	w.bare(fields)
	if !w.flexible {
		return
	}
	if w.here(spot{kind: structure, tags: true}) == wholeSpelled {
		return
	}
	var tagged []field
	for _, f := range fields {
		if f.tagged {
			tagged = append(tagged, f)
		}
	}
	w.b = binary.AppendUvarint(w.b, uint64(len(tagged)+1))
	for _, f := range tagged {
		in := speller{version: w.version, flexible: true, nth: w.nth - w.spots, wrong: w.wrong}
		in.value(&f)
		w.spots, w.wrote = w.spots+in.spots, w.wrote || in.wrote
		if how := w.here(spot{kind: structure, in: true}); how != nothingSpelled {
			in.bytes(0)
		}
		w.b = binary.AppendUvarint(w.b, uint64(f.tag))
		w.b = binary.AppendUvarint(w.b, uint64(len(in.b)))
		w.bytes(in.b...)
	}
	w.bytes(100, byte(len(canaryHost))) // one that nobody knows
	w.bytes([]byte(canaryHost)...)
}

func (w *speller) bare(fields []field) {
	for _, f := range fields {
		if !f.tagged && w.version >= f.min && w.version <= f.max {
			w.value(&f)
		}
	}
}

func (w *speller) value(f *field) {
	nullable := w.version >= f.null
	switch f.kind {
	case fixed:
		for i := range f.size {
			w.bytes(byte(i + 1))
		}
	case text, blob:
		const name = "orders"
		how := w.here(spot{kind: f.kind, nullable: nullable, n: len(name)})
		if how == nothingSpelled {
			w.length(f.kind, int64(len(name)))
		}
		if how != wholeSpelled {
			w.bytes([]byte(name)...)
		}
	case structure:
		if !nullable {
			w.structure(f.in)
			return
		}
		how := w.here(spot{kind: structure, nullable: true})
		if how == nothingSpelled {
			w.bytes(1)
		}
		if how != wholeSpelled {
			w.structure(f.in)
		}
	case values, structures:
		w.list(f, nullable)
	}
}

func (w *speller) list(f *field, nullable bool) {
	items := 2
	if w.depth > 0 {
		items = 1
	}
	how := w.here(spot{kind: f.kind, nullable: nullable, n: items})
	if how == nothingSpelled {
		w.length(f.kind, int64(items))
	}
	if how == wholeSpelled {
		return
	}
	w.depth++
	for range items {
		if f.kind == values {
			w.bare(f.in)
		} else {
			w.structure(f.in)
		}
	}
	w.depth--
}

// spelled says how much of a value was written in the other way.
type spelled int

const (
	nothingSpelled spelled = iota // the way makes no sense for the spot
	numberSpelled                 // what follows the number is still to come
	wholeSpelled
)

// misspelled are the ways to spell something that must not be read.
var misspelled = map[string]func(*speller, spot) spelled{
	"null where nothing may be null": func(w *speller, s spot) spelled {
		return w.number(s, !s.nullable, -1, wholeSpelled)
	},
	"a length of -2":          func(w *speller, s spot) spelled { return w.number(s, !w.flexible, -2, wholeSpelled) },
	"a length of -2, and it":  func(w *speller, s spot) spelled { return w.number(s, !w.flexible, -2, numberSpelled) },
	"the lowest length":       func(w *speller, s spot) spelled { return w.number(s, !w.flexible, -1<<31|-1<<15, wholeSpelled) },
	"a length beyond the end": func(w *speller, s spot) spelled { return w.number(s, true, 1<<15-1, numberSpelled) },
	"2^31-1 of them":          func(w *speller, s spot) spelled { return w.number(s, s.list(), 1<<31-1, numberSpelled) },
	"2^31-2 of them":          func(w *speller, s spot) spelled { return w.number(s, s.list(), 1<<31-2, numberSpelled) },
	"2^32-2 of them":          func(w *speller, s spot) spelled { return w.number(s, w.flexible, 1<<32-2, numberSpelled) },
	"2^31 and a half":         func(w *speller, s spot) spelled { return w.number(s, w.flexible, 3<<30, numberSpelled) },

	"a number too long":       func(w *speller, s spot) spelled { return w.padded(s, byte(s.n+1)|0x80, 0x00) },
	"two bytes too many":      func(w *speller, s spot) spelled { return w.padded(s, byte(s.n+1)|0x80, 0x80, 0x00) },
	"a number of 33 bits":     func(w *speller, s spot) spelled { return w.padded(s, byte(s.n+1)|0x80, 0x80, 0x80, 0x80, 0x10) },
	"a number of 35 bits":     func(w *speller, s spot) spelled { return w.padded(s, byte(s.n+1)|0x80, 0x80, 0x80, 0x80, 0x70) },
	"a number without an end": func(w *speller, s spot) spelled { return w.padded(s, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80) },

	notUTF8:   func(w *speller, s spot) spelled { return w.name(s, "ord\xffrs") },
	surrogate: func(w *speller, s spot) spelled { return w.name(s, "ord\xed\xa0\x80rs") },
	overlong:  func(w *speller, s spot) spelled { return w.name(s, "ord\xc0\x80rs") },
	longName:  func(w *speller, s spot) spelled { return w.name32768(s) },

	"there, by a 2":     func(w *speller, s spot) spelled { return w.present(s, 2, numberSpelled) },
	"there, by a 0":     func(w *speller, s spot) spelled { return w.present(s, 0, numberSpelled) },
	"not there by a 0":  func(w *speller, s spot) spelled { return w.present(s, 0, wholeSpelled) },
	"there, by a -2":    func(w *speller, s spot) spelled { return w.present(s, 0xfe, numberSpelled) },
	"not there by a -2": func(w *speller, s spot) spelled { return w.present(s, 0xfe, wholeSpelled) },

	"a tag twice":     func(w *speller, s spot) spelled { return w.tags(s, 2, 100, 0, 100, 0) },
	"tags falling":    func(w *speller, s spot) spelled { return w.tags(s, 2, 101, 0, 100, 0) },
	"more tags said":  func(w *speller, s spot) spelled { return w.tags(s, 0xff, 0xff, 0xff, 0xff, 0x0f) },
	"a tag beyond":    func(w *speller, s spot) spelled { return w.tags(s, 1, 100, 0xff, 0xff, 0x03) },
	"a tag of 2^32-1": func(w *speller, s spot) spelled { return w.tags(s, 1, 100, 0xff, 0xff, 0xff, 0xff, 0x0f) },
	"a long tag":      func(w *speller, s spot) spelled { return w.tags(s, 1, 0xe4, 0x00, 0) },
	"a long tag size": func(w *speller, s spot) spelled { return w.tags(s, 1, 100, 0x80, 0x00) },
	"more in a tagged field": func(w *speller, s spot) spelled {
		if !s.in {
			return nothingSpelled
		}
		return numberSpelled
	},
	"a long count": func(w *speller, s spot) spelled { return w.tags(s, 0x81, 0x00, 100, 0) },
}

const (
	notUTF8   = "a byte that is no UTF-8"
	surrogate = "half of a surrogate pair"
	overlong  = "a NUL of two bytes"
	longName  = "32768 bytes of a name"
)

func (s spot) list() bool { return s.kind == values || s.kind == structures }

// number writes another length or count.
func (w *speller) number(s spot, sense bool, n int64, how spelled) spelled {
	if s.kind == structure || !sense {
		return nothingSpelled
	}
	w.length(s.kind, n)
	return how
}

// padded writes another varint in place of a length or count.
func (w *speller) padded(s spot, varint ...byte) spelled {
	if s.kind == structure || !w.flexible {
		return nothingSpelled
	}
	w.bytes(varint...)
	return numberSpelled
}

func (w *speller) name(s spot, name string) spelled {
	if s.kind != text {
		return nothingSpelled
	}
	w.length(text, int64(len(name)))
	w.bytes([]byte(name)...)
	return wholeSpelled
}

func (w *speller) name32768(s spot) spelled {
	if !w.flexible {
		return nothingSpelled
	}
	return w.name(s, strings.Repeat("x", 1<<15))
}

func (w *speller) present(s spot, n byte, how spelled) spelled {
	if s.kind != structure || s.tags || s.in {
		return nothingSpelled
	}
	w.bytes(n)
	return how
}

func (w *speller) tags(s spot, section ...byte) spelled {
	if !s.tags {
		return nothingSpelled
	}
	w.bytes(section...)
	return wholeSpelled
}

// everyShape is the shape of each request, or each answer, in each version, for
// which read is how it is read.
func everyShape(of map[int16]*shape, f func(name string, s *shape, key, version int16)) {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		s := of[key]
		if s == nil {
			continue
		}
		for version := int16(0); version <= kmsg.RequestForKey(key).MaxVersion(); version++ {
			f(fmt.Sprintf("%s %d", s.name, version), s, key, version)
		}
	}
}

// requestShapes are the shapes of requests, that of a Fetch whole.
func requestShapes() map[int16]*shape {
	all := compileAll(map[int16]definition{1: {12, "0-14:i32 i32 i32 3+:i32 4+:i8 7+:i32 7+:i32 " +
		"{ 0-12:str 13+:uuid { i32 9+:i32 i64 12+:i32 5+:i64 i32 t0:uuid t1:i64 } } 7+:{ 0-12:str 13+:uuid [ i32 ] } 11+:str t0:str? t1:( i32 i64 )"}})
	for key, s := range shapes {
		if key != 1 {
			all[key] = s
		}
	}
	return all
}
