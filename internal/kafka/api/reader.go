package api

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/klammhq/klamm/internal/fault"
)

// reader reads the primitive types of the Kafka protocol, strictly: there is
// one way to write a value, and every other one is refused. After the first
// fault it returns zero values and bad stays set, so that callers look once at
// the end. It allocates nothing.
type reader struct {
	b     []byte
	at    int
	items int  // that count has counted
	utf8  bool // strings must be UTF-8
	bad   bool

	unknown bool // there was a tagged field that nobody knows
}

// request reads what a client wrote: Kafka replaces what is not UTF-8 in a
// string by U+FFFD, and so decides about another name.
func request(body []byte) reader { return reader{b: body, utf8: true} }

// span is a part of the bytes that were read; it holds no reference to them.
type span struct{ from, to int32 }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

func (r *reader) left() int { return len(r.b) - r.at }

// skip steps over n bytes and returns where they begin.
func (r *reader) skip(n int) int {
	if r.bad || n < 0 || n > r.left() {
		r.bad = true
		return len(r.b)
	}
	at := r.at
	r.at += n
	return at
}

func (r *reader) int8() int8 {
	if at := r.skip(1); !r.bad {
		return int8(r.b[at])
	}
	return 0
}

func (r *reader) int16() int16 {
	if at := r.skip(2); !r.bad {
		return int16(binary.BigEndian.Uint16(r.b[at:]))
	}
	return 0
}

func (r *reader) int32() int32 {
	if at := r.skip(4); !r.bad {
		return int32(binary.BigEndian.Uint32(r.b[at:]))
	}
	return 0
}

func (r *reader) uuid() (id [16]byte) {
	if at := r.skip(16); !r.bad {
		copy(id[:], r.b[at:])
	}
	return id
}

// uvarint reads an unsigned 32-bit varint in its shortest form (KIP-482).
func (r *reader) uvarint() uint32 {
	var v uint32
	for shift := uint(0); shift <= 28; shift += 7 {
		at := r.skip(1)
		if r.bad {
			return 0
		}
		c := r.b[at]
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			if c == 0 && shift > 0 || shift == 28 && c > 0x0f {
				break
			}
			return v
		}
	}
	r.bad = true
	return 0
}

// length reads the length of a string (wide false), or of bytes or an array
// (wide true); -1 stands for null.
func (r *reader) length(flexible, wide bool) int {
	switch {
	case flexible:
		n := int64(r.uvarint()) - 1
		if n > int64(r.left()) {
			r.bad = true
			return -1
		}
		return int(n)
	case wide:
		return int(r.int32())
	}
	return int(r.int16())
}

// text reads a string, or bytes when wide. A string has at most 32767 bytes,
// also where its length would have room for more (KIP-482).
func (r *reader) text(flexible, wide, nullable bool) (s span, null bool) {
	n := r.length(flexible, wide)
	if n == -1 && nullable && !r.bad {
		return span{int32(r.at), int32(r.at)}, true
	}
	at := r.skip(n)
	if !r.bad && !wide {
		r.bad = n > math.MaxInt16 || r.utf8 && !utf8.Valid(r.b[at:r.at])
	}
	if r.bad {
		return span{}, false
	}
	return span{int32(at), int32(at + n)}, false
}

// array reads the length of an array whose elements take at least least bytes;
// -1 stands for null.
func (r *reader) array(flexible, nullable bool, least int) int {
	n := r.length(flexible, true)
	if n < -1 || n == -1 && !nullable || n > r.left()/max(least, 1) {
		r.bad = true
	}
	if r.bad {
		return 0
	}
	return n
}

// tag is one tagged field (KIP-482).
type tag struct {
	key uint32
	val span
}

// tagCount reads how many tagged fields follow.
func (r *reader) tagCount() uint32 {
	n := r.uvarint()
	if int64(n) > int64(r.left()/2) { // a key and a size each
		r.bad = true
	}
	return n
}

// nextTag reads a tagged field, whose key must be above the last one's.
func (r *reader) nextTag(last *int64) tag {
	key, size := r.uvarint(), r.uvarint()
	at := r.skip(int(size))
	if int64(key) <= *last {
		r.bad = true
	}
	*last = int64(key)
	return tag{key, span{int32(at), int32(r.at)}}
}

// tags reads a section of tagged fields: rising keys, none twice. It returns
// the fields with the keys 0 and 1 (absent: key 1<<32-1), which are all that a
// caller looks for, and how many fields there were.
func (r *reader) tags() (first, second tag, n uint32) {
	first.key, second.key = noTag, noTag
	n = r.tagCount()
	last := int64(-1)
	for i := uint32(0); i < n && !r.bad; i++ {
		switch t := r.nextTag(&last); t.key {
		case 0:
			first = t
		case 1:
			second = t
		}
	}
	return first, second, n
}

// twoTags is tags where both keys are known and no other.
func (r *reader) twoTags() (first, second tag) {
	first, second, n := r.tags()
	if first.key == 0 {
		n--
	}
	if second.key == 1 {
		n--
	}
	r.unknown = r.unknown || n > 0
	return first, second
}

const noTag = 1<<32 - 1

// end is the verdict: an error unless all of the bytes were read and good.
func (r *reader) end(what string) error {
	if r.bad {
		return fault.New(fault.Malformed, "%s is malformed near byte %d", what, r.at)
	}
	if r.left() != 0 {
		return fault.New(fault.Malformed, "%s has %d bytes after its end", what, r.left())
	}
	return nil
}
