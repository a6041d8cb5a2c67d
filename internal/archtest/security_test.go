package archtest

import (
	"go/ast"
	"os"
	"regexp"
	"testing"
)

// TestSecurityTable holds docs/security.md against the tests: every row has at
// least one that carries its number.
func TestSecurityTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	numbered := regexp.MustCompile(`^TestSecurity_(\d\d)_`)
	tested := map[string]bool{}
	for _, s := range read(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if m := numbered.FindStringSubmatch(f.Name.Name); m != nil {
					tested[m[1]] = true
				}
			}
		}
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllSubmatch(page, -1)
	if len(rows) < 25 {
		t.Fatalf("only %d rows were found", len(rows))
	}
	for _, row := range rows {
		number := string(row[1])
		if len(number) == 1 {
			number = "0" + number
		}
		if !tested[number] {
			t.Errorf("row %s of docs/security.md has no test TestSecurity_%s_…", number, number)
		}
	}
}
