package gateway

import (
	"bytes"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// TestFieldsThatNobodyKnows: a Produce or a Fetch that is allowed does not go on
// as it came when it has tagged fields that nobody decided about.
func TestFieldsThatNobodyKnows(t *testing.T) {
	h := build(t, alice())
	secret := []byte("read as replica 7")

	produce := produceOf(12, "orders")
	produce.Topics[0].UnknownTags.Set(100, secret)
	fetch := fetchOf(12, "orders")
	fetch.UnknownTags.Set(100, secret)
	inSession := fetchOf(12, "orders")
	inSession.Topics[0].Partitions[0].UnknownTags.Set(100, secret)
	inSession.SessionID, inSession.SessionEpoch = 7, 1

	for _, f := range []struct {
		session *session
		what    string
		verdict relay.Verdict
		request kmsg.Request
	}{
		{h.session("alice"), "Produce", relay.Send, produce},
		{h.session("alice"), "Fetch", relay.Send, fetch},
		{h.inSession(t, 7, "orders"), "Fetch in a session", relay.Answer, inSession},
	} {
		plan, err := f.session.Plan(h.ctx(), frame(t, f.request))
		if err != nil || plan.Verdict != f.verdict || bytes.Contains(plan.Bytes, secret) {
			t.Errorf("%s: verdict %d, %v, and the field in it: %v", f.what, plan.Verdict, err, bytes.Contains(plan.Bytes, secret))
		}
	}

	// Nor in the header.
	for _, req := range []kmsg.Request{produceOf(12, "orders"), fetchOf(12, "orders")} {
		b := kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, 7)[4:]
		tags := len(b) - len(req.AppendTo(nil)) - 1
		b = slices.Concat(b[:tags], []byte{1, 100, byte(len(secret))}, secret, b[tags+1:])
		f, err := kafka.ParseFrame(b)
		if err != nil {
			t.Fatal(err)
		}
		if plan, err := h.session("alice").Plan(h.ctx(), f); err != nil || plan.Verdict != relay.Send || bytes.Contains(plan.Bytes, secret) {
			t.Errorf("%s: verdict %d, %v", nameOf(req.Key()), plan.Verdict, err)
		}
	}

	produce.Acks = 0
	if plan, err := h.session("alice").Plan(h.ctx(), frame(t, produce)); err == nil || plan.Verdict != (relay.Plan{}).Verdict {
		t.Errorf("a Produce without acks: verdict %d, %v", plan.Verdict, err)
	}
}
