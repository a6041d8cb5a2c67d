package filter

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"

	"github.com/klammhq/klamm/internal/fault"
)

const (
	// maxLength of an expression in characters. Confluent's own limit is 300
	// by default and can be raised per customer.
	maxLength = 4096
	// maxDepth of nested brackets and operators.
	maxDepth = 64
	// maxToken is the size of the largest token that is ever verified, so no
	// claim is longer.
	maxToken = 32 << 10
	// costLimit in CEL's units, for the estimate at compile time over claims of
	// maxToken and for the evaluation itself.
	costLimit = 1 << 24
)

// Compile checks an expression and makes it ready. The subset is ==, !=, in,
// has, startsWith, endsWith, contains, !, && and || over strings, numbers,
// true, false, lists of these, claims.x and claims['x']. The empty expression
// is accepted and matches nothing, as Confluent's "CEL filters" page says.
// Errors are faults of kind Invalid whose place is "column N" or, in an
// expression of several lines, "LINE:COLUMN".
func Compile(expression string) (*Filter, error) {
	if strings.TrimSpace(expression) == "" {
		return &Filter{source: expression}, nil
	}
	if n := len([]rune(expression)); n > maxLength {
		return nil, fault.New(fault.Invalid, "the filter has %d characters, and at most %d are allowed", n, maxLength).
			At(position("", 1, maxLength)).Mend("compare with a list, or make several pools")
	}
	env, err := cel.NewEnv(cel.ClearMacros(), cel.Macros(cel.HasMacro), cel.ParserRecursionLimit(maxDepth),
		cel.Variable(root, cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		return nil, fault.New(fault.Internal, "the filter language is not available").Because(err)
	}
	ast, err := check(env, expression)
	if err != nil {
		return nil, err
	}
	f := &Filter{source: expression, tree: newTree(ast, expression)}
	f.paths = pathsIn(f.tree.expr)
	if f.match, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit)); err == nil {
		f.trace, err = env.Program(ast, cel.EvalOptions(cel.OptExhaustiveEval, cel.OptTrackState), cel.CostLimit(costLimit))
	}
	if err != nil {
		return nil, fault.New(fault.Internal, "the filter cannot be made ready").Because(err)
	}
	return f, nil
}

// check is everything that can be wrong with an expression.
func check(env *cel.Env, expression string) (*cel.Ast, error) {
	ast, issues := env.Parse(expression)
	if issues.Err() != nil {
		return nil, syntaxError(expression, issues)
	}
	t := newTree(ast, expression)
	if err := t.refusal(t.expr); err != nil {
		return nil, err
	}
	ast, issues = env.Check(ast)
	if issues.Err() != nil {
		return nil, typeError(expression, issues)
	}
	if out := ast.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fault.New(fault.Invalid, "the filter gives %s, and true or false is wanted", article(out.String())).
			At(position(expression, 1, 0)).Mend("compare a claim with a value, as claims.sub == 'value'")
	}
	estimate, err := env.EstimateCost(ast, estimator{})
	if err != nil {
		return nil, fault.New(fault.Internal, "the filter's cost is not known").Because(err)
	}
	if estimate.Max > costLimit {
		return nil, fault.New(fault.Invalid, "the filter may cost %d to evaluate, and at most %d is allowed", estimate.Max, costLimit).
			At(position(expression, 1, 0)).Mend("search claims for literals, not for other claims")
	}
	return ast, nil
}

// estimator knows how large a claim can be.
type estimator struct{}

func (estimator) EstimateSize(e cost.AstNode) *cost.SizeEstimate {
	if p := e.Path(); len(p) > 0 && p[0] == root {
		return &cost.SizeEstimate{Max: maxToken}
	}
	return nil
}

func (estimator) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
