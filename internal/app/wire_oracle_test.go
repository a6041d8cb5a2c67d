package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Nobody learns from a refusal whether something exists.

// naming is a request that names topics, groups or transactional ids.
type naming struct {
	key  int16
	code int16 // of the refusal
	// The versions that name by name: from first on, up to last when it is not 0.
	first, last int16
	// about makes a request about some names. What it needs beside them is called
	// orders.
	about func(version int16, names []string) kmsg.Request
	// many is the version from which on each of several names is decided.
	many int16
}

// Values of many that are no version.
const (
	oneForAll = -1 // one that is refused refuses all
	onlyOne   = -2 // there is one name, or the request changes what the next one finds
)

// namings are all requests with names, by what they name. Metadata has tests of
// its own.
var namings = map[string][]naming{
	"topic":            topicNamings,
	"group":            groupNamings,
	"transactional id": transactionNamings,
}

// hiddenAndAbsent are, by what they name, a name that is hidden from most and one
// of nothing, of the same length.
var hiddenAndAbsent = map[string][2]string{"topic": {"secret", "absent"}, "group": {"payroll-a", "payroll-b"}, "transactional id": {"payroll-a", "payroll-b"}}

// besideIt is a name that pool-owner may use, for which nothing is changed.
func (n naming) besideIt() string {
	if n.key == 19 {
		return "orders.eu" // which is there, and so is not made
	}
	return "orders-none"
}

// TestWireOracle: what exists and what does not are the same bytes to who has no
// right on it, and the broker is not asked; in each version of each request.
func TestWireOracle(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	h.makeHidden()
	reserved := map[string][2]string{"topic": {"__klamm_state", "__klamm_other"}, "group": {"__klamm_g", "__klamm_h"}, "transactional id": {"__klamm_g", "__klamm_h"}}
	tried := 0
	for kind, list := range namings {
		for _, n := range list {
			for version, last := n.versions(spans); version <= last; version++ {
				for who, pair := range map[string][2]string{"owner": hiddenAndAbsent[kind], "idle": hiddenAndAbsent[kind], "admin": reserved[kind]} {
					tried++
					w := h.clientFor(n, who)
					a, b := n.about(version, pair[:1]), n.about(version, pair[1:])
					h.up.take()
					rawA, rawB := w.raw(t, a), w.raw(t, b)
					if !alike(rawA, pair[0], rawB, pair[1]) {
						t.Errorf("%s, %s %d of a %s:\n%q\n%q", who, kmsg.NameForKey(n.key), version, kind, rawA, rawB)
					}
					if r := read[kmsg.Response](t, a, rawA); !hasCode(r, n.code) && (who != "idle" || !refuses(r)) {
						t.Errorf("%s, %s %d of a %s: %+v", who, kmsg.NameForKey(n.key), version, kind, r)
					}
					if asked := h.up.take(); len(asked) > 0 {
						t.Errorf("%s, %s %d of a %s: the broker is asked %v", who, kmsg.NameForKey(n.key), version, kind, asked)
					}
				}
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d requests were tried", tried)
	}
}

// TestWireOracle_Beside: the same beside a name that is allowed, which alone
// reaches the broker.
func TestWireOracle_Beside(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	h.makeHidden()
	for kind, list := range namings {
		for _, n := range list {
			if n.many == onlyOne {
				continue
			}
			first, last := n.versions(spans)
			for version := max(first, n.many); version <= last; version++ {
				beside, w := n.besideIt(), h.clientFor(n, "owner")
				var raw [2]string
				var asked [2][]passed
				for i, name := range hiddenAndAbsent[kind] {
					q := n.about(version, []string{name, beside, name})
					h.up.take()
					raw[i], asked[i] = w.raw(t, q), h.up.take()
				}
				if !alike(raw[0], hiddenAndAbsent[kind][0], raw[1], hiddenAndAbsent[kind][1]) {
					t.Errorf("%s %d of a %s:\n%q\n%q", kmsg.NameForKey(n.key), version, kind, raw[0], raw[1])
				}
				if !slices.Equal(asked[0], asked[1]) || (len(asked[0]) == 0) != (n.many == oneForAll) {
					t.Errorf("%s %d of a %s: the broker is asked %v or %v", kmsg.NameForKey(n.key), version, kind, asked[0], asked[1])
				}
				for _, p := range asked[0] {
					if strings.Contains(p.body, hiddenAndAbsent[kind][0]) || !strings.Contains(p.body, beside) {
						t.Errorf("%s %d of a %s: the broker is asked %v", kmsg.NameForKey(n.key), version, kind, p)
					}
				}
			}
		}
	}
}

// versions are the first and the last that name by name and are served.
func (n naming) versions(spans map[int16][2]int16) (first, last int16) {
	first, last = max(spans[n.key][0], n.first), spans[n.key][1]
	if n.key == 0 {
		first = 3 // although 0 is shown (KAFKA-18659)
	}
	if n.last > 0 {
		last = min(n.last, last)
	}
	return first, last
}

// refuses reports whether an answer has an authorization error.
func refuses(r kmsg.Response) bool {
	return hasCode(r, 29) || hasCode(r, 30) || hasCode(r, 31) || hasCode(r, 53)
}

// makeHidden makes a group and a transactional id that only some may see.
func (h *house) makeHidden() {
	h.t.Helper()
	for _, name := range []string{"payroll-a", "__klamm_g"} {
		commit := kmsg.NewPtrOffsetCommitRequest()
		commit.Version, commit.Group, commit.Generation = 7, name, -1
		commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1}}}}
		if r := behind[*kmsg.OffsetCommitResponse](h, commit); r.Topics[0].Partitions[0].ErrorCode != 0 {
			h.t.Fatalf("%+v", r)
		}
		if r := behind[*kmsg.InitProducerIDResponse](h, initProducer(3, &name)); r.ErrorCode != 0 {
			h.t.Fatalf("%+v", r)
		}
	}
}

// client0 is a connection to broker 0 that a test uses again.
func (h *tapped) client0(who string) *wire {
	if h.clients[who] == nil {
		w := h.loggedIn(role(who), 0)
		_ = w.SetDeadline(time.Now().Add(4 * patience)) // for all requests together
		h.clients[who] = w
	}
	return h.clients[who]
}

// clientFor is client0, but a new connection for heartbeats: many that are refused
// on one have to wait.
func (h *tapped) clientFor(n naming, who string) *wire {
	if n.key == 68 || n.key == 76 {
		return h.loggedIn(role(who), 0)
	}
	return h.client0(who)
}
