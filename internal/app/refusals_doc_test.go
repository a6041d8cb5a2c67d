package app

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/authz"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/ops"
	"github.com/klammhq/klamm/internal/testkit"
)

// TestGeneratedPages keeps the page that is made from the table of roles; that
// of refusals is made by [TestEveryRefusal].
func TestGeneratedPages(t *testing.T) {
	testkit.KeepPage(t, "../../docs/roles.md", pages, rolesPage())
}

// pages is what writes the pages anew.
const pages = "go test ./internal/app -run 'TestGeneratedPages|TestEveryRefusal'"

func refusalsPage(all []provocation, outcomes []outcome, ends []unheard) string {
	var b strings.Builder
	b.WriteString(refusalsHead)
	for _, login := range []bool{true, false} {
		if login {
			b.WriteString("## At the login\n\nIn the order in which they are checked.\n\n")
		} else {
			b.WriteString("\n## At a request, and of open sessions\n\n")
		}
		var sentences []string
		b.WriteString("| code | what it means | what the client reads |\n|---|---|---|\n")
		for _, r := range refusalRows() {
			if r.login == login {
				_, o := ownOf(r.code, all, outcomes)
				b.WriteString("| [`" + string(r.code) + "`](#" + string(r.code) + ") | " + cell(r.means) + " | " + cell(short(reads(o), &sentences)) + " |\n")
			}
		}
		b.WriteString("\n" + strings.Join(sentences, ""))
	}
	b.WriteString("\n" + refusalsUnheard)
	for _, u := range ends {
		says := "nothing"
		if u.reason != "" {
			says = "`reason=" + u.reason + "`" + strings.TrimSuffix(": "+u.detail, ": ")
		}
		b.WriteString("| " + cell(u.name) + " | " + u.sees + " | " + cell(says) + " | " + cell(u.mend) + " |\n")
	}
	b.WriteString("\n" + refusalsNoToken)
	for _, w := range tokenlessWays() {
		b.WriteString("| AADSTS" + strconv.Itoa(w.number) + " | " + cell(w.what) + " | " + cell(w.mend) + " |\n")
	}
	b.WriteString("\n## Each code\n")
	for _, r := range refusalRows() {
		section(&b, r, all, outcomes)
	}
	return b.String()
}

// section is all about one code.
func section(b *strings.Builder, r row, all []provocation, outcomes []outcome) {
	p, o := ownOf(r.code, all, outcomes)
	b.WriteString("\n### " + string(r.code) + "\n\nMeans: " + cell(r.means) + ".\n\nThe client reads: " + reads(o) + ".\n\nMend: " + cell(r.mend) + ".\n")
	if p.note != "" {
		b.WriteString("\n" + p.note + "\n")
	}
	b.WriteString("\n```\n" + ops.Render(usual(o.record)) + "```\n")
	slips := 0
	for i, other := range all {
		if other.code != r.code || other.slip == "" {
			continue
		}
		if slips++; slips == 1 {
			b.WriteString("\nOther ways to it:\n\n")
		}
		steps := usual(outcomes[i].record).Steps
		last := steps[len(steps)-1]
		b.WriteString("- " + strings.ToUpper(other.slip[:1]) + other.slip[1:] + ". Saw: `" + strings.ReplaceAll(last.Saw, "`", "'") + "`. Mend: " + cell(last.Mend) + ".\n")
	}
}

func ownOf(code iam.Code, all []provocation, outcomes []outcome) (provocation, outcome) {
	i := slices.IndexFunc(all, func(p provocation) bool { return p.code == code && p.slip == "" })
	return all[i], outcomes[i]
}

// reads is what a client is told.
func reads(o outcome) string {
	if o.kafka == 0 {
		return "nothing: the connection is closed"
	}
	name, _, _ := strings.Cut(kerr.ErrorForCode(o.kafka).Error(), ":")
	text := "error " + strconv.Itoa(int(o.kafka)) + " (" + name + ")"
	if words, _, ok := strings.Cut(o.told, " (ref="); ok {
		text += " and `" + words + " (ref=…)`"
	}
	return text
}

// short puts a letter in place of what many clients read; the sentences stand
// below the table.
func short(reads string, sentences *[]string) string {
	before, words, said := strings.Cut(reads, " and `")
	if !said {
		return reads
	}
	line := func(i int) string { return "- sentence " + string(rune('A'+i)) + ": `" + words + "\n" }
	i := 0
	for i < len(*sentences) && (*sentences)[i] != line(i) {
		i++
	}
	if i == len(*sentences) {
		*sentences = append(*sentences, line(i))
	}
	return before + ", sentence " + string(rune('A'+i))
}

// What of a record is another each time, and what stands for it on the page.
var unusual = []struct {
	is    *regexp.Regexp
	usual string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "2026-01-01T12:00:00Z"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:8443"},
	{regexp.MustCompile(`m\d+s ago`), "m0s ago"},
	{regexp.MustCompile(`\bin \d+m\d+s`), "in 10m0s"},
	{regexp.MustCompile(`lifetime of \d+h\d+m\d+s`), "lifetime of 100h0m0s"},
	{regexp.MustCompile(`exp 1\d{12}`), "exp 1767268800000"},
	{regexp.MustCompile(`\bsession \d+`), "session 7"},
}

// usual is a record as it could be of any day.
func usual(r audit.Record) audit.Record {
	r.Event.ID = "5f0c9d3e8a6b4c1f9e2d7a5b3c8f1e60"
	r.Event.Time = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	r.Event.Data.ClientAddress = []audit.Address{{IP: "192.0.2.7", Port: 50123}}
	r.Steps = slices.Clone(r.Steps)
	names := strings.NewReplacer(ecKey().Kid, "key-1", otherKey().Kid, "key-2")
	for i := range r.Steps {
		s := &r.Steps[i]
		for _, text := range []*string{&s.Name, &s.Saw, &s.Wanted, &s.Mend} {
			*text = names.Replace(*text)
			for _, u := range unusual {
				*text = u.is.ReplaceAllString(*text, u.usual)
			}
		}
	}
	return r
}

// cell is a text in a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "\n", " ").Replace(s)
}

func rolesPage() string {
	return `# Roles

A role binding gives one of these roles to a principal, at one of the scopes where the role may be bound: the whole organization, its
environment, a cluster, or a resource (a topic, a group or a transactional id). A wider scope contains the narrower ones.

- A binding on a resource gives the operations on that type of resource only. One exception: DeveloperWrite on any topic gives
  IdempotentWrite on the cluster, which a producer with ` + "`enable.idempotence`" + ` needs.
- ` + "`*`" + ` at the end of a name stands for any rest, and alone for all names. Without it the name is exact.
- Roles only allow. What no binding allows is refused; the union counts when a client acts as several pools.
- Topics, groups and transactional ids that begin with ` + "`__klamm`" + ` are klamm's own, and Kafka's internal topics can be read and described, with their configuration,
  by administrators only.

` + authz.RolesMarkdown()
}
