package main

import (
	"encoding/json"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/filter"
)

const filterPage = "docs/filters.md"

// TestFilterPage evaluates every example of docs/filters.md on the claims shown
// there.
func TestFilterPage(t *testing.T) {
	text, claims := readFilterPage(t)
	row := regexp.MustCompile("(?m)^\\| (?:.* \\| )?`([^`]*(?:claims|true)[^`]*)` \\| (true|false|an error) \\|")
	rows := row.FindAllStringSubmatch(text, -1)
	if len(rows) < 25 {
		t.Fatalf("only %d examples were found: the search is broken", len(rows))
	}
	for _, r := range rows {
		expression := strings.ReplaceAll(r[1], `\|`, "|")
		f, err := filter.Compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		got, err := f.Match(claims)
		is := map[bool]string{true: "true", false: "false"}[got]
		if err != nil {
			is = "an error"
		}
		if is != r[2] {
			t.Errorf("%s is %s (%v), the page says %s", expression, is, err, r[2])
		}
	}
}

// TestFilterPageNamesEveryOperator tries what CEL has: what the filter accepts
// is in the table of operators, what it refuses in the list after it.
func TestFilterPageNamesEveryOperator(t *testing.T) {
	text, _ := readFilterPage(t)
	table, rest, _ := strings.Cut(text, "Everything else is refused")
	refused, _, _ := strings.Cut(rest, "\n\n")
	for name, expression := range map[string]string{
		"==": "claims.a == 1", "!=": "claims.a != 1", "in": "1 in claims.a", "has()": "has(claims.a)", "!": "!claims.a", "&&": "claims.a && claims.b",
		`\|\|`: "claims.a || claims.b", "( )": "(claims.a)", "startsWith()": "claims.a.startsWith('x')", "endsWith()": "claims.a.endsWith('x')", "contains()": "claims.a.contains('x')",
		"matches()": "claims.a.matches('x')", "size()": "size(claims.a) == 1", "all()": "claims.a.all(x, x == 1)", "exists()": "claims.a.exists(x, x == 1)",
		"map()": "claims.a.map(x, x) == [1]", "filter()": "claims.a.filter(x, true) == [1]", "<": "claims.a < 1", ">=": "claims.a >= 1", "+": "claims.a + 1 == 2",
		"-": "claims.a - 1 == 2", "*": "claims.a * 2 == 2", "%": "claims.a % 2 == 0", "? :": "claims.a ? true : false", "null": "claims.a == null",
		"int()": "int(claims.a) == 1", "string()": "string(claims.a) == 'x'", "lowerAscii()": "claims.a.lowerAscii() == 'x'", "claims.roles[0]": "claims.roles[0] == 'x'",
	} {
		where, place := table, "the table of operators"
		if _, err := filter.Compile(expression); err != nil {
			where, place = refused, "the list of what is refused"
		}
		if !strings.Contains(where, "`"+name+"`") {
			t.Errorf("%s is not in %s of %s", name, place, filterPage)
		}
	}
}

// readFilterPage returns the page, and the claims as klamm reads them of a token.
func readFilterPage(t *testing.T) (string, map[string]any) {
	t.Helper()
	text, err := os.ReadFile(root + "/" + filterPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocksOf(filterPage, string(text)) {
		if b.lang != "json" {
			continue
		}
		var claims map[string]any
		if err := json.Unmarshal([]byte(b.text), &claims); err != nil {
			t.Fatal(err)
		}
		for name, v := range claims {
			if n, ok := v.(float64); ok && n == math.Trunc(n) {
				claims[name] = int64(n)
			}
		}
		return string(text), claims
	}
	t.Fatal("the page shows no claims")
	return "", nil
}
