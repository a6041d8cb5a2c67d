package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/config"
)

// schema is one as another package would write it.
type schema struct {
	Kind     string          `config:"kind,required"`
	Lifetime config.Duration `config:"lifetime"`
	Count    int             `config:"count"`
	On       bool            `config:"on"`
	Apps     []app           `config:"apps"`
	Named    map[string]*app `config:"named"`
	Own      string          // not a setting
	Future   config.Later    `config:"future"`
}

type app struct {
	ID    string      `config:"id,required"`
	Roles []string    `config:"roles"`
	Size  config.Size `config:"size"`
}

func parse(t *testing.T, text string) []*config.Document {
	t.Helper()
	docs, err := config.Parse("lab.yaml", []byte(text))
	if err != nil {
		t.Fatal(details(err))
	}
	return docs
}

func TestDecode(t *testing.T) {
	docs := parse(t, `# nothing
---
kind: Lab
lifetime: 1m30s
count: -3
on: True
apps:
  - id: one
    roles: [a, b]
  - {id: "2", size: 64KiB}
named:
  x: {id: x}
---
---
kind: Other
`)
	if len(docs) != 2 || docs[0].Kind() != "Lab" || docs[1].Kind() != "Other" || docs[0].File() != "lab.yaml" {
		t.Fatalf("%d documents", len(docs))
	}
	s := schema{Own: "mine"}
	if err := docs[0].Decode(&s); err != nil {
		t.Fatal(details(err))
	}
	want := schema{Kind: "Lab", Lifetime: config.Duration(90 * time.Second), Count: -3, On: true, Own: "mine",
		Apps: []app{{ID: "one", Roles: []string{"a", "b"}}, {ID: "2", Size: 64 << 10}}, Named: map[string]*app{"x": {ID: "x"}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v\nwant %+v", s, want)
	}
	for _, c := range []struct {
		pointer any
		want    string
		has     bool
	}{
		{&s, "lab.yaml:3:1", true},
		{&s.Kind, "lab.yaml:3:7", true},
		{&s.Apps, "lab.yaml:8:3", true},
		{&s.Apps[1], "lab.yaml:10:5", true},
		{&s.Apps[1].Size, "lab.yaml:10:21", true},
		{&s.Apps[1].Roles, "lab.yaml:10:5", false}, // absent from its app
		{s.Named["x"], "lab.yaml:12:6", true},
		{&s.Own, "lab.yaml:3:1", false},
		{nil, "lab.yaml:3:1", false},
	} {
		if got, has := docs[0].Where(c.pointer), docs[0].Has(c.pointer); got != c.want || has != c.has {
			t.Errorf("%T: %s, %v, want %s, %v", c.pointer, got, has, c.want, c.has)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"kind: Lab\ncount: 99999999999999999999", "lab.yaml:2:8: Lab.count is a number, expected a whole number"},
		{"kind: Lab\ncount: 1.5", "lab.yaml:2:8: Lab.count is a number, expected a whole number"},
		{"kind: Lab\non: yes", "lab.yaml:2:5: Lab.on is a string, expected true or false"},
		{"kind: Lab\nlifetime: 20", `lab.yaml:2:11: Lab.lifetime: "20" is no positive length of time, expected a length of time such as 20s, 5m or 24h`},
		{"kind: Lab\nlifetime: -1s", `lab.yaml:2:11: Lab.lifetime: "-1s" is no positive length of time, expected a length of time such as 20s, 5m or 24h`},
		{"kind: Lab\napps: [{roles: [a, 1]}, x]", `lab.yaml:2:8: Lab.apps[0].id is missing, expected a string
lab.yaml:2:20: Lab.apps[0].roles[1] is a number, expected a string (put it in quotes)
lab.yaml:2:25: Lab.apps[1] is a string, expected a mapping with id, roles, size`},
		{"kind: Lab\nnamed: {x: {id: x}, x: {id: y}}", "lab.yaml:2:21: Lab.named.x is set twice, first in line 2"},
		{"kind: Lab\nnamed: {x: }", "lab.yaml:2:12: Lab.named.x has no value, expected a mapping with id, roles, size"},
		{"kind: Lab\nfuture: 1", "lab.yaml:2:1: Lab.future is not in this version"},
		{"kind: Lab\nnam\u0117d: {}", `lab.yaml:2:1: unknown key "namėd" in Lab, expected kind, lifetime, count, on, apps or named (did you mean "named"?)`},
		{"kind: [Lab]", "lab.yaml:1:7: kind is a list, expected a string"},
	} {
		var s schema
		if got := details(parse(t, c.text)[0].Decode(&s)); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// Documents before a syntax error are told about, too.
func TestParseKeepsTheFirst(t *testing.T) {
	docs, err := config.Parse("a.yaml", []byte("kind: A\n---\n: [\n---\nkind: B\n"))
	if len(docs) != 1 || docs[0].Kind() != "A" || err == nil {
		t.Errorf("%d documents, %v", len(docs), err)
	}
	if _, err := config.Parse("a.yaml", []byte(strings.Repeat("[", 20000))); err == nil || !strings.HasPrefix(err.Error(), "a.yaml:1:10001: ") {
		t.Errorf("depth: %v", err)
	}
	if _, err := config.Parse("a.yaml", make([]byte, config.MaxDocument+1)); err == nil {
		t.Error("too large, and read")
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want config.Size
		back string
	}{
		{"0", 0, "0"}, {"1000", 1000, "1000"}, {"1024", 1024, "1KiB"}, {"64KiB", 64 << 10, "64KiB"}, {"256MiB", 256 << 20, "256MiB"},
		{"1024MiB", 1 << 30, "1GiB"}, {"8589934591GiB", 8589934591 << 30, "8589934591GiB"},
	} {
		var s config.Size
		if err := s.UnmarshalText([]byte(c.text)); err != nil || s != c.want || s.String() != c.back {
			t.Errorf("%s: %d, %s, %v", c.text, s, s, err)
		}
	}
	for _, text := range []string{"", "-1", "+1", "1.5GiB", "1GB", "1 GiB", "KiB", "8589934592GiB", "18446744073709551616", "1kib"} {
		var s config.Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d", text, s)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"address", "mechanisms", "tls", "SCRAM-SHA-512"}
	for key, want := range map[string]string{
		"adress": "address", "Address": "address", "mechanism": "mechanisms", "tsl": "tls", "scram-sha-512": "SCRAM-SHA-512",
		"ports": "", "": "", strings.Repeat("x", 1000): "",
	} {
		if got := config.Nearest(key, words); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", key, got, want)
		}
	}
}
