package filter_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/filter"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{`claims.sub == 'abc'`, `claims.sub == 'abc' is true; claims.sub is "abc".`},
		{`'Kafka.Write' in claims.roles`, `'Kafka.Write' in claims.roles is false; claims.roles is ["Kafka.Read"].`},
		{``, `the empty filter matches nothing. Hint: write true to let in every token of the provider.`},
		// The operand that decided, in the words of the filter.
		{`claims.azp == 'client' && 'Kafka.Write' in claims.roles`, `'Kafka.Write' in claims.roles is false; claims.roles is ["Kafka.Read"].`},
		{`claims.azp == 'client' && (claims.sub == "x" || claims.n in [1,2])`, `claims.sub == "x" || claims.n in [1,2] is false; claims.sub is "abc", claims.n is 3.`},
		{`(claims.sub == 'x' && true) || claims.n == 2`, `(claims.sub == 'x' && true) || claims.n == 2 is false; claims.sub is "abc", claims.n is 3.`},
		{`claims.g == 'x' && claims.sub == 'q'`, `claims.sub == 'q' is false; claims.sub is "abc".`},
		{`claims.g == 'x' || claims.sub == 'abc'`, `claims.sub == 'abc' is true; claims.sub is "abc".`},
		{`claims.g == 'x' || claims.sub == 'q'`, `claims.g == 'x' cannot be evaluated: the token has no claim g.`},
		{`!(claims.sub in ['abc'])`, `!(claims.sub in ['abc']) is false; claims.sub is "abc".`},
		{`true && !has(claims . sub)`, `!has(claims . sub) is false; claims.sub is "abc".`},
		{"claims.azp == 'client' &&\n  claims['a:b'] ==\n  'x)' // )", `claims['a:b'] == 'x)' is false; claims['a:b'] is "q".`},
		{`true && ((claims.sub == 'x') == true)`, `(claims.sub == 'x') == true is false; claims.sub is "abc".`},
		// What could not be evaluated.
		{`claims.realm.x == 'a'`, `claims.realm.x == 'a' cannot be evaluated: the token has no claim realm.x.`},
		{`claims['x:y'] != 'a'`, `claims['x:y'] != 'a' cannot be evaluated: the token has no claim x:y.`},
		{`claims.gone != 'a'`, `claims.gone != 'a' cannot be evaluated: the token has no claim gone.`},
		{`claims.sub.x == 'a'`, `claims.sub.x == 'a' cannot be evaluated: claims.sub is a string and has no fields.`},
		{`claims.sub && true`, `claims.sub cannot be evaluated: claims.sub is a string, and true or false is needed here; claims.sub is "abc".`},
		{`claims.n.endsWith('3')`, `claims.n.endsWith('3') cannot be evaluated: claims.n is a number, and endsWith needs a string; claims.n is 3.`},
		// Common mistakes.
		{`claims.aud == 'kafka'`, `claims.aud == 'kafka' is false; claims.aud is ["api://kafka", "kafka"]. Hint: claims.aud is a list here: write 'kafka' in claims.aud.`},
		{`claims.aud in ['kafka']`, `claims.aud in ['kafka'] is false; claims.aud is ["api://kafka", "kafka"]. Hint: claims.aud is a list here: write 'kafka' in claims.aud.`},
		{`claims.aud.contains('kafka')`, `claims.aud.contains('kafka') cannot be evaluated: claims.aud is a list, and contains needs a string; claims.aud is ["api://kafka", "kafka"]. Hint: claims.aud is a list here: write 'kafka' in claims.aud.`},
		{`'x' in claims.azp`, `'x' in claims.azp cannot be evaluated: claims.azp is a string, and in needs a list; claims.azp is "client". Hint: claims.azp is a string here: write claims.azp == 'x'.`},
		{`claims.appid == 'client'`, `claims.appid == 'client' cannot be evaluated: the token has no claim appid. Hint: write claims.azp, which the token has: Entra's v1 tokens have appid, its v2 tokens azp.`},
		{`claims.tenant == 't'`, `claims.tenant == 't' cannot be evaluated: the token has no claim tenant. Hint: write claims.Tenant, which the token has: names are case-sensitive.`},
		{`claims.sub == "'abc'"`, `claims.sub == "'abc'" is false; claims.sub is "abc". Hint: the filter has quotes inside of the value: write 'abc'.`},
		{`'kafka.read' in claims.roles`, `'kafka.read' in claims.roles is false; claims.roles is ["Kafka.Read"]. Hint: the two differ in capital letters only, and they count: write 'Kafka.Read'.`},
		{`claims.sub == 'abc '`, `claims.sub == 'abc ' is false; claims.sub is "abc". Hint: the two differ in white space only: write 'abc'.`},
		{`claims.iss == 'https://login.microsoftonline.com/t/v2.0/'`, `claims.iss == 'https://login.microsoftonline.com/t/v2.0/' is false; claims.iss is "https://login.microsoftonline.com/t/v2.0". Hint: the two differ in the slash at the end only: write 'https://login.microsoftonline.com/t/v2.0'.`},
		{`claims.azp == 'api://client'`, `claims.azp == 'api://client' is false; claims.azp is "client". Hint: Entra's v1 tokens carry the App ID URI, its v2 tokens the application's id: write 'client'.`},
		{`claims.ver == 2.0`, `claims.ver == 2.0 is false; claims.ver is "2.0". Hint: claims.ver is a string here: compare with '2.0'.`},
		{`claims.n == '3'`, `claims.n == '3' is false; claims.n is 3. Hint: claims.n is a number here: compare with 3.`},
		{`claims.sub == 'q' || claims.azp == 'Client'`, `claims.sub == 'q' || claims.azp == 'Client' is false; claims.sub is "abc", claims.azp is "client". Hint: the two differ in capital letters only, and they count: write 'client'.`},
	} {
		f := compile(t, c.expression)
		e := f.Explain(token())
		if e.String() != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.expression, e, c.want)
		}
		if got, _ := f.Match(token()); got != e.Matched {
			t.Errorf("%s: Match says %v, Explain %v", c.expression, got, e.Matched)
		}
	}
}

// The version of an Entra token decides how its claims are called, and roles are
// left out when none is assigned.
func TestExplainOtherTokens(t *testing.T) {
	v1 := map[string]any{"aud": "api://kafka", "appid": "c", "ver": "1.0"}
	for _, c := range []struct {
		claims           map[string]any
		expression, want string
	}{
		{v1, `claims.azp == 'c'`, "the token has no claim azp. Hint: write claims.appid, which the token has: Entra's v1 tokens have appid, its v2 tokens azp."},
		{v1, `claims.aud == 'kafka'`, `claims.aud is "api://kafka". Hint: Entra's v1 tokens carry the App ID URI, its v2 tokens the application's id: write 'api://kafka'.`},
		{v1, `'kafka' in claims.aud`, `claims.aud is "api://kafka". Hint: claims.aud is a string here: write claims.aud == 'kafka'.`},
		{v1, `'Kafka.Write' in claims.roles`, "is given its cached token, without roles, for up to 24 h."},
		{map[string]any{"aud": []any{"kafka"}}, `claims.aud != 'x' && claims.aud == 'kafka'`, `claims.aud is ["kafka"]. Hint: claims.aud is a list here: write 'kafka' in claims.aud.`},
		{map[string]any{"cognito:groups": []any{"Ops"}}, `'Ops' in claims.groups`, "Hint: write claims['cognito:groups'], which the token has: issuers name groups groups, cognito:groups or roles."},
		{map[string]any{"cognito:groups": []any{"Ops"}}, `'ops' in claims['cognito:groups']`, `claims['cognito:groups'] is ["Ops"]. Hint: the two differ in capital letters only, and they count: write 'Ops'.`},
		{map[string]any{"aud": "'kafka'"}, `claims.aud == 'kafka'`, "Hint: the token has quotes inside of the value: look where the client or the provider was told it with quotes around it."},
		{map[string]any{"azp": "c-1", "oid": "o-1", "sub": "o-1"}, `claims.azp == 'o-1'`, `claims.azp is "c-1". Hint: 'o-1' is the value of claims.oid in this token: compare that one.`},
		{map[string]any{"groups": []any{"3d0e8e52-71c5-4d8e-b0a4-1f2f4a6f9c33"}}, `'Kafka writers' in claims.groups`, "Hint: Entra names groups by their object ids here: write the group's object id."},
		{map[string]any{"groups": []any{"ops"}}, `'Kafka writers' in claims.groups`, `claims.groups is ["ops"].`},
		{map[string]any{"sub": "ä\u202e"}, `claims.sub == 'x'`, `claims.sub is "ä\u202e".`},
	} {
		if got := compile(t, c.expression).Explain(c.claims).String(); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s\n got %s\nwant … %s", c.expression, got, c.want)
		}
	}
}

// TestExplainOverage: a token whose groups are elsewhere has none, whatever
// else its markers hold.
func TestExplainOverage(t *testing.T) {
	elsewhere := map[string]any{"groups": "src1"}
	for name, c := range map[string]struct {
		claims map[string]any
		hinted bool
	}{
		"distributed":      {map[string]any{"_claim_names": elsewhere, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.example/getMemberObjects"}}}, true},
		"hasgroups":        {map[string]any{"hasgroups": true}, true},
		"with roles":       {map[string]any{"hasgroups": true, "roles": []any{"ops"}}, true},
		"no groups at all": {map[string]any{"hasgroups": false, "_claim_names": map[string]any{"address": "src1"}}, false},
		"no markers":       {map[string]any{"_claim_names": "ops"}, false},
	} {
		for _, expression := range []string{`'ops' in claims.groups`, `has(claims.groups) && 'ops' in claims.groups`} {
			f := compile(t, expression)
			if matched, _ := f.Match(c.claims); matched {
				t.Errorf("%s: %s matches", name, expression)
			}
			if hint := f.Explain(c.claims).Hint; strings.Contains(hint, "(overage)") != c.hinted {
				t.Errorf("%s: %s: hint %q", name, expression, hint)
			}
		}
	}
	both := map[string]any{"_claim_names": elsewhere, "groups": []any{"dev"}}
	if hint := compile(t, `'ops' in claims.groups`).Explain(both).Hint; hint != "" {
		t.Errorf("groups that are there: hint %q", hint)
	}
}

func TestExplainReads(t *testing.T) {
	e := compile(t, `claims.azp == 'x' || claims.sub == 'y' || claims.azp == 'z' || has(claims.g)`).Explain(token())
	want := []filter.Read{{Claim: "claims.azp", Value: `"client"`}, {Claim: "claims.sub", Value: `"abc"`}, {Claim: "claims.g", Missing: true}}
	if !slices.Equal(e.Reads, want) {
		t.Errorf("Reads = %+v, want %+v", e.Reads, want)
	}
}

func TestExplainIsShortAndPrintable(t *testing.T) {
	claims := token()
	claims["long"] = strings.Repeat("ü", 20_000)
	claims["list"] = make([]any, 10_000)
	for _, expression := range []string{
		`claims.esc == 'x'`, `claims.long == 'x'`, `'x' in claims.list`, `claims.realm == 'x'`, "claims.sub == '\x1b'", `claims.sub == '` + strings.Repeat("x", 4000) + `'`,
	} {
		s := compile(t, expression).Explain(claims).String()
		if len([]rune(s)) > 700 || strings.ContainsAny(s, "\x1b\u202e\n") {
			t.Errorf("%.40q: %q", expression, s)
		}
	}
}
