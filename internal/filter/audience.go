package filter

import (
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// audienceClaims say for whom a token was made, or for which client: aud (RFC
// 7519), azp (OpenID Connect Core), client_id (RFC 9068), and appid in Entra's
// v1 tokens.
var audienceClaims = map[string]bool{"aud": true, "azp": true, "appid": true, "client_id": true}

// PinsAudience reports whether on every way to true one of aud, azp, appid and
// client_id is compared with literals by == or in. What it cannot see through
// does not count. A filter that matches nothing pins.
func (f *Filter) PinsAudience() bool { return f.tree == nil || pins(f.tree.expr, true) }

// pins reports whether e can have the outcome only when an audience was
// compared and was equal.
func pins(e celast.Expr, outcome bool) bool {
	if e.Kind() == celast.LiteralKind {
		return e.AsLiteral() != types.Bool(outcome)
	}
	if e.Kind() != celast.CallKind {
		return false
	}
	args := operands(e)
	switch e.AsCall().FunctionName() {
	case operators.LogicalNot:
		return pins(args[0], !outcome)
	case operators.LogicalAnd, operators.LogicalOr:
		all := (e.AsCall().FunctionName() == operators.LogicalAnd) == outcome // both operands have the outcome
		a, b := pins(args[0], outcome), pins(args[1], outcome)
		return a && b || all && (a || b)
	case operators.Equals, operators.In:
		return outcome && (audienceWith(args[0], args[1]) || audienceWith(args[1], args[0]))
	case operators.NotEquals:
		return !outcome && (audienceWith(args[0], args[1]) || audienceWith(args[1], args[0]))
	}
	return false
}

func audienceWith(claim, value celast.Expr) bool {
	p, ok := pathOf(claim)
	return ok && len(p) == 1 && audienceClaims[p[0]] && constant(value)
}

// constant reports whether e is a literal or a list of literals.
func constant(e celast.Expr) bool {
	if e.Kind() == celast.ListKind {
		for _, o := range operands(e) {
			if !constant(o) {
				return false
			}
		}
		return true
	}
	return e.Kind() == celast.LiteralKind
}
