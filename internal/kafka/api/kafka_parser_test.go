package api

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// TestKafkaParser compares what we see in a request or an answer with what
// Apache Kafka's own parsers see in it: first every length, name and tag of
// every version spelled in every wrong way, then such as were changed at random,
// for PARSER_SECONDS (10) from PARSER_SEED (1). PARSER_KAFKA is a folder with
// Kafka's jars.
//
// Where both accept, Kafka must write from what it saw the same bytes that kmsg
// writes from what we saw; and what Kafka writes must be accepted by us. That
// Kafka refuses what we accept harms nobody.
func TestKafkaParser(t *testing.T) {
	jars := os.Getenv("PARSER_KAFKA")
	if jars == "" {
		t.Skip("PARSER_KAFKA names no folder with Apache Kafka's jars: interop/parser/compare.sh does")
	}
	c := &comparison{t: t, parser: startKafkaParser(t, jars), counts: map[string]int{}}
	c.misspelled()
	fixed := c.cases
	seed, seconds := fromEnv(t, "PARSER_SEED", 1), fromEnv(t, "PARSER_SECONDS", 10)
	c.random(rand.New(rand.NewPCG(uint64(seed), 0)), time.Now().Add(time.Duration(seconds)*time.Second))
	fmt.Printf("figure: %d cases (%d fixed, seed %d): %d accepted by both, %d refused by both, %d by us alone, %d by Kafka alone, %d of versions that Kafka has not; %d differences\n",
		c.cases, fixed, seed, c.counts["both accept"], c.counts["both refuse"], c.counts["we refuse"], c.counts["Kafka refuses"], c.counts["not known to Kafka"], c.differences)
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		t.Logf("%8d %s", c.counts[what], what)
	}
	if c.counts["both accept"] == 0 || c.counts["both refuse"] == 0 {
		t.Error("nothing was compared")
	}
}

func fromEnv(t *testing.T, name string, otherwise int) int {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// probe is one message to be read by both: a request with its header, or the
// body of an answer.
type probe struct {
	answer       bool
	key, version int16 // of a request: those that its header should have
	bytes        []byte
}

// body is the message without its header.
func (p probe) body() []byte {
	if p.answer {
		return p.bytes
	}
	f, err := kafka.ParseFrame(p.bytes)
	if err != nil {
		return nil
	}
	return f.Body()
}

func (p probe) String() string {
	what := "request"
	if p.answer {
		what = "answer"
	}
	return fmt.Sprintf("%s %s %d", kmsg.Key(p.key).Name(), what, p.version)
}

// sight is what one of the two sees.
type sight struct {
	accepted bool
	written  []byte // what it is when it is written again
	summary  string // of a Produce or a Fetch whose bytes would be passed
}

// ours is what we see in it; it is not accepted when there is an error.
func (p probe) ours() (s sight, err error) {
	if p.answer {
		return oursInAnswer(p.key, p.version, p.bytes)
	}
	f, err := kafka.ParseFrame(p.bytes)
	if err != nil {
		return s, err
	}
	s, err = oursInRequest(f.Key, f.Version, f.Body())
	s.summary = fmt.Sprintf("header %d %d %d\n", f.Key, f.Version, f.Correlation) + s.summary
	return s, err
}

func oursInAnswer(key, version int16, body []byte) (s sight, err error) {
	resp, err := ReadAnswer(key, version, body)
	if err != nil {
		return s, err
	}
	return sight{accepted: true, written: resp.AppendTo(nil)}, nil
}

func oursInRequest(key, version int16, body []byte) (s sight, err error) {
	req, err := Decode(key, version, body)
	if err != nil {
		return s, err
	}
	s = sight{accepted: true, written: req.AppendTo(nil)}
	switch {
	case key == 0 && version >= ProduceMin:
		s.summary = summaryOfProduce(version, body)
	case key == 1 && version >= FetchMin:
		s.summary = summaryOfFetch(version, body)
	}
	return s, nil
}

func summaryOfProduce(version int16, body []byte) string {
	var r Produce
	if err := r.Read(version, body); err != nil {
		return err.Error()
	}
	id, ok := r.TransactionalID(body)
	transactional := "none"
	if ok {
		transactional = hex.EncodeToString(id)
	}
	return fmt.Sprintf("acks %d\ntransactional id %s\n", r.Acks, transactional) + summaryOfTopics(r.Topics, body)
}

func summaryOfFetch(version int16, body []byte) string {
	var r Fetch
	if err := r.Read(version, body); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("replica %d\nsession %d %d\n", r.ReplicaID, r.SessionID, r.SessionEpoch) + summaryOfTopics(r.Topics, body)
}

func summaryOfTopics(topics []Topic, body []byte) string {
	var b strings.Builder
	for _, t := range topics {
		fmt.Fprintf(&b, "%s %x\n", base64.RawURLEncoding.EncodeToString(t.ID[:]), t.Name(body))
	}
	return b.String()
}

// comparison asks both, some thousand probes at a time.
type comparison struct {
	t           *testing.T
	parser      *kafkaParser
	waiting     []probe
	cases       int
	differences int
	counts      map[string]int
}

func (c *comparison) add(p probe) {
	const atOnce = 4000
	if c.waiting = append(c.waiting, p); len(c.waiting) == atOnce {
		c.compare()
	}
}

func (c *comparison) compare() {
	asked := c.waiting
	c.waiting = nil
	c.cases += len(asked)
	for i, theirs := range c.parser.ask(c.t, asked) {
		p := asked[i]
		if theirs == nil {
			c.counts["not known to Kafka"]++
			continue
		}
		ours, _ := p.ours()
		switch {
		case ours.accepted && theirs.accepted:
			c.counts["both accept"]++
			c.same(p, ours, *theirs)
		case ours.accepted:
			c.counts["Kafka refuses"]++
			c.counts["Kafka refuses: "+generic(string(theirs.written))]++
		case theirs.accepted:
			c.counts["we refuse"]++
			c.read(p, theirs.written)
		default:
			c.counts["both refuse"]++
		}
	}
}

// read wants us to accept what Kafka wrote, and returns how we write it.
func (c *comparison) read(p probe, body []byte) []byte {
	read, key, version := oursInAnswer, p.key, p.version
	if !p.answer {
		read = oursInRequest
		key, version = int16(binary.BigEndian.Uint16(p.bytes)), int16(binary.BigEndian.Uint16(p.bytes[2:]))
	}
	s, err := read(key, version, body)
	if err != nil && fault.KindOf(err) != fault.Unsupported {
		c.differ("%v, as Kafka writes it, is refused: %v\n%x", p, err, body)
	}
	return s.written
}

// same wants that both saw the same.
func (c *comparison) same(p probe, ours, theirs sight) {
	for _, k := range knownDifferences {
		if k.applies(p) {
			c.counts["known difference: "+k.why]++
			return
		}
	}
	theirs.written = c.read(p, theirs.written) // without fields that nobody knows
	if !bytes.Equal(ours.written, theirs.written) {
		c.differ("%v\n%x\nwe see\n%x\nKafka sees\n%x", p, p.bytes, ours.written, theirs.written)
	}
	if ours.summary != theirs.summary {
		c.differ("%v\n%x\nwe see\n%sKafka sees\n%s", p, p.bytes, ours.summary, theirs.summary)
	}
}

func (c *comparison) differ(format string, args ...any) {
	const shown = 20
	if c.differences++; c.differences <= shown {
		c.t.Errorf(format, args...)
	}
	c.t.Fail()
}

// knownDifferences are those that are meant.
var knownDifferences = []struct {
	why     string
	applies func(probe) bool
}{
	{"a Metadata request with librdkafka's surplus means what librdkafka meant", func(p probe) bool {
		f, err := kafka.ParseFrame(p.bytes)
		if p.answer || err != nil || f.Key != metadataKey {
			return false
		}
		_, err = check(f.Key, f.Version, f.Body())
		return err != nil
	}},
	{"words of a broker that are not UTF-8 go through as they are", func(p probe) bool {
		r := request(p.bytes) // which must be UTF-8
		return p.answer && answers[p.key].check(p.version, &r, "answer") != nil
	}},
}

// generic is a refusal of Kafka's without what is particular to a case.
func generic(words string) string {
	words, _, _ = strings.Cut(words, "\n")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, words[:min(len(words), 160)])
}

// misspelled asks about requests and answers that are spelled well, and about
// requests that are spelled wrong in every way at every spot.
func (c *comparison) misspelled() {
	for _, p := range spelledWell() {
		c.add(p)
	}
	everyShape(requestShapes(), func(_ string, s *shape, key, version int16) {
		for _, wrong := range misspelled {
			spellAll(s, version, wrong, func(body []byte) { c.add(message(false, key, version, heads[0], body)) })
		}
	})
	c.compare()
}

func spelledWell() (all []probe) {
	add := func(answer bool) func(string, *shape, int16, int16) {
		return func(_ string, s *shape, key, version int16) {
			body, _, _ := spell(s, version, -1, nil)
			all = append(all, message(answer, key, version, heads[0], body))
		}
	}
	everyShape(requestShapes(), add(false))
	everyShape(answers, add(true))
	return all
}

// random asks about bodies that were changed at random.
func (c *comparison) random(rng *rand.Rand, until time.Time) {
	bases := spelledWell()
	for time.Now().Before(until) && c.differences == 0 {
		p := bases[rng.IntN(len(bases))]
		body := bytes.Clone(p.body())
		if rng.IntN(2) == 0 {
			body = filled(rng, p)
		}
		for range rng.IntN(5) {
			body = mutate(rng, body)
		}
		p = message(p.answer, p.key, p.version, heads[rng.IntN(len(heads))], body)
		if !p.answer && rng.IntN(8) == 0 {
			p.bytes = mutate(rng, p.bytes)
		}
		c.add(p)
	}
	c.compare()
}

// heads are what follows the correlation id in a request's header: the client
// id, and from version 2 on tagged fields.
var heads = []struct{ client, tags string }{
	{"\x00\x03one", "\x00"},
	{"\xff\xff", "\x00"},
	{"\x00\x00", "\x01\x00\x01x"},
	{"\x00\x02\x00\x00", "\x02\x00\x00\x64\x02\x00\x00"},
}

func message(answer bool, key, version int16, head struct{ client, tags string }, body []byte) probe {
	if answer {
		return probe{true, key, version, body}
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = append(binary.BigEndian.AppendUint32(b, 1<<24+7), head.client...)
	if kafka.Flexible(key, version) {
		b = append(b, head.tags...)
	}
	return probe{false, key, version, append(b, body...)}
}

// filled is what kmsg writes of random contents.
func filled(rng *rand.Rand, p probe) []byte {
	if p.answer {
		return randomAnswer(rng, p.key, p.version)
	}
	req := kmsg.RequestForKey(p.key)
	fill(rng, reflect.ValueOf(req).Elem())
	req.SetVersion(p.version)
	return req.AppendTo(nil)
}

// mutate changes, adds, repeats or removes a few bytes.
func mutate(rng *rand.Rand, b []byte) []byte {
	telling := []byte{0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xfe, 0xff}
	at := rng.IntN(len(b) + 1)
	to := min(len(b), at+1+rng.IntN(8))
	switch rng.IntN(8) {
	case 0:
		return b[:at]
	case 1:
		return append(b[:at:at], b[to:]...)
	case 2:
		return append(b[:to:to], b[at:]...)
	case 3:
		return append(append(b[:at:at], telling[rng.IntN(len(telling))]), b[at:]...)
	case 4:
		return append(b, telling[rng.IntN(len(telling))])
	}
	if at == len(b) {
		return b
	}
	switch rng.IntN(3) {
	case 0:
		b[at] = telling[rng.IntN(len(telling))]
	case 1:
		b[at] ^= 1 << rng.IntN(8)
	case 2:
		b[at] += byte(rng.IntN(3)) - 1
	}
	return b
}

// kafkaParser is interop/parser/Parser.java.
type kafkaParser struct {
	in  io.Writer
	out *bufio.Reader
}

func startKafkaParser(t *testing.T, jars string) *kafkaParser {
	cmd := exec.CommandContext(t.Context(), "java", "-Xmx256m", "-XX:-StackTraceInThrowable", "-cp", filepath.Join(jars, "*"), "../../../interop/parser/Parser.java")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("Kafka's parser: %v", err)
		}
	})
	return &kafkaParser{in, bufio.NewReaderSize(out, 1<<20)}
}

// ask returns what Kafka sees in each, nil for a version that it does not have.
func (k *kafkaParser) ask(t *testing.T, probes []probe) []*sight {
	go func() {
		w := bufio.NewWriterSize(k.in, 1<<20)
		for _, p := range probes {
			head := []byte{0}
			if p.answer {
				head = binary.BigEndian.AppendUint16([]byte{1}, uint16(p.key))
				head = binary.BigEndian.AppendUint16(head, uint16(p.version))
			}
			b := binary.BigEndian.AppendUint32(nil, uint32(len(head)+len(p.bytes)))
			_, _ = w.Write(append(append(b, head...), p.bytes...))
		}
		_ = w.Flush() // a parser that is gone is found by who reads
	}()
	all := make([]*sight, len(probes))
	for i := range probes {
		verdict, err := k.out.ReadByte()
		if err != nil {
			t.Fatalf("Kafka's parser ended before %v: %v", probes[i], err)
		}
		seen, summary := k.read(t), k.read(t)
		if verdict < 2 {
			all[i] = &sight{verdict == 1, seen, string(summary)}
		}
	}
	return all
}

func (k *kafkaParser) read(t *testing.T) []byte {
	var size [4]byte
	if _, err := io.ReadFull(k.out, size[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(k.out, b); err != nil {
		t.Fatal(err)
	}
	return b
}
