package config

import (
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/klammhq/klamm/internal/fault"
)

// Later stands in a schema for a setting whose feature is not built yet: the
// key is known, and an error says so.
type Later struct{}

// worded types say themselves what they expect.
type worded interface{ expected() string }

var (
	laterType  = reflect.TypeFor[Later]()
	secretType = reflect.TypeFor[Secret]()
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decoder walks nodes and Go values side by side. It goes on after a fault, so
// that all are found.
type decoder struct {
	doc  *Document
	errs Errors
}

func (d *decoder) fail(n *yaml.Node, kind fault.Kind, format string, args ...any) *fault.Error {
	f := fault.New(kind, format, args...).At(d.doc.at(n))
	d.errs = append(d.errs, f)
	return f
}

// value decodes n into v; name is the setting's name in errors, "" for a whole document.
func (d *decoder) value(n *yaml.Node, v reflect.Value, name string) {
	before := len(d.errs)
	defer func() {
		p := place{node: n, state: good}
		if len(d.errs) > before {
			p.state = faulty
		}
		d.doc.places[v.Addr().Interface()] = p
	}()
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fail(n, fault.Invalid, "%s is an anchor or an alias, which are not supported: write the value itself", called(name))
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(n, fault.Invalid, "%s has a tag, which is not supported: put a value that begins with ! in quotes", called(name))
	case isNull(n):
		d.fail(n, fault.Invalid, "%s has no value, expected %s", called(name), expects(v.Type()))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), name)
	case v.Addr().Type().Implements(textType):
		d.text(n, v, name)
	default:
		d.plain(n, v, name)
	}
}

func (d *decoder) text(n *yaml.Node, v reflect.Value, name string) {
	if n.Kind != yaml.ScalarNode {
		d.mismatch(n, v, name)
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
		f := d.fail(n, fault.Invalid, "%s: %v", called(name), err)
		f.Hint = fault.HintOf(err)
	}
}

func (d *decoder) plain(n *yaml.Node, v reflect.Value, name string) {
	scalar := func(tag string) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == tag }
	switch kind := v.Kind(); {
	case kind == reflect.Struct && n.Kind == yaml.MappingNode:
		d.fields(n, v, name)
	case kind == reflect.Map && n.Kind == yaml.MappingNode:
		d.entries(n, v, name)
	case kind == reflect.Slice && n.Kind == yaml.SequenceNode:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			d.value(item, v.Index(i), name+"["+strconv.Itoa(i)+"]")
		}
	case kind == reflect.String && scalar("!!str"):
		v.SetString(n.Value)
	case kind == reflect.Bool && scalar("!!bool"):
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case kind == reflect.Int && scalar("!!int"):
		i, err := strconv.Atoi(n.Value)
		if err != nil {
			d.mismatch(n, v, name)
		}
		v.SetInt(int64(i))
	default:
		d.mismatch(n, v, name)
	}
}

// mismatch never repeats the value: it may be a secret in the wrong place.
func (d *decoder) mismatch(n *yaml.Node, v reflect.Value, name string) {
	f := d.fail(n, fault.Invalid, "%s is %s, expected %s", called(name), found(n), expects(v.Type()))
	if v.Kind() == reflect.String && n.Kind == yaml.ScalarNode {
		f.Mend("put it in quotes")
	}
}

// field is one tagged field of a struct.
type field struct {
	key      string
	required bool
	index    int
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		if tag, ok := t.Field(i).Tag.Lookup("config"); ok {
			key, option, _ := strings.Cut(tag, ",")
			fields = append(fields, field{key: key, required: option == "required", index: i})
		}
	}
	return fields
}

func (d *decoder) fields(n *yaml.Node, v reflect.Value, name string) {
	fields := fieldsOf(v.Type())
	present := map[string]bool{}
	d.pairs(n, name, func(key, value *yaml.Node) {
		present[key.Value] = true
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == key.Value })
		if i < 0 {
			d.unknown(key, v.Type(), name)
			return
		}
		child := v.Field(fields[i].index)
		if child.Type() == laterType {
			d.fail(key, fault.Unsupported, "%s is not in this version", join(name, key.Value))
			return
		}
		d.value(value, child, join(name, key.Value))
	})
	for _, f := range fields {
		if present[f.key] {
			continue
		}
		d.doc.places[v.Field(f.index).Addr().Interface()] = place{node: n, state: absent}
		if f.required {
			d.fail(n, fault.Invalid, "%s is missing, expected %s", join(name, f.key), expects(v.Type().Field(f.index).Type))
		}
	}
}

func (d *decoder) entries(n *yaml.Node, v reflect.Value, name string) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, name, func(key, value *yaml.Node) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(value, element, join(name, key.Value))
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), element)
	})
}

// pairs calls f for each key that stands once.
func (d *decoder) pairs(n *yaml.Node, name string, f func(key, value *yaml.Node)) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch earlier, again := first[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0:
			d.fail(key, fault.Invalid, "a key in %s is no plain word", called(name))
		case again:
			d.fail(key, fault.Invalid, "%s is set twice, first in line %d", join(name, key.Value), earlier.Line)
		default:
			first[key.Value] = key
			f(key, value)
		}
	}
}

func (d *decoder) unknown(key *yaml.Node, t reflect.Type, name string) {
	if t == secretType { // {hunter2} is a key without a value to YAML
		d.fail(key, fault.Invalid, "unknown key in %s, expected %s", called(name), expects(t))
		return
	}
	known := keysOf(t)
	f := d.fail(key, fault.Invalid, "unknown key %.64q in %s, expected %s", key.Value, called(name), orList(known))
	if near := Nearest(key.Value, known); near != "" {
		f.Mend("did you mean %q?", near)
	}
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

func called(name string) string {
	if name == "" {
		return "the document"
	}
	return name
}
