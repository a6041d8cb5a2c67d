package filter

import (
	"fmt"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Explanation says which part of a filter decided, and why. It holds values of
// claims and stays inside klamm.
type Explanation struct {
	Matched    bool
	Expression string // text of the sub-expression that decided
	Reads      []Read // the claims that it reads, in the order of its text
	Why        string // "is false", "cannot be evaluated: the token has no claim azp"
	Hint       string // how to mend a common mistake; "" when none is seen
}

// Read is a claim that a sub-expression reads.
type Read struct {
	Claim   string // as written in a filter: "claims.aud"
	Value   string // printable, and cut to a readable length; "" when missing
	Missing bool
}

// String is a sentence and, with a hint, a second one.
func (e Explanation) String() string {
	var values []string
	for _, r := range e.Reads {
		if !r.Missing {
			values = append(values, r.Claim+" is "+r.Value)
		}
	}
	s := e.Expression + " " + e.Why
	if len(values) > 0 {
		s += "; " + strings.Join(values, ", ")
	}
	if e.Hint != "" {
		s += ". Hint: " + e.Hint
	}
	return s + "."
}

// Explain says why these claims match or do not.
func (f *Filter) Explain(claims map[string]any) Explanation {
	if f.tree == nil {
		return Explanation{Expression: "the empty filter", Why: "matches nothing", Hint: "write true to let in every token of the provider"}
	}
	v, details, err := f.trace.Eval(f.activation(claims))
	x := explainer{tree: f.tree, claims: claims, value: func(celast.Expr) ref.Val { return nil }}
	if details != nil && details.State() != nil {
		x.value = func(e celast.Expr) ref.Val { v, _ := details.State().Value(e.ID()); return v }
	}
	part := x.decider(f.tree.expr)
	e := Explanation{Expression: printable(f.tree.source(part)), Reads: x.reads(part)}
	e.Matched, err = verdict(v, err)
	switch {
	case e.Matched:
		e.Why = "is true"
	case err == nil:
		e.Why, e.Hint = "is false", x.hint(part)
	default:
		e.Why, e.Hint = "cannot be evaluated: "+x.failure(part, err), x.hint(part)
	}
	return e
}

// explainer walks an expression whose operands were all evaluated.
type explainer struct {
	*tree
	claims map[string]any
	value  func(celast.Expr) ref.Val
}

// decider finds the smallest part that made e what it is: the first false
// operand of &&, the first true one of ||, the first that has no truth value
// when that is why e has none.
func (x explainer) decider(e celast.Expr) celast.Expr {
	if e.Kind() != celast.CallKind {
		return e
	}
	and := e.AsCall().FunctionName() == operators.LogicalAnd
	result, known := x.value(e).(types.Bool)
	switch {
	case and, e.AsCall().FunctionName() == operators.LogicalOr:
	case e.AsCall().FunctionName() == operators.LogicalNot && !known:
	default:
		return e
	}
	for _, o := range operands(e) {
		v, ok := x.value(o).(types.Bool)
		if !known && !ok || known && ok && v == result && bool(v) != and {
			return x.decider(o)
		}
	}
	return e
}

func (x explainer) reads(e celast.Expr) []Read {
	var reads []Read
	for _, p := range pathsIn(e) {
		v, _, found := p.lookup(x.claims)
		r := Read{Claim: p.String(), Missing: !found || v == nil}
		if !r.Missing {
			r.Value = cut(render(v))
		}
		reads = append(reads, r)
	}
	return reads
}

// wanted is the type of the claim's value that an operator needs.
var wanted = map[string]string{
	operators.In: "a list", "startsWith": "a string", "endsWith": "a string", "contains": "a string",
}

// failure says why a part has no truth value.
func (x explainer) failure(e celast.Expr, err error) string {
	for _, p := range pathsIn(e) {
		v, known, found := p.lookup(x.claims)
		if found && v != nil {
			continue
		}
		if parent, _, _ := p[:known].lookup(x.claims); known > 0 && !found && kind(parent) != "an object" {
			return fmt.Sprintf("%s is %s and has no fields", p[:known], kind(parent))
		}
		return "the token has no claim " + printable(strings.Join(p[:min(known+1, len(p))], "."))
	}
	if c, ok := x.comparison(e); ok {
		if want := wanted[c.op]; want != "" && kind(c.value) != want {
			return fmt.Sprintf("%s is %s, and %s needs %s", c.claim, kind(c.value), strings.TrimPrefix(c.op, "@"), want)
		}
	}
	if p, ok := pathOf(e); ok {
		v, _, _ := p.lookup(x.claims)
		return fmt.Sprintf("%s is %s, and true or false is needed here", p, kind(v))
	}
	return err.Error()
}
