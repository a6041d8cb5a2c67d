package archtest

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quoted is what stands between backquotes on a page.
var quoted = regexp.MustCompile("`([^`\n]+)`")

// TestJourneys holds ARCHITECTURE.md against the code: each step of a journey
// names a file, a function that is declared there, and names that the file uses.
func TestJourneys(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]source{}
	for _, s := range read(t) {
		files[filepath.ToSlash(s.path)] = s
	}
	journeys, steps := 0, 0
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "### ") {
			journeys++
		}
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], ".go`") {
			continue
		}
		steps++
		where, first := inQuotes(cells[1]), inQuotes(cells[2])
		if len(where) != 1 || len(first) != 1 {
			t.Errorf("a step needs one file and one function: %s", line)
			continue
		}
		s, found := files[where[0]]
		if !found {
			t.Errorf("there is no file %s", where[0])
			continue
		}
		declared, used := namesIn(s.file)
		if !declared[first[0]] {
			t.Errorf("%s declares no function %s", where[0], first[0])
		}
		for _, name := range inQuotes(cells[3]) {
			if strings.ContainsAny(name, " -") {
				continue // a command
			}
			for part := range strings.SplitSeq(name, ".") {
				if !used[part] {
					t.Errorf("%s does not use %s, which its step names", where[0], part)
				}
			}
		}
	}
	if journeys != 5 || steps < 30 {
		t.Errorf("%d journeys with %d steps were found, expected 5 with at least 30", journeys, steps)
	}
}

// TestPackagesAreShown looks for every package in the plan of the rooms.
func TestPackagesAreShown(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, plan, _ := strings.Cut(string(page), "## The rooms")
	plan, _, _ = strings.Cut(plan, "## ")
	for pkg := range may {
		short := strings.TrimPrefix(pkg, "internal/")
		if !strings.Contains(plan, short) && !strings.Contains(plan, path.Dir(short)+"/*") {
			t.Errorf("package %s stands in no room of ARCHITECTURE.md", pkg)
		}
	}
}

func inQuotes(cell string) (words []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		words = append(words, m[1])
	}
	return words
}

// namesIn lists the functions that a file declares and every identifier in it.
func namesIn(file *ast.File) (declared, used map[string]bool) {
	declared, used = map[string]bool{}, map[string]bool{}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			declared[f.Name.Name] = true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			used[id.Name] = true
		}
		return true
	})
	return declared, used
}
