package filter_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/filter"
)

// token holds the claims of an Entra v2 token with a list for its audience,
// and what other issuers add.
func token() map[string]any {
	return map[string]any{
		"iss": "https://login.microsoftonline.com/t/v2.0", "sub": "abc", "aud": []any{"api://kafka", "kafka"}, "azp": "client", "ver": "2.0",
		"roles": []any{"Kafka.Read"}, "n": int64(3), "f": 2.5, "email_verified": true, "gone": nil,
		"realm": map[string]any{"roles": []any{"a"}, "gone": nil}, "a:b": "q", "Tenant": "t", "esc": "\x1b[2J\u202e",
	}
}

func compile(t testing.TB, expression string) *filter.Filter {
	t.Helper()
	f, err := filter.Compile(expression)
	if err != nil {
		t.Fatalf("Compile(%q): %v", expression, fault.Detail(err))
	}
	return f
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		expression string
		want       string // "true", "false", or a part of the error
	}{
		{"", "false"}, {"  ", "false"}, {"true", "true"}, {"false", "false"},
		// The audience is compared as it is: a list is no string and a string no list.
		{`claims.aud == 'kafka'`, "false"}, {`'kafka' in claims.aud`, "true"}, {`claims.aud == ['api://kafka', 'kafka']`, "true"},
		{`claims.aud in ['kafka']`, "false"}, {`'client' in claims.azp`, "no such overload"}, {`claims.aud.contains('kafka')`, "no such overload"},
		// A missing claim is an error, never null and never unequal.
		{`claims.g == 'x'`, "no such key: g"}, {`claims.g != 'x'`, "no such key: g"}, {`!(claims.g == 'x')`, "no such key: g"},
		{`claims.g.h != 'x'`, "no such key: g"}, {`claims.realm.x != 'x'`, "no such key: x"}, {`!('x' in claims.g)`, "no such key: g"},
		{`claims.sub in [claims.g, 'abc']`, "no such key: g"}, {`claims.sub.x != 'y'`, "cannot be evaluated"},
		// So is a null one.
		{`claims.gone != 'x'`, "no such key: gone"}, {`claims.realm.gone != 'x'`, "no such key: gone"}, {`has(claims.gone)`, "false"}, {`!has(claims.gone)`, "true"},
		{`has(claims.realm.gone)`, "false"}, {`has(claims.sub)`, "true"}, {`has(claims.realm.roles)`, "true"}, {`has(claims.g.h)`, "no such key: g"},
		// && and || decide without the operand that failed.
		{`claims.g == 'x' || claims.sub == 'abc'`, "true"}, {`claims.sub == 'abc' || claims.g == 'x'`, "true"},
		{`claims.g == 'x' && claims.sub == 'q'`, "false"}, {`claims.g == 'x' && claims.sub == 'abc'`, "no such key: g"},
		{`claims.g == 'x' || claims.sub == 'q'`, "no such key: g"}, {`!(claims.g == 'x' && claims.sub == 'q')`, "true"},
		// Only true lets in.
		{`claims.sub`, "gives string"}, {`claims.n`, "gives int"}, {`claims.email_verified`, "true"}, {`claims.sub && true`, "no such overload"}, {`!claims.n`, "no such overload"},
		// Equality.
		{`claims.sub == 'ABC'`, "false"}, {`claims.n == 3`, "true"}, {`claims.n == 3.0`, "true"}, {`claims.n == '3'`, "false"}, {`claims.f == 2.5`, "true"},
		{`claims.n in [1, 3]`, "true"}, {`claims.n in [1.0, 3.0]`, "true"}, {`claims.ver == 2.0`, "false"}, {`claims.sub in ['abc', 1, true]`, "true"}, {`claims.sub in []`, "false"},
		{`claims.realm.roles == ['a']`, "true"}, {`'a' in claims.realm.roles`, "true"}, {`claims['a:b'] == 'q'`, "true"}, {`claims['realm']['roles'] == ["a"]`, "true"},
		{`claims.sub.startsWith('ab') && claims.sub.endsWith('bc') && claims.sub.contains('b')`, "true"},
	} {
		got, err := compile(t, c.expression).Match(token())
		switch c.want {
		case "true", "false":
			if err != nil || got != (c.want == "true") {
				t.Errorf("%s: %v, %v, want %s", c.expression, got, err, c.want)
			}
		default:
			if err == nil || got || !strings.Contains(err.Error(), c.want) || fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %v, %v, want an error with %q", c.expression, got, err, c.want)
			}
		}
	}
}

func TestMatchLeavesClaimsAlone(t *testing.T) {
	claims := token()
	_, _ = compile(t, `has(claims.gone) || has(claims.realm.gone)`).Match(claims)
	if _, ok := claims["gone"]; !ok {
		t.Error("Match took a claim out of its argument")
	}
}

func TestZeroFilterMatchesNothing(t *testing.T) {
	var f filter.Filter
	if ok, err := f.Match(token()); ok || err != nil {
		t.Errorf("Match = %v, %v", ok, err)
	}
	if e := f.Explain(token()); e.Matched {
		t.Errorf("Explain = %v", e)
	}
	if ok, err := compile(t, `claims.a == 'x'`).Match(nil); ok || err == nil {
		t.Errorf("no claims at all: %v, %v", ok, err)
	}
}

func TestMatchStopsAtItsCost(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	_, err := compile(t, `claims.a.contains(claims.b)`).Match(map[string]any{"a": long, "b": long})
	if fault.KindOf(err) != fault.Exhausted {
		t.Errorf("a claim of 1 MiB searched for another: %v, want Exhausted", err)
	}
}

func TestMatchConcurrently(t *testing.T) {
	f := compile(t, `claims.sub == 'abc' && 'kafka' in claims.aud`)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				claims := token()
				if ok, err := f.Match(claims); !ok || err != nil {
					t.Errorf("Match = %v, %v", ok, err)
				}
				if e := f.Explain(claims); !e.Matched || e.Expression != f.String() {
					t.Errorf("Explain = %+v", e)
				}
			}
		})
	}
	group.Wait()
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"", "true", `claims.aud == 'x' && !has(claims.a.b) || claims['a:b'].startsWith("q")`, `(claims.sub == 'a' || (claims.n in [1, 2.5])) == true // )`,
		`claims.g.all(x, x == 'a')`, "claims.a\n==\r'\\x00'", `'''a(''' in claims.roles`, `r"\(" == claims.sub`, `!!!claims.email_verified`, `claims.a == ‘x’`, "((((((((((", `claims.realm.roles == ['a']`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		compiled, err := filter.Compile(expression)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid {
				t.Fatalf("%q: kind %s: %v", expression, k, fault.Detail(err))
			}
			return
		}
		claims := token()
		got, err := compiled.Match(claims)
		if got && err != nil || err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatalf("%q: %v, %v", expression, got, err)
		}
		e := compiled.Explain(claims)
		if e.Matched != got || e.Expression == "" || e.Why == "" {
			t.Fatalf("%q: matched %v, explained as %+v", expression, got, e)
		}
		compiled.PinsAudience()
	})
}

func BenchmarkMatch(b *testing.B) {
	claims := map[string]any{"aud": "be587d08-a466-45e9-a02a-dfdda6b4c765", "azp": "c", "sub": "s", "roles": []any{"Kafka.Read", "Kafka.Write"}}
	for name, expression := range map[string]string{
		"audience and role": `claims.aud == "be587d08-a466-45e9-a02a-dfdda6b4c765" && "Kafka.Write" in claims.roles`,
		"one comparison":    `claims.sub == 's'`,
		"missing claim":     `claims.appid == 'c'`,
	} {
		f := compile(b, expression)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = f.Match(claims)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		compile(b, `claims.aud == "be587d08-a466-45e9-a02a-dfdda6b4c765" && "Kafka.Write" in claims.roles`)
	}
}
