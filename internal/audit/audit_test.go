package audit_test

import (
	"testing"

	"github.com/klammhq/klamm/internal/audit"
)

func TestRefused(t *testing.T) {
	result := func(s string) audit.Data { return audit.Data{Result: &audit.Result{Status: s}} }
	decision := func(granted bool) audit.Data {
		return audit.Data{AuthorizationInfo: &audit.AuthorizationInfo{Granted: granted}}
	}
	for _, c := range []struct {
		name string
		data audit.Data
		want bool
	}{
		{"success", result(audit.Success), false},
		{"unauthenticated", result(audit.Unauthenticated), true},
		{"a result that nobody knows", result(""), true},
		{"granted", decision(true), false},
		{"not granted", decision(false), true},
	} {
		if got := (audit.Record{Event: audit.Event{Data: c.data}}).Refused(); got != c.want {
			t.Errorf("%s: Refused = %v", c.name, got)
		}
	}
}

func TestReferencesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		ref := audit.NewReference()
		if len(ref) != 32 || seen[ref] {
			t.Fatalf("reference %q", ref)
		}
		seen[ref] = true
	}
}
