package kafka

import "github.com/klammhq/klamm/internal/fault"

// skipTags returns the length of the tag section at the start of b. Unknown
// tags are skipped, as KIP-482 wants. Bytes that go on unread must mean the
// same to every parser, so numbers in more bytes than they need, and tags that
// are not strictly ascending, are refused.
func skipTags(b []byte) (int, error) {
	count, at, err := uvarint(b, 0)
	if err != nil {
		return 0, err
	}
	last := int64(-1)
	for range count {
		var tag, size uint32
		if tag, at, err = uvarint(b, at); err != nil {
			return 0, err
		}
		if int64(tag) <= last {
			return 0, fault.New(fault.Malformed, "tag %d after tag %d, expected ascending tags", tag, last)
		}
		last = int64(tag)
		if size, at, err = uvarint(b, at); err != nil {
			return 0, err
		}
		if uint64(size) > uint64(len(b)-at) {
			return 0, fault.New(fault.Malformed, "tag %d of %d bytes does not fit the frame", tag, size)
		}
		at += int(size)
	}
	return at, nil
}

// uvarint reads a minimal unsigned varint of at most 32 bits at b[at:] and
// returns it with the position after it.
func uvarint(b []byte, at int) (uint32, int, error) {
	var v uint64
	for i := 0; i < 5 && at+i < len(b); i++ {
		c := b[at+i]
		v |= uint64(c&0x7f) << (7 * i)
		if c >= 0x80 {
			continue
		}
		if i > 0 && c == 0 || v>>32 != 0 {
			break
		}
		return uint32(v), at + i + 1, nil
	}
	return 0, 0, fault.New(fault.Malformed, "a number of the tag section is cut short, too large or longer than needed")
}
