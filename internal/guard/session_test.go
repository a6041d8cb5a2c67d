package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
)

func TestAllow(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	for range 3 {
		if err := s.Allow(call, writeOrders); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.all()); n != 2 {
		t.Errorf("%d events, want the login and one permission", n)
	}
	other := call
	other.Method = "kafka.Metadata"
	if err := s.Allow(other, writeOrders); err != nil || len(d.all()) != 3 {
		t.Errorf("another method: %v, %d events", err, len(d.all()))
	}
	d.change(func() {})
	if err := s.Allow(call, writeOrders); err != nil || len(d.all()) != 4 {
		t.Errorf("another generation: %v, %d events", err, len(d.all()))
	}
	for range 2 {
		err := s.Allow(call, writeOther)
		r, ok := errors.AsType[*guard.Refusal](err)
		if !ok || r.Code != guard.CodeNoRole || err.Error() != "Topic authorization failed. (ref="+r.Ref+")" || fault.KindOf(err) != fault.Forbidden {
			t.Fatalf("%v", err)
		}
		rec := d.last(t)
		if rec.Event.ID != r.Ref || !strings.Contains(rec.Steps[0].Mend, "DeveloperWrite on other") || rec.Steps[0].Saw != "no binding covers it" {
			t.Errorf("audited %+v", rec)
		}
	}
	if n := len(d.all()); n != 6 {
		t.Errorf("%d events, want one for each refusal", n)
	}
	if fmt.Sprint(d.refused) != "[kafka.Produce kafka.Produce]" || ended(s) {
		t.Errorf("observed %v, ended %v", d.refused, ended(s))
	}
}

func TestAllowAny(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	if err := s.AllowAny(call, idempotent, writeOrders); err != nil {
		t.Fatal(err)
	}
	if rec := d.last(t); rec.Event.Data.AuthorizationInfo.ResourceName != "orders.new" {
		t.Errorf("audited %+v", rec)
	}
	if n := len(d.all()); n != 2 {
		t.Errorf("%d events", n)
	}
	err := s.AllowAny(call, idempotent, writeOther)
	if err == nil || !strings.HasPrefix(err.Error(), "Cluster authorization failed. (ref=") {
		t.Errorf("%v", err)
	}
	if rec := d.last(t); len(d.all()) != 3 || len(rec.Steps) != 2 || rec.Event.Data.AuthorizationInfo.ResourceType != "Cluster" {
		t.Errorf("%d events, last %+v", len(d.all()), rec)
	}
	if s.AllowAny(call) == nil {
		t.Error("nothing to allow is allowed")
	}
}

func TestVisibleIsSilent(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	if !s.Visible(writeOrders) || s.Visible(writeOther) || len(d.all()) != 1 {
		t.Errorf("visible %v %v, %d events", s.Visible(writeOrders), s.Visible(writeOther), len(d.all()))
	}
	// What was only seen is not yet permitted without an event.
	if err := s.Allow(call, writeOrders); err != nil || len(d.all()) != 2 {
		t.Errorf("%v, %d events", err, len(d.all()))
	}
}

func TestReservedName(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	err := s.Allow(call, iam.Action{Op: iam.Read, On: iam.Resource{Type: iam.Topic, Name: "__klamm_state"}})
	if r, ok := errors.AsType[*guard.Refusal](err); !ok || r.Code != guard.CodeReserved {
		t.Errorf("%v", err)
	}
}

func TestRefuse(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	r := s.Refuse(call, writeOrders, iam.Step{Name: "upstream", OK: true, Saw: "TOPIC_AUTHORIZATION_FAILED", Wanted: "a right of klamm's user", Code: guard.CodeUpstream})
	rec := d.last(t)
	if r.Code != guard.CodeUpstream || rec.Event.ID != r.Ref || !rec.Refused() || rec.Steps[0].OK || !strings.Contains(rec.Steps[0].Mend, "klamm's user") {
		t.Errorf("%+v audited as %+v", r, rec)
	}
}

// What a caller reads from a reused buffer is copied when it is kept.
func TestStringsOfTheCallerAreCopied(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	buffer := []byte("orders.newkafka.Producecli-1")
	text := unsafe.String(&buffer[0], len(buffer))
	action := iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: text[:10]}}
	unsafeCall := guard.Call{Method: text[10:23], ClientID: text[23:]}
	if err := s.Allow(unsafeCall, action); err != nil {
		t.Fatal(err)
	}
	d.change(func() { d.allow[writeOrders] = false })
	if err := s.AllowAny(unsafeCall, action, writeOther); err == nil {
		t.Fatal("allowed")
	}
	copy(buffer, strings.Repeat("X", len(buffer)))
	for _, r := range d.all()[1:] {
		if text := string(encode(t, r)); strings.Contains(text, "XX") || !strings.Contains(text, "orders.new") || !strings.Contains(text, "kafka.Produce") || !strings.Contains(text, "cli-1") {
			t.Errorf("kept a string of the caller: %s", text)
		}
	}
	// The cache is keyed by its own copy as well.
	d.change(func() { d.allow[writeOrders] = true })
	copy(buffer, "orders.newkafka.Producecli-1")
	if err := s.Allow(unsafeCall, action); err != nil {
		t.Fatal(err)
	}
	copy(buffer, "other")
	if err := s.Allow(unsafeCall, iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: text[:5]}}); err == nil {
		t.Error("a changed buffer changed the cache")
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	buffer := []byte("orders.new")
	name := unsafe.String(&buffer[0], len(buffer))
	action := iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: name}}
	warm := func() {
		if s.Allow(call, action) != nil || s.AllowAny(call, idempotent, action) != nil {
			t.Error("refused")
		}
	}
	if n := testing.AllocsPerRun(1000, warm); n != 0 {
		t.Errorf("%v allocations for an audited permission", n)
	}
	if n := testing.AllocsPerRun(1000, func() { s.Visible(action) }); n != 0 {
		t.Errorf("%v allocations for Visible", n)
	}
}

// A party that names more resources than are remembered costs no memory.
func TestCacheIsBounded(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	for i := range 10000 {
		a := iam.Action{Op: iam.Read, On: iam.Resource{Type: iam.Topic, Name: fmt.Sprint("t", i)}}
		d.allow[a] = true
		if err := s.Allow(call, a); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Remembered(); n > 4096 {
		t.Errorf("%d permissions are remembered", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	d := newDoor()
	s := d.enter(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Allow(call, writeOrders); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	d := newDoor()
	d.tokens[canary] = identity("pool-a")
	b.ReportAllocs()
	for b.Loop() {
		s, err := d.guard.Open(context.Background(), from, credential(canary))
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
		d.records = d.records[:0]
	}
}
