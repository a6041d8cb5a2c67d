package filter

import (
	"fmt"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// tree is a parsed expression and the text it was parsed from.
type tree struct {
	expr celast.Expr
	info *celast.SourceInfo
	text []rune // positions in CEL count code points
	mask []rune // text with strings and comments made of x, so that brackets can be counted
}

func newTree(ast *cel.Ast, source string) *tree {
	native := ast.NativeRep()
	t := &tree{expr: native.Expr(), info: native.SourceInfo(), text: []rune(source), mask: []rune(source)}
	visit(t.expr, func(e celast.Expr) {
		if e.Kind() != celast.LiteralKind {
			return
		}
		if _, ok := e.AsLiteral().(types.String); ok {
			from, to := t.offsets(e)
			for i := from; i < to; i++ {
				t.mask[i] = 'x'
			}
		}
	})
	for i := 1; i < len(t.mask); i++ {
		if t.mask[i-1] == '/' && t.mask[i] == '/' {
			for ; i < len(t.mask) && t.mask[i] != '\n'; i++ {
				t.mask[i] = 'x'
			}
		}
	}
	return t
}

// visit calls f for e and everything under it, from left to right as far as
// the operands stand so.
func visit(e celast.Expr, f func(celast.Expr)) {
	celast.PreOrderVisit(e, celast.NewExprVisitor(f))
}

func (t *tree) offsets(e celast.Expr) (from, to int) {
	o, _ := t.info.GetOffsetRange(e.ID())
	return int(o.Start), min(int(o.Stop), len(t.text))
}

// where is the place of an offset, counted in characters from 1.
func (t *tree) where(offset int) string {
	l := t.info.GetLocationByOffset(int32(offset))
	return position(string(t.text), l.Line(), l.Column())
}

// position writes a line from 1 and a column from 0.
func position(source string, line, column int) string {
	if strings.Contains(source, "\n") {
		return fmt.Sprintf("%d:%d", max(line, 1), max(column, 0)+1)
	}
	return fmt.Sprintf("column %d", max(column, 0)+1)
}

// nameOffset is where the name of a function or macro stands, whose own
// position in CEL is that of the bracket after it.
func (t *tree) nameOffset(bracket int, name string) int {
	if at := strings.LastIndex(string(t.mask[:bracket]), name); at >= 0 {
		return len([]rune(string(t.mask[:bracket])[:at]))
	}
	return bracket
}

// nameEnd is where the name of a field ends, whose own position is that of
// the dot before it.
func (t *tree) nameEnd(dot int, name string) int {
	for dot < len(t.mask) && unicode.IsSpace(t.mask[dot]) {
		dot++
	}
	return min(dot+len(name), len(t.mask))
}

// source is the text of a sub-expression. CEL keeps where operands stand but
// not the brackets around them, so these are balanced here.
func (t *tree) source(e celast.Expr) string {
	from, to := len(t.text), 0
	visit(e, func(x celast.Expr) {
		a, b := t.offsets(x)
		if x.Kind() == celast.SelectKind && x.AsSelect().IsTestOnly() {
			a = t.nameOffset(a, "has")
		} else if x.Kind() == celast.SelectKind {
			b = t.nameEnd(b, x.AsSelect().FieldName())
		}
		from, to = min(from, a), max(to, b)
	})
	open := 0
	for i := from; i < to || open > 0 && i < len(t.mask); i++ {
		switch t.mask[i] {
		case '(', '[':
			open++
		case ')', ']':
			if open--; open < 0 {
				from, open = t.bracketBefore(from), 0
			}
		}
		to = max(to, i+1)
	}
	return string(t.text[from:to])
}

func (t *tree) bracketBefore(from int) int {
	for i := from - 1; i >= 0; i-- {
		if t.mask[i] == '(' {
			return i
		}
	}
	return from
}
