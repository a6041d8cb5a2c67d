package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// Errors are all faults of one input, in the order of their places.
type Errors []*fault.Error

// Err sorts the faults by file, line and column; it is nil when there are none.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	slices.SortStableFunc(e, func(a, b *fault.Error) int { return compareWhere(a.Where, b.Where) })
	return e
}

// Error is one line for each fault, without hints; [fault.Detail] of each has them.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.Is and errors.As each fault.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, f := range e {
		all[i] = f
	}
	return all
}

// Add appends the faults of err, which is nil, a fault, or a list of them such
// as [Errors] and that of errors.Join.
func (e *Errors) Add(err error) {
	switch err := err.(type) {
	case nil:
	case *fault.Error:
		*e = append(*e, err)
	case interface{ Unwrap() []error }:
		for _, each := range err.Unwrap() {
			e.Add(each)
		}
	default:
		*e = append(*e, fault.New(fault.Internal, "%v", err))
	}
}

// Warning is something that works and is probably not meant.
type Warning struct {
	Code    string // stable, lower-case words joined by hyphens
	Where   string // file:line:column
	Message string
	Hint    string
}

func (w Warning) String() string {
	s := w.Message
	if w.Where != "" {
		s = w.Where + ": " + s
	}
	if w.Hint != "" {
		s += " (" + w.Hint + ")"
	}
	return s
}

// SortWarnings orders by file, line and column.
func SortWarnings(w []Warning) {
	slices.SortStableFunc(w, func(a, b Warning) int { return compareWhere(a.Where, b.Where) })
}

// compareWhere orders places such as "klamm.yaml:10:3" by file, line and column.
func compareWhere(a, b string) int {
	aFile, aLine, aColumn := splitWhere(a)
	bFile, bLine, bColumn := splitWhere(b)
	return cmp.Or(cmp.Compare(aFile, bFile), cmp.Compare(aLine, bLine), cmp.Compare(aColumn, bColumn))
}

func splitWhere(where string) (file string, line, column int) {
	parts := strings.Split(where, ":")
	if len(parts) < 3 {
		return where, 0, 0
	}
	last := len(parts) - 1
	line, errLine := strconv.Atoi(parts[last-1])
	column, errColumn := strconv.Atoi(parts[last])
	if errLine != nil || errColumn != nil {
		return where, 0, 0
	}
	return strings.Join(parts[:last-1], ":"), line, column
}
