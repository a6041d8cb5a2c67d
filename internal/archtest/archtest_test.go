package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// Limits of the house. An exception carries "//klamm:budget" and its reason.
const (
	maxFileLines       = 600
	maxFunctionLines   = 120
	maxInterfaceMethod = 4
)

// source is one Go file of the module.
type source struct {
	path string // relative to the module
	pkg  string // folder, the import path below the module
	test bool
	file *ast.File
	fset *token.FileSet
	size int
}

// read parses every Go file of the root module. It reads the files themselves,
// so that the test cache sees a change in any of them.
func read(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var all []source
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(root, path, d)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		all = append(all, source{
			path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"),
			file: file, fset: fset, size: strings.Count(string(text), "\n"),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d Go files were found: the walk is broken", len(all))
	}
	return all
}

// skipDir leaves out hidden folders, test data and nested modules.
func skipDir(root, path string, d fs.DirEntry) error {
	if path == root {
		return nil
	}
	if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func TestDependencyRule(t *testing.T) {
	for _, s := range read(t) {
		if s.test {
			continue
		}
		allowed, known := may[s.pkg]
		if !known {
			t.Errorf("%s: package %s has no row in the dependency rule (internal/archtest/rules.go)", s.path, s.pkg)
			continue
		}
		for _, imp := range s.file.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			if ours, ok := strings.CutPrefix(path, module); ok {
				if !allows(allowed, ours) {
					t.Errorf("%s: %s may not import %s; it may import: %s", s.fset.Position(imp.Pos()), s.pkg, ours, allowed)
				}
			} else if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
				checkOwner(t, s, imp, path)
			}
		}
	}
}

func checkOwner(t *testing.T, s source, imp *ast.ImportSpec, path string) {
	t.Helper()
	for lib, who := range owners {
		if path == lib || strings.HasPrefix(path, lib+"/") {
			if !allows(who, s.pkg) {
				t.Errorf("%s: %s is owned by %s; %s may not import it", s.fset.Position(imp.Pos()), lib, who, s.pkg)
			}
			return
		}
	}
	t.Errorf("%s: %s has no owner in internal/archtest/rules.go", s.fset.Position(imp.Pos()), path)
}

// TestRuleTable keeps the tables honest: they name only what exists and is
// used, so that an arrow is added with its reason; no mechanism has an arrow to a surface, and no surface to another.
func TestRuleTable(t *testing.T) {
	packages, imports := map[string]bool{}, map[string]bool{}
	for _, s := range read(t) {
		if !s.test {
			packages[s.pkg] = true
			for _, imp := range s.file.Imports {
				imports[s.pkg+" "+strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), module)] = true
			}
		}
	}
	for pkg, list := range may {
		if !packages[pkg] {
			t.Errorf("there is no package %s any more", pkg)
		}
		for _, to := range strings.Fields(list) {
			if to != "*" && !imports[pkg+" "+to] {
				t.Errorf("%s may import %s and does not: an arrow comes with its first use", pkg, to)
			}
		}
	}
	for lib, who := range owners {
		for _, pkg := range strings.Fields(who) {
			used := false
			for imp := range imports {
				used = used || strings.HasPrefix(imp, pkg+" "+lib)
			}
			if !used {
				t.Errorf("%s owns %s and does not import it", pkg, lib)
			}
		}
	}
	surfaces := []string{"internal/gateway", "internal/sidecar", "internal/rest", "internal/iamapi", "internal/ops", "internal/console"}
	for pkg, list := range may {
		if pkg == "internal/app" || pkg == "internal/cli" || pkg == "cmd/klamm" || pkg == "klammtest" {
			continue
		}
		for _, s := range surfaces {
			if allows(list, s) {
				t.Errorf("%s may import the surface %s: only the assembly may", pkg, s)
			}
		}
	}
}

func TestBudgets(t *testing.T) {
	var files, functions []int
	for _, s := range read(t) {
		if s.test || ast.IsGenerated(s.file) {
			continue
		}
		excused := budgetLines(s)
		files = append(files, s.size)
		if s.size > maxFileLines && !excused[0] {
			t.Errorf("%s has %d lines, the budget is %d", s.path, s.size, maxFileLines)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			at := func(n ast.Node) int { return s.fset.Position(n.Pos()).Line }
			switch n := n.(type) {
			case *ast.FuncDecl:
				lines := s.fset.Position(n.End()).Line - at(n) + 1
				functions = append(functions, lines)
				if lines > maxFunctionLines && !excused[at(n)] {
					t.Errorf("%s:%d: %s has %d lines, the budget is %d", s.path, at(n), n.Name.Name, lines, maxFunctionLines)
				}
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s:%d: init() is not used here: make it a table or a constructor", s.path, at(n))
				}
			case *ast.TypeSpec:
				if i, ok := n.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxInterfaceMethod && !excused[at(n)] {
					t.Errorf("%s:%d: interface %s has %d methods, the budget is %d", s.path, at(n), n.Name.Name, i.Methods.NumFields(), maxInterfaceMethod)
				}
			}
			return true
		})
	}
	t.Logf("median file %d lines, median function %d lines (%d files, %d functions)", median(files), median(functions), len(files), len(functions))
}

// budgetLines finds the lines that "//klamm:budget REASON" excuses: the one
// below it; in the package comment, the whole file, as line 0.
func budgetLines(s source) map[int]bool {
	lines := map[int]bool{}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			reason, ok := strings.CutPrefix(c.Text, "//klamm:budget")
			if !ok || len(strings.TrimSpace(reason)) < 10 {
				continue
			}
			line := s.fset.Position(group.End()).Line + 1
			lines[line] = true
			if c.Pos() < s.file.Package {
				lines[0] = true
			}
		}
	}
	return lines
}

func median(n []int) int {
	if len(n) == 0 {
		return 0
	}
	sort.Ints(n)
	return n[len(n)/2]
}
