package config

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/klammhq/klamm/internal/fault"
)

// MaxDocument is the largest file that is read, in bytes.
const MaxDocument = 4 << 20

// Document is one YAML document and the places of its values. It is not safe
// for concurrent use.
type Document struct {
	file   string
	root   *yaml.Node
	places map[any]place // by pointer to a decoded value
}

// place is where a value stands, or what it is absent from.
type place struct {
	node  *yaml.Node
	state state
}

type state uint8

const (
	good   state = iota + 1
	faulty       // an error was reported about the value or something in it
	absent
)

// Parse splits a file into its YAML documents; empty ones are left out. The
// name stands in every error. Documents before a syntax error are returned
// beside it, so that their own faults can be told at once.
func Parse(name string, data []byte) ([]*Document, error) {
	if len(data) > MaxDocument {
		return nil, fault.New(fault.Invalid, "the file has %d bytes, expected at most %d", len(data), MaxDocument).At(name)
	}
	if err := checkText(name, data); err != nil {
		return nil, err
	}
	loader, err := yaml.NewLoader(strings.NewReader(string(data)))
	if err != nil {
		return nil, syntaxError(name, err)
	}
	var docs []*Document
	for {
		var n yaml.Node
		err := loader.Load(&n)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return docs, syntaxError(name, err)
		}
		if n.Kind != yaml.DocumentNode || len(n.Content) != 1 || isNull(n.Content[0]) {
			continue
		}
		docs = append(docs, &Document{file: name, root: n.Content[0], places: map[any]place{}})
	}
}

// Kind is the value of the document's key kind; "" when it has none.
func (d *Document) Kind() string {
	if n := lookup(d.root, "kind"); n != nil && n.Kind == yaml.ScalarNode {
		return n.Value
	}
	return ""
}

// File is the name that the document was parsed with.
func (d *Document) File() string { return d.file }

// Decode reads the document into the struct that into points to; see [Document.Where]
// for places. Fields carry a tag `config:"key"` or `config:"key,required"`;
// fields without one are left alone. Known types are string, bool, int,
// pointers, slices, maps with string keys, structs, and everything with
// UnmarshalText. The error is an [Errors] with every fault of the document;
// what could be read is in the struct all the same.
func (d *Document) Decode(into any) error {
	dec := decoder{doc: d}
	dec.value(d.root, reflect.ValueOf(into).Elem(), d.Kind())
	return dec.errs.Err()
}

// Has reports whether the setting stands in the document and was read without
// a fault; it is named by a pointer to it.
func (d *Document) Has(pointer any) bool { return d.places[pointer].state == good }

// Where is the place of a decoded value, file:line:column; the value is named
// by a pointer to it, as in doc.Where(&pool.Filter). A setting that is absent
// is placed at what it is absent from, and what was never decoded at the
// beginning of the document.
func (d *Document) Where(pointer any) string {
	if p, ok := d.places[pointer]; ok {
		return d.at(p.node)
	}
	return d.at(d.root)
}

// Errorf is an Invalid fault at the place of a decoded value.
func (d *Document) Errorf(pointer any, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, format, args...).At(d.Where(pointer))
}

func (d *Document) at(n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", d.file, n.Line, n.Column)
}

// checkText finds what YAML's reader refuses without saying where: bytes that
// are not UTF-8, and control characters (YAML 1.2, section 5.1).
func checkText(name string, data []byte) error {
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return fault.New(fault.Invalid, "byte 0x%02x is not UTF-8", data[i]).At(fmt.Sprintf("%s:%d:%d", name, line, column))
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r >= 0x7f && r < 0xa0 && r != 0x85:
			return fault.New(fault.Invalid, "control character U+%04X is not allowed", r).At(fmt.Sprintf("%s:%d:%d", name, line, column))
		case r == '\n':
			line, column = line+1, 0
		}
		i += size
		column++
	}
	return nil
}

// plainWords replaces the parser's words where they name a symptom only, or
// could repeat a value: an unquoted password that begins with * is an alias to YAML.
var plainWords = []struct{ begins, words string }{
	{"unknown anchor", "a value that begins with * is an alias, which is not supported: put it in quotes"},
	{"found character that cannot start any token", "a value or an indentation cannot begin with this character: put a value in quotes, and indent with blanks instead of tabs"},
	{"mapping values are not allowed", "a second ': ' in one line: put the value in quotes, or begin a new line"},
}

func syntaxError(name string, err error) *fault.Error {
	f := fault.New(fault.Invalid, "this is not YAML").At(name).Because(err)
	if load, ok := errors.AsType[*yaml.LoadError](err); ok {
		f.Message, f.Cause = "this is not YAML: "+load.Message, nil // which says the same
		for _, p := range plainWords {
			if strings.HasPrefix(load.Message, p.begins) {
				f.Message = p.words
			}
		}
		if load.Mark.Line > 0 {
			f.Where = fmt.Sprintf("%s:%d:%d", name, load.Mark.Line, load.Mark.Column)
		}
		if load.ContextMsg != "" && load.ContextMark.Line > 0 && load.ContextMark != load.Mark {
			f.Message += fmt.Sprintf(" (%s from line %d, column %d)", load.ContextMsg, load.ContextMark.Line, load.ContextMark.Column)
		}
	}
	return f
}

func lookup(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
