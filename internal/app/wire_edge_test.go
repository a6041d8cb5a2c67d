package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/kafka"
)

// What no client of good will sends, over real sockets.

// TestWireEdge_Duplicates: a name that stands in a request twice is decided twice:
// no second place lets through what the first refused, and each is answered.
func TestWireEdge_Duplicates(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	w := h.client0("owner")
	all := maps.Clone(namings)
	all["topic"] = append([]naming{{key: 3, about: func(version int16, names []string) kmsg.Request {
		return requested(metadataOf(names...), version, func(*kmsg.MetadataRequest) {})
	}}}, topicNamings...)
	for kind, list := range all {
		hidden := hiddenAndAbsent[kind][0]
		for _, n := range list {
			if n.many < 0 {
				continue
			}
			first, last := n.versions(spans)
			for version := max(first, n.many); version <= last; version++ {
				what := fmt.Sprintf("%s %d of a %s", kmsg.NameForKey(n.key), version, kind)
				beside := n.besideIt()
				for _, names := range [][]string{{beside, beside}, {hidden, beside, hidden, beside}, {beside, hidden, hidden}, {hidden, hidden}} {
					h.up.take()
					raw := w.raw(t, n.about(version, slices.Clone(names)))
					denied, allowed := count(names, hidden), count(names, beside)
					if strings.Count(raw, hidden) != denied || (strings.Count(raw, beside) > 0) != (allowed > 0) {
						t.Errorf("%s, %q is answered %q", what, names, raw)
					}
					for _, p := range h.up.take() {
						if strings.Contains(p.body, hidden) {
							t.Errorf("%s, %q: the broker is asked %v", what, names, p)
						}
					}
				}
			}
		}
	}
}

func count(names []string, name string) (n int) {
	for _, other := range names {
		if other == name {
			n++
		}
	}
	return n
}

// TestWireEdge_NameAndID: a topic that is named by name and by id in one request is
// decided for each, and its id is told no name.
func TestWireEdge_NameAndID(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	h.make(t, "orders.old")
	w := h.client0("owner")
	secret, old := h.topicID("secret"), h.topicID("orders.old")
	for version := int16(metadataByID); version <= lastMetadata; version++ {
		q := metadataOf("secret", "orders.old")
		q.Version = version
		q.Topics = append(q.Topics, kmsg.MetadataRequestTopic{TopicID: secret}, kmsg.MetadataRequestTopic{TopicID: old}, kmsg.MetadataRequestTopic{TopicID: secret})
		var refused, byIDs int
		for _, topic := range w.must(t, q).(*kmsg.MetadataResponse).Topics {
			switch {
			case topic.ErrorCode == deniedTopic && topic.TopicID == secret && topic.Topic == nil && len(topic.Partitions) == 0:
				byIDs++
			case topic.ErrorCode == deniedTopic && topic.TopicID == [16]byte{} && *topic.Topic == "secret" && len(topic.Partitions) == 0:
				refused++
			case topic.ErrorCode != 0 || topic.TopicID != old:
				t.Errorf("Metadata %d: %+v", version, topic)
			}
		}
		if refused != 1 || byIDs != 2 {
			t.Errorf("Metadata %d: %d refusals by name, %d by id", version, refused, byIDs)
		}
	}
	q := deleteOf(6, "secret", "orders.old")
	q.Topics = append(q.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: secret}, kmsg.DeleteTopicsRequestTopic{TopicID: old})
	for _, topic := range w.must(t, q).(*kmsg.DeleteTopicsResponse).Topics {
		if topic.TopicID == secret && topic.Topic != nil || topic.Topic != nil && *topic.Topic == "secret" && topic.TopicID != [16]byte{} {
			t.Errorf("an id is told its name: %+v", topic)
		}
		if topic.TopicID != old && (topic.Topic == nil || *topic.Topic != "orders.old") && topic.ErrorCode != deniedTopic {
			t.Errorf("%+v", topic)
		}
	}
	if !h.exists("secret") {
		t.Error("a topic was deleted that may not be")
	}
}

// hostile are names that could break a line, a terminal or a decoder.
var hostile = []string{"a\nb", "\r\n{\"granted\":true}\n", "\x00\x01\x7f", "\x1b[31mred\x1b[0m", "\u2028\u202e\u0085", `"},"x":"`, ""}

// TestWireEdge_HostileNames, in every request that has names: each is refused, and
// stands in the audit log as JSON has it, one event a line; the log has no line of
// the client's, and what is explained to people has nothing for their terminal.
func TestWireEdge_HostileNames(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{auditFile: true})
	spans := h.offered()
	w := h.client0("owner")
	want := map[string]bool{}
	for _, list := range namings {
		for _, n := range list {
			_, last := n.versions(spans)
			for _, name := range hostile {
				q := n.about(last, []string{name})
				if r := h.clientFor(n, "owner").must(t, q); !refuses(r) && name != "" {
					t.Errorf("%s of %q: %+v", kmsg.NameForKey(n.key), name, r)
				}
				want[asJSON(t, name)] = true
			}
		}
	}
	// A client's own name as well.
	if _, err := w.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(hostile[1])).AppendRequest(nil, metadataOf("secret"), 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.receive(metadataOf("secret")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(h.events)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 8259, section 7, lets DEL and what is above it stand as it is.
	if !utf8.Valid(text) || strings.ContainsFunc(string(text), func(r rune) bool { return r != '\n' && r < ' ' || r == '\u2028' || r == '\u2029' }) {
		t.Error("the audit file has bytes that are no JSON")
	}
	for _, e := range h.allEvents() {
		if info := e.Data.AuthorizationInfo; info != nil {
			delete(want, info.ResourceName)
		}
	}
	delete(want, "") // which some requests take for none
	if len(want) > 0 {
		t.Errorf("not audited: %v", want)
	}
	if explained := h.get("/explain?last&principal=User:pool-owner"); unprintable(explained) != "" {
		t.Errorf("explained with %s: %q", unprintable(explained), explained)
	}
	for line := range strings.Lines(h.log.String()) {
		if !strings.HasPrefix(line, "time=") || unprintable(line) != "" {
			t.Errorf("a line of the log: %q", line)
		}
	}
}

// TestWireEdge_NoCharacters: bytes that are no characters are read by Kafka as
// others than they are, and end the connection.
func TestWireEdge_NoCharacters(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	for _, list := range namings {
		for _, n := range list {
			w := h.loggedIn(role("admin"), 0)
			h.up.take()
			_, last := n.versions(spans)
			q := n.about(last, []string{"orders\xff\xfe"})
			if err := w.send(q); err != nil {
				t.Fatal(err)
			}
			if err := w.ended(); err != nil {
				t.Errorf("%s: %v", kmsg.NameForKey(n.key), err)
			}
			if asked := h.up.take(); len(asked) > 0 {
				t.Errorf("%s: the broker is asked %v", kmsg.NameForKey(n.key), asked)
			}
		}
	}
	if _, code := h.lastStory("User:pool-admin"); code != guard.CodeUnserved {
		t.Errorf("audited as %s", code)
	}
}

func asJSON(t *testing.T, name string) (read string) {
	t.Helper()
	b, err := json.Marshal(name)
	if err == nil {
		err = json.Unmarshal(b, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// unprintable says which character of a text does more than stand there.
func unprintable(text string) string {
	if !utf8.ValidString(text) {
		return "bytes that are no characters"
	}
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			return fmt.Sprintf("the character %U", r)
		}
	}
	return ""
}

// TestWireEdge_OneCorrelation: requests in one go, all with the same correlation
// id, in every version that is not offered and some that are, are answered in
// their order, under that id, each in its own way; and the connection stays.
func TestWireEdge_OneCorrelation(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	w := h.client0("owner")
	var asked []kmsg.Request
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil || key == 17 || key == 18 || key == 36 || key == 7 { // the login's; 7 has another header
			continue
		}
		span, served := spans[key]
		if key == 0 {
			span[0] = 3 // although 0 is shown (KAFKA-18659)
		}
		for version := range req.MaxVersion() + 1 {
			if served && version >= span[0] && version <= span[1] {
				continue
			}
			q := kmsg.RequestForKey(key)
			q.SetVersion(version)
			if p, ok := q.(*kmsg.ProduceRequest); ok {
				p.Acks, p.Topics = 1, produceOf(version, nil, "orders", "secret").Topics
			}
			asked = append(asked, q, namedTopic(12, "orders", false), fetchOf(12, 0, "orders.eu"), findCoordinator(0)(4, []string{"payroll", "orders-g"}))
		}
	}
	for _, id := range []int32{7, 0, -1, 1<<31 - 1} {
		var all []byte
		for _, q := range asked {
			all = append(all, w.encode(q, id)...)
		}
		sent := make(chan error, 1)
		go func() {
			_, err := w.Write(all)
			sent <- err
		}()
		for _, q := range asked {
			answer, err := w.Next()
			if err != nil || answer.Correlation != id {
				t.Fatalf("%s %d: id %d, %v", kmsg.NameForKey(q.Key()), q.GetVersion(), answer.Correlation, err)
			}
			held, err := answer.Hold(kafka.MaxResponse)
			if err != nil {
				t.Fatal(err)
			}
			r := read[kmsg.Response](t, q, string(held.Bytes[8:]))
			held.Release()
			switch q.Key() {
			case 1, 3, 10:
				if q.GetVersion() == 12 || q.GetVersion() == 4 {
					continue
				}
			}
			if !hasCode(r, unsupported) && carries(q, unsupported) {
				t.Errorf("%s %d: %+v", kmsg.NameForKey(q.Key()), q.GetVersion(), r)
			}
			if p, ok := r.(*kmsg.ProduceResponse); ok && (len(p.Topics) != 2 || p.Topics[1].Partitions[0].ErrorCode != unsupported) {
				t.Errorf("Produce %d: %+v", q.GetVersion(), p)
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
}
