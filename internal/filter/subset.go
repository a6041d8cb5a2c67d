package filter

import (
	"fmt"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/klammhq/klamm/internal/fault"
)

// The subset is what Confluent documents for identity pools: == != in has
// startsWith endsWith contains ! && || over claims and literals.

// calls are the functions of the subset, with their number of operands,
// receiver included.
var calls = map[string]int{
	operators.LogicalAnd: 2, operators.LogicalOr: 2, operators.LogicalNot: 1,
	operators.Equals: 2, operators.NotEquals: 2, operators.In: 2,
	"startsWith": 2, "endsWith": 2, "contains": 2,
}

// mends say what to write instead of what CEL has and the subset has not.
var mends = map[string]string{
	"matches": "use startsWith, endsWith, contains or in", "size": "compare with the whole value by == or in",
	"all": inList, "exists": inList, "exists_one": inList, "map": inList, "filter": inList,
	operators.Conditional: "write A ? B : C as (A && B) || (!A && C)",
	operators.Less:        equality, operators.LessEquals: equality, operators.Greater: equality, operators.GreaterEquals: equality,
	"string": asTyped, "int": asTyped, "uint": asTyped, "double": asTyped, "bool": asTyped, "bytes": asTyped, "dyn": asTyped, "type": asTyped,
	operators.Subtract: inBrackets, operators.Divide: inBrackets,
	"lowerAscii": exactCase, "upperAscii": exactCase, "and": "write &&", "or": "write ||", "not": "write !",
}

const (
	inBrackets = "a name with other characters than letters, digits and _ is written claims['a-b']"
	inList     = "a value in a list is found by 'value' in claims.list"
	equality   = "values are compared by ==, != and in only"
	asTyped    = "compare with a literal of the claim's own type"
	exactCase  = "compare with the exact value; names are case-sensitive"
	allowed    = "a filter may use == != in has startsWith endsWith contains ! && || over claims, strings, numbers, true, false and lists"
)

// refusal finds the first thing in e that is outside of the subset.
func (t *tree) refusal(e celast.Expr) *fault.Error {
	switch e.Kind() {
	case celast.LiteralKind:
		return t.literal(e)
	case celast.ListKind:
		return t.first(operands(e))
	case celast.CallKind:
		return t.call(e)
	case celast.SelectKind, celast.IdentKind:
		return t.claim(e)
	}
	from, _ := t.offsets(e)
	return t.refuse(from, "a map or message").Mend(allowed)
}

func (t *tree) first(operands []celast.Expr) *fault.Error {
	for _, e := range operands {
		if err := t.refusal(e); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) literal(e celast.Expr) *fault.Error {
	from, _ := t.offsets(e)
	switch e.AsLiteral().(type) {
	case types.String, types.Bool, types.Int, types.Double:
		return nil
	case types.Null:
		return t.refuse(from, "null").Mend("ask has(claims.x) whether a claim is there; a null claim counts as missing")
	}
	return t.refuse(from, "a literal of type %s", e.AsLiteral().Type().TypeName()).Mend("literals are strings, numbers, true and false")
}

func (t *tree) claim(e celast.Expr) *fault.Error {
	from, _ := t.offsets(e)
	if e.Kind() == celast.SelectKind && e.AsSelect().IsTestOnly() {
		e = e.AsSelect().Operand()
	} else if isClaims(e) {
		return t.refuse(from, "claims as a whole").Mend("name one claim: claims.x or claims['x']; has(claims.x) asks whether it is there")
	}
	if _, ok := pathOf(e); ok {
		return nil
	}
	if e.Kind() == celast.IdentKind {
		return t.refuse(from, "the name %q", e.AsIdent()).Mend("claims are written claims.%s, strings in quotes: '%[1]s'", strings.TrimPrefix(e.AsIdent(), "."))
	}
	if e.Kind() == celast.SelectKind {
		if err := t.refusal(e.AsSelect().Operand()); err != nil {
			return err
		}
	}
	return t.refuse(from, "a field of something that is no claim").Mend(allowed)
}

func (t *tree) call(e celast.Expr) *fault.Error {
	c := e.AsCall()
	name := c.FunctionName()
	args := operands(e)
	from, _ := t.offsets(e)
	if _, isPath := pathOf(e); isPath {
		return nil
	}
	if name == operators.Index {
		if err := t.refusal(args[0]); err != nil && !isClaims(args[0]) {
			return err
		}
		return t.refuse(from, "this index").Mend("in brackets stands a claim's name in quotes: claims['a:b']; a value in a list is found by 'value' in claims.list")
	}
	method := name == "startsWith" || name == "endsWith" || name == "contains"
	if n, ok := calls[name]; ok && n == len(args) && method == c.IsMemberFunction() {
		return t.first(args)
	}
	shown := name + "()"
	if symbol, ok := operators.FindReverse(name); ok {
		shown = symbol
	} else {
		from = t.nameOffset(from, name)
	}
	switch {
	case name == operators.Conditional:
		shown = "?:"
	case method:
		return t.refuse(from, "%s in this form", shown).Mend("write it as claims.x.%s('value')", name)
	}
	mend := mends[name]
	if mend == "" {
		mend = allowed
	}
	return t.refuse(from, "%s", shown).Mend("%s", mend)
}

func isClaims(e celast.Expr) bool { return e.Kind() == celast.IdentKind && e.AsIdent() == root }

func (t *tree) refuse(offset int, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "%s is not allowed in a filter", fmt.Sprintf(format, args...)).At(t.where(offset))
}
