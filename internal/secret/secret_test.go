package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/secret"
)

func TestNoPrinterReachesTheText(t *testing.T) {
	const canary = "canary-7f3a"
	s := secret.New(canary)
	type holder struct {
		S      secret.String
		hidden secret.String
	}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, &s)
		fmt.Fprintf(&out, verb, holder{s, s})
		fmt.Fprintf(&out, verb, []secret.String{s})
		fmt.Fprintf(&out, verb, map[string]secret.String{"k": s})
	}
	for _, v := range []any{s, holder{s, s}, &holder{s, s}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("login", "token", s, "holder", holder{s, s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("login", "token", s, "holder", holder{s, s})

	text := strings.ToLower(out.String())
	for _, bad := range []string{canary, fmt.Sprintf("%x", canary)} {
		if strings.Contains(text, bad) {
			t.Errorf("%q got out: %s", bad, text)
		}
	}
	if s.Reveal() != canary || s.Len() != len(canary) || s.IsZero() {
		t.Error("the text itself was lost")
	}
}
