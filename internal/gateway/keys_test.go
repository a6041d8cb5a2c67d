package gateway

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka/api"
)

// TestKeys wants each API key that kmsg knows in exactly one of the tables.
func TestKeys(t *testing.T) {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		r, served := rules[key]
		why, never := refused[key]
		ours := int(key) < len(own) && own[key].served
		if n := count(served, never, ours); n != 1 {
			t.Errorf("%d %s stands in %d tables", key, nameOf(key), n)
		}
		if never && why == "" {
			t.Errorf("%d %s is refused without a reason", key, nameOf(key))
		}
		if !served {
			continue
		}
		if r.max > req.MaxVersion() || r.min > r.max {
			t.Errorf("%d %s: versions %d to %d, kmsg knows up to %d", key, nameOf(key), r.min, r.max, req.MaxVersion())
		}
		if (r.max < req.MaxVersion()) != (r.why != "") {
			t.Errorf("%d %s: the reason for its newest version is %q", key, nameOf(key), r.why)
		}
		if (r.decide == nil) == (r.plan == nil) {
			t.Errorf("%d %s must have one of decide and plan", key, nameOf(key))
		}
		if !api.Decodes(key) {
			t.Errorf("%d %s cannot be decoded", key, nameOf(key))
		}
	}
	for key := range rules {
		if kmsg.RequestForKey(key) == nil {
			t.Errorf("%d does not exist", key)
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
