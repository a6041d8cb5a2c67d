package kafka

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// raw is a header with whatever follows it.
func raw(key, version int16, clientID string, rest ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, 7)
	b = binary.BigEndian.AppendUint16(b, uint16(len(clientID)))
	return append(append(b, clientID...), rest...)
}

func block(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func TestParseFrame(t *testing.T) {
	null := raw(3, 1, "", 'x')
	null[8], null[9] = 0xff, 0xff
	negative := raw(3, 1, "", 'x')
	negative[8], negative[9] = 0xff, 0xfe
	for name, c := range map[string]struct {
		bytes    []byte
		clientID string
		body     string // "!" when refused
	}{
		"version 1":                     {raw(3, 1, "cli", 'x', 'y'), "cli", "xy"},
		"null client id":                {null, "", "x"},
		"empty body":                    {raw(3, 1, "cli"), "cli", ""},
		"no tags":                       {raw(3, 9, "cli", 0, 'x'), "cli", "x"},
		"two tags":                      {raw(3, 9, "cli", 2, 0, 1, 'a', 5, 0, 'x'), "cli", "x"},
		"tag of two bytes":              {raw(3, 9, "cli", 1, 0x80, 1, 0, 'x'), "cli", "x"},
		"empty":                         {nil, "", "!"},
		"nine bytes":                    {raw(3, 1, "")[:9], "", "!"},
		"client id of -2":               {negative, "", "!"},
		"client id past the end":        {raw(3, 1, "cli")[:12], "", "!"},
		"tag section missing":           {raw(3, 9, "cli"), "", "!"},
		"tag section cut":               {raw(3, 9, "cli", 2, 0, 1, 'a'), "", "!"},
		"tag past the end":              {raw(3, 9, "cli", 1, 0, 4, 'a', 'b', 'c'), "", "!"},
		"duplicate tag":                 {raw(3, 9, "cli", 2, 1, 0, 1, 0, 'x'), "", "!"},
		"unsorted tags":                 {raw(3, 9, "cli", 2, 1, 0, 0, 0, 'x'), "", "!"},
		"count in two bytes for one":    {raw(3, 9, "cli", 0x80, 0, 'x'), "", "!"},
		"size in three bytes for one":   {raw(3, 9, "cli", 1, 0, 0x81, 0x80, 0, 'a'), "", "!"},
		"a number above 32 bits":        {raw(3, 9, "cli", 0xff, 0xff, 0xff, 0xff, 0x1f, 'x'), "", "!"},
		"a number of six bytes":         {raw(3, 9, "cli", 0x80, 0x80, 0x80, 0x80, 0x80, 1), "", "!"},
		"four billion tags":             {raw(3, 9, "cli", 0xff, 0xff, 0xff, 0xff, 0x0f), "", "!"},
		"unknown key has header 1":      {raw(999, 99, "cli", 'x'), "cli", "x"},
		"negative key":                  {raw(-1, 0, "cli", 'x'), "cli", "x"},
		"negative version":              {raw(3, -1, "cli", 'x'), "cli", "x"},
		"version far above the highest": {raw(3, 999, "cli", 0, 'x'), "cli", "x"},
	} {
		f, err := ParseFrame(c.bytes)
		if c.body == "!" {
			if fault.KindOf(err) != fault.Malformed {
				t.Errorf("%s: %v, expected a refusal", name, err)
			}
			continue
		}
		if err != nil || string(f.Body()) != c.body || string(f.ClientID) != c.clientID || f.Correlation != 7 {
			t.Errorf("%s: %v %+v", name, err, f)
		}
	}
}

func TestReadFrameRefusesLengths(t *testing.T) {
	for name, prefix := range map[string]uint32{"negative": 1 << 31, "over the cap": 101, "huge": 1<<31 - 1} {
		r := bytes.NewReader(binary.BigEndian.AppendUint32(nil, prefix))
		if _, err := ReadFrame(r, 100); fault.KindOf(err) != fault.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadFrame(bytes.NewReader(block(raw(3, 1, "c"))[:8]), 100); err != io.ErrUnexpectedEOF {
		t.Errorf("a frame that is cut short: %v", err)
	}
	if _, err := ReadFrame(bytes.NewReader(nil), 100); err != io.EOF {
		t.Errorf("the end between two frames: %v", err)
	}
}

// A length alone must not claim its memory: that is how one small packet of
// each of many clients exhausts a server (CVE-2022-34917).
func TestLengthAloneClaimsLittle(t *testing.T) {
	claim := append(binary.BigEndian.AppendUint32(nil, 100<<20), "begin"...)
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ReadFrame(bytes.NewReader(claim), 100<<20); err != io.ErrUnexpectedEOF {
				b.Fatal(err)
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > 2*claimed {
		t.Errorf("%d bytes for a length prefix", got)
	}
}

// A block that is cut takes what came of it, eight times at most.
func TestCutBlocksClaimLittle(t *testing.T) {
	for have := 0; have < 64<<20; have += 1 + have/3 {
		if r := room(have, 100<<20); r <= have || r > max(claimed, 8*have) || have >= quick && r > 2*have {
			t.Errorf("a buffer of %d bytes when %d came", r, have)
		}
	}
}

func TestLargeFrameArrivesWhole(t *testing.T) {
	whole := raw(0, 3, "cli", bytes.Repeat([]byte("0123456789abcdef"), 400_000)...)
	for _, size := range []int{claimed - prefix, claimed - prefix + 1, claimed, 8 * claimed, quick, quick + 1, len(whole)} {
		want := whole[:size]
		f, err := ReadFrame(bytes.NewReader(block(want)), 100<<20)
		if err != nil || !bytes.Equal(f.Bytes, want) {
			t.Fatalf("%v, %d bytes of %d", err, len(f.Bytes), len(want))
		}
		f.Release()
	}
}

// What is written in one piece and what is written in two is the same block.
func TestWriteBlock(t *testing.T) {
	whole := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	for _, size := range []int{0, 1, chunk - prefix, chunk - prefix + 1, chunk, len(whole)} {
		near, far := net.Pipe()
		go func() { _ = writeBlock(far, whole[:size]); far.Close() }()
		if got, err := io.ReadAll(near); err != nil || !bytes.Equal(got, block(whole[:size])) {
			t.Errorf("%v, %d bytes of a block of %d", err, len(got), size)
		}
	}
}

func TestReleasedTokensAreWiped(t *testing.T) {
	f, err := ReadFrame(bytes.NewReader(block(raw(saslAuthenticate, 0, "", []byte("a token")...))), 100)
	if err != nil {
		t.Fatal(err)
	}
	kept := f.Bytes
	f.Release()
	if bytes.Contains(kept, []byte("a token")) {
		t.Error("the bytes of a SaslAuthenticate stay in the pool")
	}
}

// spy keeps the slices that it is read into.
type spy struct {
	io.Reader
	read [][]byte
}

func (s *spy) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.read = append(s.read, p[:n])
	return n, err
}

// A token that outgrew its first buffer, or was cut, is in no buffer either.
func TestOutgrownTokensAreWiped(t *testing.T) {
	token := block(raw(saslAuthenticate, 0, "", bytes.Repeat([]byte("a token"), 30_000)...))
	for _, b := range [][]byte{token, token[:100_000], token[:100]} {
		s := &spy{Reader: bytes.NewReader(b)}
		if f, err := ReadFrame(s, 1<<20); err == nil {
			f.Release()
		}
		for _, kept := range s.read[1:] { // the first is the length
			if bytes.Contains(kept, []byte("token")) {
				t.Fatal("bytes of a SaslAuthenticate stay in the pool")
			}
		}
	}
}

func TestFlexibleAgreesWithKmsg(t *testing.T) {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		for v := range req.MaxVersion() + 1 {
			if req.SetVersion(v); Flexible(key, v) != req.IsFlexible() {
				t.Errorf("key %d version %d: %v", key, v, Flexible(key, v))
			}
		}
	}
	for _, key := range []int16{-1, kmsg.MaxKey + 1, 32767} {
		if Flexible(key, 0) {
			t.Errorf("key %d is flexible", key)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(block(raw(3, 1, "cli", 'x')))
	f.Add(block(raw(3, 9, "cli", 2, 0, 1, 'a', 5, 0, 'x')))
	f.Add(block(raw(18, 3, "", 0x80, 0)))
	f.Add(block(raw(36, 2, "\xff", 0, 'x')))
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	f.Add(kmsg.NewRequestFormatter(kmsg.FormatterClientID("fuzz")).AppendRequest(nil, req, 1))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := ReadFrame(bytes.NewReader(b), 1<<16)
		if err != nil {
			return
		}
		defer frame.Release()
		if !bytes.Equal(frame.Bytes, b[4:4+len(frame.Bytes)]) {
			t.Fatal("the frame's bytes are not those that were read")
		}
		// What is accepted has one meaning only: written again it is the same.
		head := binary.BigEndian.AppendUint16(nil, uint16(frame.Key))
		head = binary.BigEndian.AppendUint16(head, uint16(frame.Version))
		head = binary.BigEndian.AppendUint32(head, uint32(frame.Correlation))
		size := uint16(0xffff)
		if frame.ClientID != nil {
			size = uint16(len(frame.ClientID))
		}
		head = append(binary.BigEndian.AppendUint16(head, size), frame.ClientID...)
		if !bytes.HasPrefix(frame.Bytes, head) {
			t.Fatalf("header %x of %x", head, frame.Bytes)
		}
		tags := frame.Bytes[len(head) : len(frame.Bytes)-len(frame.Body())]
		if Flexible(frame.Key, frame.Version) {
			if !bytes.Equal(tags, rewriteTags(t, tags)) {
				t.Fatalf("tags %x", tags)
			}
		} else if len(tags) > 0 {
			t.Fatalf("header version 1 with tags %x", tags)
		}
	})
}

// rewriteTags reads tags as kmsg does and writes them in order.
func rewriteTags(t *testing.T, tags []byte) []byte {
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.Version = 2
	body := append([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, tags...)
	if err := resp.ReadFrom(body); err != nil {
		t.Fatalf("kmsg does not read the tags %x: %v", tags, err)
	}
	return resp.AppendTo(nil)[12:]
}

func BenchmarkReadFrame1K(b *testing.B) { benchmarkReadFrame(b, 1000) }
func BenchmarkReadFrame1M(b *testing.B) { benchmarkReadFrame(b, 1_000_000) }

func benchmarkReadFrame(b *testing.B, size int) {
	one := block(raw(0, 9, "cli", append([]byte{0}, make([]byte, size)...)...))
	r := bytes.NewReader(one)
	c := &Conn{r: r}
	var f Frame
	b.ReportAllocs()
	b.SetBytes(int64(len(one)))
	for b.Loop() {
		r.Reset(one)
		if err := c.ReadInto(&f, 2<<20); err != nil {
			b.Fatal(err)
		}
		f.Release()
	}
}

func BenchmarkFlexible(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if !Flexible(0, 9) {
			b.Fatal("Produce 9 is flexible")
		}
	}
}
