package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/filter"
)

func TestCompileAccepts(t *testing.T) {
	for _, expression := range []string{
		"", " \n", "true", "false", "true // for development",
		`claims.iss == "google"`, `claims.appid in ["a","b"]`, `!(claims.appid in ["a", "b"])`, `'admins' in claims.groups`,
		`has(claims.iss)`, `!has(claims.iss)`, `has(claims.a.b)`, `claims.sub.startsWith('a')`, `claims.sub.endsWith("a")`, `claims.sub.contains('a')`,
		`claims.aud=="confluent" && claims.group!="invalid_group"`, `claims['cognito:groups'] == ['a']`, `claims.a.b['c d'].e == 'x'`,
		`claims.n == 3 || claims.n == -3 || claims.f == 2.5 || claims.b == true`, `claims.azp == claims.sub`, `claims.email_verified`,
		"claims.a == 'x' &&\n  claims.b == 'y'", `r'a\b' == claims.a`, `claims.a in []`,
		strings.Repeat("claims.a == 'x' || ", 200) + "false",
	} {
		f, err := filter.Compile(expression)
		if err != nil {
			t.Errorf("Compile(%q): %v", expression, fault.Detail(err))
			continue
		}
		if f.String() != expression {
			t.Errorf("String() = %q, want %q", f, expression)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct{ expression, where, message, hint string }{
		{`claims.a.matches('(a+)+$')`, "column 10", "matches() is not allowed", "startsWith"},
		{`claims.a == 'b' && matches(claims.a, 'x')`, "column 20", "matches()", "startsWith"},
		{`size(claims.a) == 1`, "column 1", "size()", "=="},
		{`claims.a.size() == 1`, "column 10", "size()", "=="},
		{`claims.g.all(x, x == 'a')`, "column 10", "all()", "in claims.list"},
		{`claims.g.exists(x, x == 'a')`, "column 10", "exists()", "in claims.list"},
		{`claims.g.exists_one(x, x == 'a')`, "column 10", "exists_one()", "in claims.list"},
		{`claims.g.map(x, x) == ['a']`, "column 10", "map()", "in claims.list"},
		{`claims.g.filter(x, true) == ['a']`, "column 10", "filter()", "in claims.list"},
		{`claims.a + 'x' == 'b'`, "column 10", "+ is not allowed", "may use"},
		{`claims.my-claim == 'b'`, "column 10", "- is not allowed", "claims['a-b']"},
		{`claims.a * 2 == 4`, "column 10", "* is not allowed", "may use"},
		{`claims.a % 2 == 0`, "column 10", "% is not allowed", "may use"},
		{`-claims.a == 2`, "column 1", "- is not allowed", "may use"},
		{`claims.a < 3`, "column 10", "< is not allowed", "=="},
		{`claims.a >= 3`, "column 10", ">= is not allowed", "=="},
		{`claims.a == 'b' ? true : false`, "column 17", "?: is not allowed", "&&"},
		{`claims.a == null`, "column 13", "null is not allowed", "has(claims.x)"},
		{`claims.a == b'x'`, "column 13", "type bytes", "strings"},
		{`claims.a == 1u`, "column 13", "type uint", "strings"},
		{`int(claims.a) == 1`, "column 1", "int()", "own type"},
		{`dyn(1) == 1`, "column 1", "dyn()", "own type"},
		{`timestamp(claims.a) == claims.b`, "column 1", "timestamp()", "may use"},
		{`cel.bind(x, 1, x == 1)`, "column 5", "bind()", "may use"},
		{`claims[claims.a] == 'x'`, "column 7", "index", "claims['a:b']"},
		{`claims.groups[0] == 'x'`, "column 14", "index", "in claims.list"},
		{`[1][0] == 1`, "column 4", "index", "claims['a:b']"},
		{`claims == claims`, "column 1", "claims as a whole", "claims.x"},
		{`'x' in claims`, "column 8", "claims as a whole", "has(claims.x)"},
		{`claims`, "column 1", "claims as a whole", "claims.x"},
		{`groups == 'x'`, "column 1", `the name "groups"`, "claims.groups"},
		{`.claims.a == 'x'`, "column 2", "the name", "claims."},
		{`has(claims['x'])`, "column 11", "has() macro", "has(claims.x)"},
		{`has(claims)`, "column 5", "has() macro", "has(claims.x)"},
		{`has(foo.x)`, "column 4", `the name "foo"`, "claims.foo"},
		{`{'a': 1}.a == 1`, "column 1", "a map or message", "may use"},
		{`Foo{a: 1}`, "column 4", "a map or message", "may use"},
		{`'a'.b == 'x'`, "column 4", "a field", "may use"},
		{`claims.?a == 'x'`, "column 7", "unsupported syntax", "claims.x"},
		{`claims.a.startsWith('x', 'y')`, "column 10", "startsWith() in this form", "claims.x.startsWith('value')"},
		{`startsWith(claims.a, 'x')`, "column 1", "startsWith() in this form", "claims.x.startsWith('value')"},
		{`claims.a = 'x'`, "column 10", "no CEL expression", "=="},
		{`claims.a == 'x' and claims.b == 'y'`, "column 17", "no CEL expression", "&&"},
		{`claims.a == ‘x’`, "column 13", "no CEL expression", "plain quotes"},
		{`claims.a == "x`, "column 13", "no CEL expression", "end the string"},
		{`claims.a ==`, "column 12", "ends too early", "'value'"},
		{`claims.cognito:groups == 'x'`, "column 15", "no CEL expression", "claims['a-b']"},
		{`claims.a in 'x'`, "column 10", "'in'", "list"},
		{`'true'`, "column 1", "a string", "compare"},
		{`1 && true`, "column 1", "do not fit", "true or false"},
		{"claims.a == 'x' &&\n  claims.b < 3", "2:12", "< is not allowed", "=="},
		{`"é" == claims.b && claims.c < 1`, "column 29", "< is not allowed", "=="},
		{strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), "column 1", "recursion limit", ""},
		{"claims" + strings.Repeat(".a", 500) + " == 'x'", "column 1", "", ""},
		{strings.Repeat("x", 5000), "column 4097", "at most 4096", "list"},
		{`claims.a.contains(claims.b) && claims.c.contains(claims.d)`, "column 1", "may cost", "literals"},
	} {
		_, err := filter.Compile(c.expression)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Invalid || !strings.HasPrefix(f.Where, c.where) || !strings.Contains(f.Message, c.message) || !strings.Contains(f.Hint, c.hint) || f.Hint == "" {
			t.Errorf("Compile(%.60q): %v, want %q at %q and hint %q", c.expression, fault.Detail(err), c.message, c.where, c.hint)
		}
	}
}

func TestCompileErrorsArePrintable(t *testing.T) {
	for _, expression := range []string{"claims.a == \x1b[2J", "claims.\u202e == 'x'", "\"" + strings.Repeat("a", 4000)} {
		_, err := filter.Compile(expression)
		if err == nil || strings.ContainsAny(err.Error(), "\x1b\u202e\n") || len(err.Error()) > 1000 {
			t.Errorf("Compile(%.20q): %q", expression, err)
		}
	}
}

func TestPinsAudience(t *testing.T) {
	for expression, want := range map[string]bool{
		"":                                         true,
		"true":                                     false,
		"false":                                    true,
		`claims.aud == 'x'`:                        true,
		`'x' == claims['aud']`:                     true,
		`'x' in claims.aud`:                        true,
		`claims.aud in ['x', 'y']`:                 true,
		`claims.aud == ['x']`:                      true,
		`claims.appid == 'x'`:                      true,
		`claims.azp == 'x'`:                        true,
		`claims.client_id == 'x'`:                  true,
		`claims.cid == 'x'`:                        false,
		`claims.x.aud == 'x'`:                      false,
		`claims.aud != 'x'`:                        false,
		`!(claims.aud != 'x')`:                     true,
		`!(claims.aud == 'x')`:                     false,
		`claims.aud == claims.aud`:                 false,
		`claims.aud == claims.azp`:                 false,
		`claims.aud in claims.list`:                false,
		`claims.aud in [claims.aud, 'x']`:          false,
		`claims.aud.startsWith('x')`:               false,
		`has(claims.aud)`:                          false,
		`'r' in claims.roles`:                      false,
		`'r' in claims.roles && claims.aud == 'x'`: true,
		`'r' in claims.roles || claims.aud == 'x'`: false,
		`(claims.aud == 'x' && claims.a == 'b') || (claims.azp in ['y'] && true)`:    true,
		`(claims.aud == 'x' || claims.azp == 'y') && claims.a == 'b'`:                true,
		`!(claims.aud != 'x' || claims.a == 'b')`:                                    true,
		`!(claims.aud != 'x' && claims.a == 'b')`:                                    false,
		`!(claims.aud != 'x' && claims.azp != 'b')`:                                  true,
		`claims.aud == 'x' || false`:                                                 true,
		`claims.aud == 'x' || !true`:                                                 true,
		`claims.a == 'b' && !(!(claims.aud == 'x') || claims.c == 'd')`:              true,
		`(claims.aud == 'x') == false`:                                               false,
		`claims.a == 'b' && (claims.aud == 'x' || (claims.azp == 'y' || claims.ok))`: false,
	} {
		f, err := filter.Compile(expression)
		if err != nil {
			t.Fatal(expression, err)
		}
		if got := f.PinsAudience(); got != want {
			t.Errorf("%s: PinsAudience() = %v, want %v", expression, got, want)
		}
	}
}
