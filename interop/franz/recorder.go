package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// recorder reads along with a client: every byte that it receives is searched
// for what it must never learn, which is where the cluster behind the gateway
// is, and every answer is decoded. It may be used by many connections.
type recorder struct {
	tls   *tls.Config
	texts [][]byte       // forbidden anywhere
	ports map[int32]bool // forbidden in fields

	mu        sync.Mutex
	bytes     int64
	answers   map[[2]int16]int // by API key and version
	redirects map[int16]int    // answers that say who leads now (KIP-951), by API key
	addressed map[int16]int    // of those: with an address, the gateway's; of Fetch one that was taken out
	hidden    int              // hosts of groups' members
	found     []string         // what must not be there
}

// newRecorder takes the upstream's addresses from the environment.
func newRecorder() (*recorder, error) {
	config, err := tlsConfig()
	if err != nil {
		return nil, err
	}
	r := &recorder{tls: config, ports: map[int32]bool{}, answers: map[[2]int16]int{}, redirects: map[int16]int{}, addressed: map[int16]int{}}
	r.texts = append(r.texts, []byte(os.Getenv("KAFKA_UPSTREAM_HOST")))
	for text := range strings.SplitSeq(os.Getenv("KAFKA_UPSTREAM_PORTS"), ",") {
		port, err := strconv.Atoi(text)
		if err != nil || len(r.texts[0]) == 0 {
			return nil, fmt.Errorf("KAFKA_UPSTREAM_HOST and KAFKA_UPSTREAM_PORTS do not say what to search for")
		}
		r.texts = append(r.texts, []byte(":"+text))
		r.ports[int32(port)] = true
	}
	return r, nil
}

// option makes a client dial through the recorder.
func (r *recorder) option() kgo.Opt { return kgo.Dialer(r.dial) }

func (r *recorder) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&tls.Dialer{Config: r.tls}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &recorded{Conn: conn, r: r, asked: map[int32][2]int16{}}, nil
}

// recorded is a connection whose frames are read along.
type recorded struct {
	net.Conn
	r       *recorder
	in, out []byte // the beginning of a frame

	mu    sync.Mutex
	asked map[int32][2]int16 // key and version by correlation id
}

func (c *recorded) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.out = frames(append(c.out, b...), func(f []byte) {
		key, version := binary.BigEndian.Uint16(f), binary.BigEndian.Uint16(f[2:])
		c.asked[int32(binary.BigEndian.Uint32(f[4:]))] = [2]int16{int16(key), int16(version)}
	})
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *recorded) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in = frames(append(c.in, b[:n]...), func(f []byte) {
		correlation := int32(binary.BigEndian.Uint32(f))
		c.mu.Lock()
		what, ok := c.asked[correlation]
		delete(c.asked, correlation)
		c.mu.Unlock()
		if ok {
			c.r.answer(what[0], what[1], f)
		} else {
			c.r.forbid("an answer to no request, %d bytes", len(f))
		}
	})
	return n, err
}

// frames gives each whole frame, without its length, to f and returns the rest.
func frames(b []byte, f func([]byte)) []byte {
	for len(b) >= 4 && len(b)-4 >= int(binary.BigEndian.Uint32(b)) {
		end := 4 + int(binary.BigEndian.Uint32(b))
		f(b[4:end])
		b = b[end:]
	}
	return slices.Clone(b)
}

// answer searches a whole answer, from its correlation id on.
func (r *recorder) answer(key, version int16, frame []byte) {
	resp, err := decode(key, version, frame[4:])
	r.mu.Lock()
	r.bytes += int64(4 + len(frame))
	r.answers[[2]int16{key, version}]++
	r.mu.Unlock()
	for _, text := range r.texts {
		if bytes.Contains(frame, text) {
			r.forbid("%s in an answer to %s %d", text, kmsg.NameForKey(key), version)
		}
	}
	if err != nil {
		r.forbid("%s %d cannot be read: %v", kmsg.NameForKey(key), version, err)
		return
	}
	r.fields(reflect.ValueOf(resp), kmsg.NameForKey(key))
	r.redirected(resp)
}

func decode(key, version int16, body []byte) (kmsg.Response, error) {
	resp := kmsg.ResponseForKey(key)
	if resp == nil {
		return nil, fmt.Errorf("no such key")
	}
	resp.SetVersion(version)
	if resp.IsFlexible() && key != 18 { // of ApiVersions the header never has tags
		if len(body) == 0 || body[0] != 0 {
			return nil, fmt.Errorf("tags in its header")
		}
		body = body[1:]
	}
	return resp, resp.ReadFrom(body)
}

// fields looks for ports, and for hosts that are not the gateway's.
func (r *recorder) fields(v reflect.Value, where string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			r.fields(v.Elem(), where)
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.fields(v.Index(i), where)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				r.field(f.Name, v.Field(i), where+"."+f.Name)
				r.fields(v.Field(i), where+"."+f.Name)
			}
		}
	}
}

func (r *recorder) field(name string, v reflect.Value, where string) {
	switch {
	case v.CanInt() && strings.HasSuffix(name, "Port") && r.ports[int32(v.Int())]:
		r.forbid("port %d in %s", v.Int(), where)
	case v.Kind() == reflect.String && name == "Host":
		if host := v.String(); host != "" && host != "127.0.0.1" && host != "*" { // "*" is what an ACL is about
			r.forbid("host %s in %s", host, where)
		}
	case name == "ClientHost" && v.String() == "/hidden":
		r.mu.Lock()
		r.hidden++
		r.mu.Unlock()
	case name == "ClientHost" && v.String() != "":
		r.forbid("client's host %s in %s", v.String(), where)
	case name == "Listeners" && v.Len() > 0:
		r.forbid("listeners in %s", where)
	}
}

func (r *recorder) forbid(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if words := fmt.Sprintf(format, args...); len(r.found) < 100 && !slices.Contains(r.found, words) {
		r.found = append(r.found, words)
	}
}

// redirected looks for partitions that are led elsewhere, and for where that is.
func (r *recorder) redirected(resp kmsg.Response) {
	moved, addresses := false, false
	look := func(code int16, leader int32) { moved = moved || ledElsewhere(code, leader) }
	switch resp := resp.(type) {
	case *kmsg.ProduceResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				look(p.ErrorCode, p.CurrentLeader.LeaderID)
			}
		}
		addresses = len(resp.Brokers) > 0
	case *kmsg.FetchResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				look(p.ErrorCode, p.CurrentLeader.LeaderID)
			}
		}
		addresses = r.blank(resp)
	case *kmsg.ShareFetchResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				look(p.ErrorCode, p.CurrentLeader.LeaderID)
			}
		}
		addresses = len(resp.NodeEndpoints) > 0
	case *kmsg.ShareAcknowledgeResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				look(p.ErrorCode, p.CurrentLeader.LeaderID)
			}
		}
		addresses = len(resp.NodeEndpoints) > 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if moved {
		r.redirects[resp.Key()]++
	}
	if moved && addresses {
		r.addressed[resp.Key()]++
	}
}

// leaders is how many answers to a key named a new leader, and how many of those
// with an address.
func (r *recorder) leaders(key int16) (all, addressed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.redirects[key], r.addressed[key]
}

// blank looks for the field that takes the place of addresses while a Fetch
// answer streams through the gateway: one that nobody knows, and empty.
func (r *recorder) blank(resp *kmsg.FetchResponse) bool {
	resp.UnknownTags.Each(func(_ uint32, value []byte) {
		if len(bytes.Trim(value, "\x00")) > 0 {
			r.forbid("bytes in the unknown field of a Fetch answer")
		}
	})
	if len(resp.Brokers) > 0 && resp.UnknownTags.Len() > 0 {
		r.forbid("a Fetch answer with addresses twice")
	}
	return resp.UnknownTags.Len() > 0
}

// ledElsewhere reports whether the answer for a partition names its new leader: to
// who asks a broker that is a follower now, or with the epoch of the old leader,
// for followers serve consumers as well (KIP-392).
func ledElsewhere(code int16, leader int32) bool {
	return leader >= 0 && (code == kerr.NotLeaderForPartition.Code || code == kerr.FencedLeaderEpoch.Code)
}

// count is how many answers there were to a key in versions from min on.
func (r *recorder) count(key, min int16) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for what, answers := range r.answers {
		if what[0] == key && what[1] >= min {
			n += answers
		}
	}
	return n
}

// verdict prints what was seen; the error is that of clean.
func (r *recorder) verdict() error {
	r.mu.Lock()
	figure("%d bytes searched, %d found", r.bytes, len(r.found))
	r.mu.Unlock()
	return r.clean()
}

// clean tells what was found that must not be there.
func (r *recorder) clean() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.found) > 0 {
		return fmt.Errorf("the client received:\n%s", strings.Join(r.found, "\n"))
	}
	return nil
}
