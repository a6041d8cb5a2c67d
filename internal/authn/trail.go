package authn

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/klammhq/klamm/internal/iam"
)

// trail is the steps of one authentication, in order.
type trail struct {
	steps     []iam.Step
	mechanism string
}

func (t *trail) ok(name, saw string) {
	t.steps = append(t.steps, iam.Step{Name: name, OK: true, Saw: saw})
}

// fail adds the step that refuses and returns what the client may know of it.
// An empty mend stands for that of the table.
func (t *trail) fail(code iam.Code, name, saw, wanted, mend string) error {
	r := refusal(code)
	if mend == "" {
		mend = r.Mend
	}
	t.steps = append(t.steps, iam.Step{Name: name, Saw: saw, Wanted: wanted, Mend: mend, Code: code})
	return r.fault(t.mechanism)
}

// maxSaw bounds what a claim's value adds to a step.
const maxSaw = 200

// show renders a claim's value for a person, on one line and not too long.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(cut(v))
	}
	return cut(fmt.Sprintf("%v", v))
}

// claim renders a claim that may be absent.
func claim(claims map[string]any, name string) string {
	v, ok := claims[name]
	if !ok {
		return "no " + name
	}
	return name + " " + show(v)
}

// slip knows how an id, or an audience, is easily miswritten; "" when the two
// differ by more than that.
func slip(said, meant string) string {
	switch {
	case meant == "":
		return ""
	case strings.EqualFold(said, meant):
		return "letters are compared with their case: it is written " + meant
	case strings.TrimSpace(said) == meant:
		return "leave out the blanks around " + meant
	case strings.Trim(said, "\"' ") == meant:
		return "leave out the quotes around " + meant + ": a properties file, a JAAS line and an environment file keep them as part of the value"
	}
	return ""
}

func cut(s string) string { return cutAt(s, maxSaw) }

func cutAt(s string, end int) string {
	if len(s) <= end {
		return s
	}
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
