package filter

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/operators"

	"github.com/klammhq/klamm/internal/fault"
)

// slips are beginnings of the text at which CEL's parser gives up, with what
// was probably meant.
var slips = []struct{ text, mend string }{
	{"=", "compare by =="}, {"&", "write && for and"}, {"|", "write || for or"},
	{"and ", mends["and"]}, {"or ", mends["or"]}, {"not ", mends["not"]}, {"AND ", mends["and"]}, {"OR ", mends["or"]}, {"NOT ", mends["not"]},
	{"‘", plainQuotes}, {"’", plainQuotes}, {"“", plainQuotes}, {"”", plainQuotes},
	{"'", closeQuotes}, {`"`, closeQuotes}, {":", inBrackets}, {"in ", inBrackets},
	{".?", "write claims.x; has(claims.x) asks whether it is there"},
}

const (
	plainQuotes = "write strings in plain quotes, '…' or \"…\""
	closeQuotes = "end the string with the quote that began it, and write a backslash in it twice"
)

// syntaxError is the first thing that CEL's parser did not understand.
func syntaxError(source string, issues *cel.Issues) error {
	first := issues.Errors()[0]
	message, _, _ := strings.Cut(strings.TrimPrefix(first.Message, "Syntax error: "), " expecting {")
	message = strings.ReplaceAll(message, "mismatched input '<EOF>'", "it ends too early")
	mend := "write it as claims.aud == 'value' or 'value' in claims.roles"
	rest := restOf(source, first.Location)
	for _, s := range slips {
		if strings.HasPrefix(rest, s.text) {
			mend = s.mend
			break
		}
	}
	if strings.Contains(message, "has() macro") {
		mend = "has takes a claim with a dot, as has(claims.x); a comparison with a missing claim fails without it"
	}
	return fault.New(fault.Invalid, "the filter is no CEL expression: %s", printable(message)).At(at(source, first.Location)).Mend("%s", mend)
}

// typeError is the first operand of a type that its operator does not take.
func typeError(source string, issues *cel.Issues) error {
	first := issues.Errors()[0]
	message := first.Message
	for _, name := range []string{operators.In, operators.Equals, operators.NotEquals, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot} {
		symbol, _ := operators.FindReverse(name)
		message = strings.ReplaceAll(message, "'"+name+"'", "'"+symbol+"'")
	}
	return fault.New(fault.Invalid, "the operands do not fit: %s", printable(message)).At(at(source, first.Location)).
		Mend("== and != compare values of one type, in needs a list or a claim on its right, && and || need true or false")
}

func at(source string, l common.Location) string { return position(source, l.Line(), l.Column()) }

// restOf is the text from a location on.
func restOf(source string, l common.Location) string {
	lines := strings.Split(source, "\n")
	if l.Line() < 1 || l.Line() > len(lines) {
		return ""
	}
	line := []rune(lines[l.Line()-1])
	if l.Column() < 0 || l.Column() > len(line) {
		return ""
	}
	return string(line[l.Column():])
}

// article puts "a" or "an" before the name of a type.
func article(name string) string {
	if strings.ContainsAny(name[:1], "aeiou") {
		return "an " + name
	}
	return "a " + name
}
