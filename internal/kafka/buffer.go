package kafka

import (
	"encoding/binary"
	"io"
	"math/bits"
	"net"
	"sync"

	"github.com/klammhq/klamm/internal/fault"
)

// Buffers come in powers of two between these; a larger one is left to the
// garbage collector, so that one huge request does not stay.
const (
	smallestBuffer = 10 // 1 KiB
	largestBuffer  = 22 // 4 MiB
)

// A length prefix alone claims no more memory than claimed; of a larger block
// the buffer grows with the bytes that really arrive, in a few steps up to quick
// and with twice as many bytes from there.
const (
	claimed = 16 << 10
	quick   = 1 << 20
)

// room is how large the buffer of a block of size bytes is when have came.
func room(have, size int) int {
	switch {
	case have < claimed:
		return min(size, claimed)
	case have < quick:
		return min(size, 8*have)
	}
	return min(size, 2*have)
}

var pools [largestBuffer - smallestBuffer + 1]sync.Pool

// Buffer is a pooled block of bytes.
type Buffer struct{ Bytes []byte }

// NewBuffer gives a buffer of n bytes with any content.
func NewBuffer(n int) *Buffer {
	class := max(bits.Len(uint(max(n, 1)-1)), smallestBuffer)
	if class > largestBuffer {
		return &Buffer{make([]byte, n)}
	}
	if b, ok := pools[class-smallestBuffer].Get().(*Buffer); ok {
		b.Bytes = b.Bytes[:n]
		return b
	}
	return &Buffer{make([]byte, n, 1<<class)}
}

// Release gives the buffer back; neither b nor a slice of it may be used again.
func (b *Buffer) Release() {
	class := bits.Len(uint(cap(b.Bytes))) - 1
	if class < smallestBuffer || class > largestBuffer || cap(b.Bytes) != 1<<class {
		return
	}
	pools[class-smallestBuffer].Put(b)
}

// wipe is Release where the bytes may be part of a token.
func (b *Buffer) wipe() {
	clear(b.Bytes)
	b.Release()
}

// prefix is the length before each block.
const prefix = 4

// readBlock reads a length-prefixed block of at most limit bytes into a buffer
// that holds the prefix too. head is a scratch space of the caller's, so that
// waiting for the next block holds no buffer.
func readBlock(r io.Reader, head *[prefix]byte, limit int) (*Buffer, error) {
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(head[:])))
	if n < 0 || n > limit {
		return nil, fault.New(fault.Malformed, "a block of %d bytes, expected between 0 and %d", n, limit)
	}
	b := NewBuffer(room(0, prefix+n))
	copy(b.Bytes, head[:])
	return fill(r, b, prefix, prefix+n)
}

// fill reads into b from position `from` until it has `size` bytes, growing it
// as they come. It returns the buffer that has them; after an error there is none.
func fill(r io.Reader, b *Buffer, from, size int) (*Buffer, error) {
	for {
		got, err := io.ReadFull(r, b.Bytes[from:])
		if err != nil {
			b.wipe()
			if err == io.EOF && size > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if from += got; from >= size {
			return b, nil
		}
		larger := NewBuffer(room(from, size))
		copy(larger.Bytes, b.Bytes)
		b.wipe()
		b = larger
	}
}

// writeBlock writes b with its length prefix: in one write, and so in one TLS
// record, where it fits, and without a copy of all of it where it is long.
func writeBlock(w net.Conn, b []byte) error {
	begin := b[:min(len(b), chunk-prefix)]
	buf := NewBuffer(prefix + len(begin))
	binary.BigEndian.PutUint32(buf.Bytes, uint32(len(b)))
	copy(buf.Bytes[prefix:], begin)
	_, err := w.Write(buf.Bytes)
	buf.Release()
	if rest := b[len(begin):]; err == nil && len(rest) > 0 {
		_, err = w.Write(rest)
	}
	return err
}
