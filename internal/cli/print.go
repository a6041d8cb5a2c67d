package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/klammhq/klamm/internal/fault"
)

// printer writes for people. Colours go to a terminal only, and not when
// NO_COLOR is set (https://no-color.org).
type printer struct {
	out, err io.Writer
	colour   bool
}

func newPrinter(s Streams) *printer {
	return &printer{out: s.Out, err: s.Err, colour: isTerminal(s.Out) && os.Getenv("NO_COLOR") == ""}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const (
	bold  = "1"
	faint = "2"
	green = "32"
	red   = "31"
)

func (p *printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// step is one line of progress: what, how, how long. Further lines of detail
// are set in below it.
func (p *printer) step(name, detail string, took time.Duration) {
	first, rest, _ := strings.Cut(detail, "\n")
	p.line("%s %-12s %s %s", p.paint(green, "✓"), name, first, p.paint(faint, fmt.Sprintf("(%s)", round(took))))
	p.inset(rest)
}

func (p *printer) inset(text string) {
	for l := range strings.Lines(text) {
		p.line("%s", strings.TrimRight("    "+l, " \n"))
	}
}

// failed is the line of a step that did not end as it should, and why.
func (p *printer) failed(name, detail, why string) {
	p.line("%s %-12s %s", p.paint(red, "✗"), name, detail)
	p.inset(why)
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}

// errors prints err, one line for each joined error, each with its hint.
func (p *printer) errors(err error) {
	for _, e := range flatten(err) {
		fmt.Fprintf(p.err, "%s %s\n", p.paint(red, "klamm:"), fault.Sentence(e))
		if hint := fault.HintOf(e); hint != "" {
			fmt.Fprintf(p.err, "       %s\n", hint)
		}
	}
}

// flatten lists the errors that were joined; those joined further down a chain
// are causes of one.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}
