package gateway

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka/api"
)

// TestKeys wants each API key that Kafka or kmsg knows in exactly one of the
// tables, and a decision about each of its versions.
func TestKeys(t *testing.T) {
	for key, k := range knownKeys(t) {
		r, served := rules[key]
		no, never := refused[key]
		ours := int(key) < len(own) && own[key].served
		if n := count(served, never, ours); n != 1 {
			t.Errorf("%d %s stands in %d tables", key, k.name, n)
			continue
		}
		if want := "kafka." + k.name; k.kafka && methodOf(key) != want {
			t.Errorf("%d is audited as %s, Kafka calls it %s", key, methodOf(key), want)
		}
		switch {
		case never && (no.why == "" || k.kafka == (no.method == "")):
			t.Errorf("%d %s is refused for %q as in %q", key, k.name, no.why, no.method)
		case ours && (own[key].min != 0 || own[key].max < k.newest || own[key].needs == "" || own[key].method == ""):
			t.Errorf("%d %s: %+v, known up to %d", key, k.name, own[key], k.newest)
		case served && (r.max < k.newest) != (r.newer != ""):
			t.Errorf("%d %s is served up to %d and known up to %d, and the reason is %q", key, k.name, r.max, k.newest, r.newer)
		}
	}
}

// TestRules wants each rule whole.
func TestRules(t *testing.T) {
	known := knownKeys(t)
	for key, r := range rules {
		k, ok := known[key]
		if !ok || k.newest < r.max || kmsg.RequestForKey(key).MaxVersion() < r.max || r.min > r.max {
			t.Errorf("%d: versions %d to %d, known are those to %d", key, r.min, r.max, k.newest)
		}
		if (r.min > 0) != (r.older != "") || r.needs == "" || r.method == "" {
			t.Errorf("%d %s: %q, %q, %q", key, k.name, r.older, r.needs, r.method)
		}
		if (r.decide == nil) == (r.plan == nil) {
			t.Errorf("%d %s must have one of decide and plan", key, k.name)
		}
		if !api.Decodes(key) {
			t.Errorf("%d %s cannot be decoded", key, k.name)
		}
	}
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

func unsupported(code int16) bool { return code == unsupportedVersion }

// TestOwnError wants the error of each key to stand somewhere in its own
// response, in each version, for a request with items.
func TestOwnError(t *testing.T) {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		for version := int16(0); version <= kmsg.RequestForKey(key).MaxVersion(); version++ {
			req := sample(key, version)
			if req == nil || key == 35 && version < 3 { // DescribeLogDirs: an error stands at a directory only
				continue
			}
			resp := ownError(req, refusal{code: unsupportedVersion, words: "words"})
			again := kmsg.ResponseForKey(key)
			again.SetVersion(version)
			if err := again.ReadFrom(resp.AppendTo(nil)); err != nil {
				t.Fatalf("%s %d: %v", nameOf(key), version, err)
			}
			if !api.HasCode(again, unsupported) {
				t.Errorf("%s %d: the answer has no error: %+v", nameOf(key), version, again)
			}
		}
	}
}
