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

// taken is how much memory a length prefix alone can claim: of a larger block
// the buffer grows with the bytes that really arrive.
const taken = 1<<20 - prefix

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
	b := NewBuffer(prefix + min(n, taken))
	copy(b.Bytes, head[:])
	return fill(r, b, prefix, prefix+n)
}

// fill reads into b from position `from` until it has `size` bytes, growing it
// as they come. It returns the buffer that has them; after an error there is none.
func fill(r io.Reader, b *Buffer, from, size int) (*Buffer, error) {
	for {
		got, err := io.ReadFull(r, b.Bytes[from:])
		if err != nil {
			b.Release()
			if err == io.EOF && size > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if from += got; from >= size {
			return b, nil
		}
		larger := NewBuffer(min(size, 2*from))
		copy(larger.Bytes, b.Bytes)
		b.Release()
		b = larger
	}
}

// writeBlock writes b with its length prefix in one write, and so in one TLS
// record where it fits.
func writeBlock(w net.Conn, b []byte) error {
	buf := NewBuffer(prefix + len(b))
	defer buf.Release()
	binary.BigEndian.PutUint32(buf.Bytes, uint32(len(b)))
	copy(buf.Bytes[prefix:], b)
	_, err := w.Write(buf.Bytes)
	return err
}
