package cli

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// schema is what a package says about its documents: its structs with keys, and
// the words of its types for what they expect.
type schema struct {
	types    map[string]*ast.TypeSpec
	comments map[string]string // of types
	expected map[string]string
}

// readSchema parses the files of a package; nothing is compiled, so that also
// unexported types are read.
func readSchema(t *testing.T, dir string) schema {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no Go files: %v", dir, err)
	}
	s := schema{types: map[string]*ast.TypeSpec{}, comments: map[string]string{}, expected: map[string]string{}}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				s.declared(d)
			case *ast.FuncDecl:
				s.says(d)
			}
		}
	}
	return s
}

func (s schema) declared(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		if t, ok := spec.(*ast.TypeSpec); ok {
			s.types[t.Name.Name] = t
			s.comments[t.Name.Name] = d.Doc.Text()
		}
	}
}

// says keeps the words of a method expected that returns a literal.
func (s schema) says(d *ast.FuncDecl) {
	if d.Name.Name != "expected" || d.Recv == nil || len(d.Body.List) != 1 {
		return
	}
	r, ok := d.Body.List[0].(*ast.ReturnStmt)
	if !ok {
		return
	}
	words, ok := r.Results[0].(*ast.BasicLit)
	of, known := d.Recv.List[0].Type.(*ast.Ident)
	if ok && known {
		s.expected[of.Name], _ = strconv.Unquote(words.Value)
	}
}

// page writes rows for the keys of a struct and of those in it.
type page struct {
	strings.Builder
	t *testing.T
	schema
	values schema            // of package config, whose types other schemas use
	later  map[string]bool   // keys that are known and not in this version
	more   map[string]string // sentences for fields whose comments have none, by STRUCT.FIELD
	asked  map[string]bool
}

func (p *page) table(name, prefix string) {
	p.WriteString("\n| key | value | required | default | |\n|---|---|---|---|---|\n")
	p.rows(name, prefix)
}

func (p *page) rows(name, prefix string) {
	spec, ok := p.types[name]
	if !ok {
		p.t.Fatalf("there is no type %s", name)
	}
	for _, f := range spec.Type.(*ast.StructType).Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		key, option, _ := strings.Cut(reflect.StructTag(tag).Get("config"), ",")
		if key == "" {
			continue
		}
		words, inner, step := p.kind(f.Type)
		if words == "later" {
			p.later[prefix+key] = true
			continue
		}
		p.row(name+"."+f.Names[0].Name, prefix+key, words, option, f)
		if inner != "" {
			p.rows(inner, prefix+key+step)
		}
	}
}

func (p *page) row(field, key, words, option string, f *ast.Field) {
	text := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
	if own, ok := p.more[field]; ok {
		text, p.asked[field] = own, true
	}
	if said, ok := strings.CutPrefix(text, f.Names[0].Name+" "); ok { // as Go's own comments begin
		_, said, _ = strings.Cut(said, " ")
		text = strings.ToUpper(said[:1]) + said[1:]
	}
	if text == "" {
		p.t.Errorf("field %s has no comment: write the sentence for docs/reference/configuration.md there", field)
	}
	meaning, standard, _ := strings.Cut(text, "Default: ")
	required := ""
	if m := requiredWhen.FindStringSubmatch(meaning); m != nil {
		meaning, required = strings.TrimSuffix(meaning, m[0]), cmp.Or(m[1], "yes")
	}
	if option == "required" {
		required = "yes"
	}
	p.WriteString("| `" + key + "` | " + words + " | " + required + " | " + cell(standard) + " | " + cell(strings.TrimSpace(meaning)) + " |\n")
}

// requiredWhen ends a comment: "Required.", "Required without crn."
var requiredWhen = regexp.MustCompile(` ?Required,? ?([^.]*)\. ?$`)

// kind says what a field is written as; inner is the struct in it, and step what
// stands between their keys.
func (p *page) kind(e ast.Expr) (words, inner, step string) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return p.kind(e.X)
	case *ast.ArrayType:
		words, inner, _ = p.kind(e.Elt)
		return "list of " + words, inner, "[]."
	case *ast.MapType:
		words, inner, _ = p.kind(e.Value)
		return words + " by name", inner, ".NAME."
	case *ast.SelectorExpr: // config.Path
		return p.named(p.values, e.Sel.Name)
	case *ast.Ident:
		return p.named(p.schema, e.Name)
	}
	p.t.Fatalf("a field of type %T", e)
	return "", "", ""
}

func (p *page) named(s schema, name string) (words, inner, step string) {
	plain := map[string]string{"string": "text", "int": "number", "bool": "true or false", "Later": "later", "Engine": "`{}`"}
	if w := plain[name]; w != "" {
		return w, "", ""
	}
	if w, _, _ := strings.Cut(s.expected[name], ", since"); w != "" {
		return w, "", ""
	}
	if t, ok := s.types[name]; ok {
		if _, isStruct := t.Type.(*ast.StructType); isStruct {
			return "mapping", name, "."
		}
		return p.kind(t.Type)
	}
	p.t.Fatalf("the type %s is unknown", name)
	return "", "", ""
}

func configurationPage(t *testing.T) string {
	values := readSchema(t, "../config")
	p := page{t: t, schema: values, values: values, later: map[string]bool{}, asked: map[string]bool{}}
	p.WriteString("# Configuration\n\nUnknown keys are errors with line and column. Keys and values are plain YAML: no anchors, no tags. `klamm check -c klamm.yaml` says what a\n" +
		"configuration means. How the parts play together is in [serve.md](../serve.md), and in [concepts.md](../concepts.md).\n\n" +
		"## klamm.yaml\n\nPaths are relative to this file. `NAME` under `clusters` is the logical cluster id; there is one cluster.\n")
	p.table("Config", "")
	p.WriteString("\nKnown, and refused with \"not in this version\": `" + strings.Join(slices.Sorted(maps.Keys(p.later)), "`, `") + "`.\n")

	p.schema = readSchema(t, "../store/files")
	p.WriteString("\n## Identity documents\n\nEvery `*.yaml` of the folder `identity.files`; several documents in a file are divided by `---`.\n")
	for _, kind := range []struct{ name, title string }{
		{"organization", "Organization"}, {"identityProvider", "IdentityProvider"}, {"identityPool", "IdentityPool"}, {"roleBinding", "RoleBinding"},
	} {
		p.WriteString("\n### " + kind.title + "\n\n" + sentence(p.comments[kind.name], kind.name+" is ") + "\n")
		p.table(kind.name, "")
	}

	p.schema, p.more = readSchema(t, "../lab"), worldSentences
	p.WriteString("\n## The lab's world\n\nThe file of `klamm lab --config`, in the form of [lab.yaml](../../internal/lab/lab.yaml), which is built in.\n")
	p.table("World", "")
	for field := range p.more {
		if !p.asked[field] {
			t.Errorf("there is no field %s: take it out of worldSentences", field)
		}
	}
	return p.String()
}

// sentence is a type's comment without its beginning, in capital letters.
func sentence(comment, beginning string) string {
	text := strings.TrimPrefix(strings.Join(strings.Fields(comment), " "), beginning)
	text = strings.TrimPrefix(text, strings.TrimSuffix(beginning, "is "))
	return strings.ToUpper(text[:1]) + text[1:]
}
