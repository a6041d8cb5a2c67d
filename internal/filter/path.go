package filter

import (
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// root is the one variable of a filter.
const root = "claims"

// path leads from the claims to a value: claims.a.b is [a b].
type path []string

// pathOf reads claims.x, claims['x'] and what is nested in them. Plain claims
// is the empty path.
func pathOf(e celast.Expr) (path, bool) {
	switch e.Kind() {
	case celast.IdentKind:
		return path{}, e.AsIdent() == root
	case celast.SelectKind:
		s := e.AsSelect()
		p, ok := pathOf(s.Operand())
		return append(p, s.FieldName()), ok && !s.IsTestOnly()
	case celast.CallKind:
		c := e.AsCall()
		if c.FunctionName() != operators.Index || c.Args()[1].Kind() != celast.LiteralKind {
			return nil, false
		}
		key, isString := c.Args()[1].AsLiteral().(types.String)
		p, ok := pathOf(c.Args()[0])
		return append(p, string(key)), ok && isString
	}
	return nil, false
}

// readBy is the claim that e reads itself, has(claims.x) included.
func readBy(e celast.Expr) (path, bool) {
	if e.Kind() == celast.SelectKind && e.AsSelect().IsTestOnly() {
		p, ok := pathOf(e.AsSelect().Operand())
		return append(p, e.AsSelect().FieldName()), ok
	}
	return pathOf(e)
}

// pathsIn lists the claims that e and its operands read, in the order of the
// text, each once.
func pathsIn(e celast.Expr) []path {
	var paths []path
	var collect func(celast.Expr)
	collect = func(e celast.Expr) {
		p, ok := readBy(e)
		if !ok {
			for _, o := range operands(e) {
				collect(o)
			}
		} else if !slices.ContainsFunc(paths, func(q path) bool { return slices.Equal(p, q) }) {
			paths = append(paths, p)
		}
	}
	collect(e)
	return paths
}

// operands of a call, receiver first, or elements of a list.
func operands(e celast.Expr) []celast.Expr {
	switch e.Kind() {
	case celast.ListKind:
		return e.AsList().Elements()
	case celast.CallKind:
		if c := e.AsCall(); c.IsMemberFunction() {
			return append([]celast.Expr{c.Target()}, c.Args()...)
		}
		return e.AsCall().Args()
	}
	return nil
}

// lookup finds the value. When it is missing, known is how much of the path
// was there.
func (p path) lookup(claims map[string]any) (v any, known int, found bool) {
	v = claims
	for i, name := range p {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, i, false
		}
		if v, ok = m[name]; !ok {
			return nil, i, false
		}
	}
	return v, len(p), true
}

// String writes the path as in a filter.
func (p path) String() string {
	var b strings.Builder
	b.WriteString(root)
	for _, name := range p {
		if identifier(name) {
			b.WriteString("." + name)
		} else {
			b.WriteString("[" + quote(name) + "]")
		}
	}
	return b.String()
}

func identifier(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
