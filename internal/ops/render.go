package ops

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
)

// width is where lines are broken; maxName is as far as names are aligned.
const (
	width   = 100
	maxName = 28
)

// Render writes a record for a person at a terminal: what happened, to whom,
// and each step with ✓ or ✗; a step that failed says what it saw, what it
// wanted, and how to mend it. There are no colours, and no control character
// of a client's gets out.
func Render(r audit.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  ref=%s\n", outcome(r), clean(r.Event.ID, false))
	for _, fact := range facts(r) {
		if fact.text != "" {
			wrap(&b, "  "+pad(fact.name, 10), clean(fact.text, false))
		}
	}
	if len(r.Steps) == 0 {
		return b.String()
	}
	b.WriteByte('\n')
	names := 0
	for _, s := range r.Steps {
		names = max(names, min(utf8.RuneCountInString(clean(s.Name, false)), maxName))
	}
	for _, s := range r.Steps {
		renderStep(&b, s, names)
	}
	if code := lastCode(r.Steps); code != "" {
		fmt.Fprintf(&b, "\nrefused as %s\n", clean(string(code), false))
	}
	return b.String()
}

// outcome is what happened. A login that was refused names nobody; an
// authentication of somebody that no longer holds is an open session that was cut.
func outcome(r audit.Record) string {
	what, verdict := "login", " allowed"
	if r.Event.Type == audit.TypeAuthorization {
		what = "request"
	}
	if r.Refused() {
		verdict = " refused"
		if what == "login" && r.Event.Data.AuthenticationInfo.Principal != string(iam.Anonymous) {
			what, verdict = "session", " cut"
		}
	}
	return what + verdict
}

type fact struct{ name, text string }

func facts(r audit.Record) []fact {
	data := r.Event.Data
	who := data.AuthenticationInfo.Principal
	if who == string(iam.Anonymous) {
		who = "nobody who is known"
	}
	list := []fact{
		{"when", r.Event.Time.UTC().Format("2006-01-02 15:04:05.000 UTC")},
		{"who", who},
	}
	if m := data.AuthenticationInfo.Metadata; m != nil {
		list = append(list, fact{"claim", m.Identifier}, fact{"by", m.Mechanism})
	}
	if a := data.AuthorizationInfo; a != nil {
		list = append(list, fact{"asked", a.Operation + " on " + a.ResourceType + " " + a.ResourceName + " (" + data.MethodName + ")"})
	}
	_, cluster, _ := strings.Cut(r.Event.Source, "/kafka=")
	list = append(list, fact{"cluster", cluster})
	if len(data.ClientAddress) > 0 {
		from := data.ClientAddress[0].IP
		if port := data.ClientAddress[0].Port; port != 0 {
			from += " port " + strconv.Itoa(port)
		}
		if data.Request != nil && data.Request.ClientID != "" {
			from += ", client id " + data.Request.ClientID
		}
		list = append(list, fact{"from", from})
	}
	return list
}

func renderStep(b *strings.Builder, s iam.Step, names int) {
	mark := "✗ "
	if s.OK {
		mark = "✓ "
	}
	first := mark + pad(clean(s.Name, false), names) + "  "
	if s.OK {
		wrap(b, first, clean(s.Saw, false))
		return
	}
	rest := strings.Repeat(" ", utf8.RuneCountInString(first))
	mend, copied, _ := strings.Cut(s.Mend, "\n")
	for _, line := range []fact{{"saw", s.Saw}, {"wanted", s.Wanted}, {"mend", mend}} {
		if line.text != "" {
			wrap(b, first+pad(line.name, 6)+"  ", clean(line.text, false))
			first = rest
		}
	}
	for line := range strings.Lines(copied) {
		fmt.Fprintf(b, "    %s\n", clean(strings.TrimSuffix(line, "\n"), false)) // not broken: it is pasted into a file
	}
}

func lastCode(steps []iam.Step) iam.Code {
	var code iam.Code
	for _, s := range steps {
		code = cmp.Or(s.Code, code)
	}
	return code
}

// wrap writes text after a head, broken between words; later lines are
// indented as far as the head reaches.
func wrap(b *strings.Builder, head, text string) {
	indent := utf8.RuneCountInString(head)
	b.WriteString(head)
	column := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
}

// clean shows what a terminal would obey instead of printing: control
// characters, and marks that turn the direction of text.
func clean(s string, lines bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case r == '\n' || r == '\t':
			return ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return '\uFFFD'
		}
		return r
	}, s)
}
