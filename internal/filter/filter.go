// Package filter compiles and evaluates the filters of identity pools: CEL
// expressions over a token's claims, in the subset that Confluent Cloud
// documents. It owns cel-go. It never reads a token itself, and it never
// turns an error into a match: whoever cannot be judged is refused.
package filter

import (
	"errors"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/klammhq/klamm/internal/fault"
)

// Filter is a compiled filter, safe for concurrent use. The zero value, like
// the empty expression, matches nothing.
type Filter struct {
	source string
	tree   *tree
	paths  []path      // every claim that the expression reads
	match  cel.Program // stops at the first operand that decides
	trace  cel.Program // evaluates and keeps every operand, for Explain
}

// String is the expression as it was written.
func (f *Filter) String() string { return f.source }

// Match reports whether the claims let their token in. Strings, booleans,
// int64 for integral numbers, float64 for others, []any and map[string]any are
// compared as they are; nothing is coerced. A claim that is missing or null
// ends in an error, unless the rest of && or || decides without it, as the
// CEL specification ("Logical Operators") has it. The caller refuses on error.
func (f *Filter) Match(claims map[string]any) (bool, error) {
	if f.tree == nil {
		return false, nil
	}
	v, _, err := f.match.Eval(f.activation(claims))
	return verdict(v, err)
}

// verdict makes the one answer that lets in, true, hard to reach.
func verdict(v ref.Val, err error) (bool, error) {
	if cancelled, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
		return false, fault.New(fault.Exhausted, "the filter costs more than %d to evaluate on this token", costLimit).Because(cancelled)
	}
	if err != nil {
		return false, fault.New(fault.Invalid, "the filter cannot be evaluated on this token: %v", err).Because(err)
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fault.New(fault.Invalid, "the filter gives %s for this token, and true or false is wanted", v.Type().TypeName())
	}
	return bool(b), nil
}

// activation is the one variable of a filter.
type activation map[string]any

func (a activation) ResolveName(name string) (any, bool) { return map[string]any(a), name == root }

func (activation) Parent() interpreter.Activation { return nil }

// activation leaves null out of what the filter reads: OpenID Connect Core
// section 5.3.2 forbids it in claims, and claims.g != 'x' must not let in a
// token whose g is null.
func (f *Filter) activation(claims map[string]any) activation {
	for _, p := range f.paths {
		if v, _, found := p.lookup(claims); found && v == nil {
			return withoutNull(claims)
		}
	}
	return claims
}

func withoutNull(claims map[string]any) map[string]any {
	kept := make(map[string]any, len(claims))
	for k, v := range claims {
		switch inner := v.(type) {
		case nil:
		case map[string]any:
			kept[k] = withoutNull(inner)
		default:
			kept[k] = v
		}
	}
	return kept
}
