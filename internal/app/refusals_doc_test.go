package app

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/authz"
	"github.com/klammhq/klamm/internal/guard"
)

var update = flag.Bool("update", false, "write the generated pages of docs anew")

// TestGeneratedPages keeps the pages that are made from tables in the code.
func TestGeneratedPages(t *testing.T) {
	for path, want := range map[string]string{
		"../../docs/refusals.md": refusalsPage(),
		"../../docs/roles.md":    rolesPage(),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is out of date: go test ./internal/app -run TestGeneratedPages -update", path)
		}
	}
}

const generated = "<!-- Made by: go test ./internal/app -run TestGeneratedPages -update -->\n\n"

func refusalsPage() string {
	var b strings.Builder
	b.WriteString(generated + `# Ways to be refused

A refused client reads a sentence that tells a stranger nothing, and a reference. ` + "`klamm explain REF`" + ` shows what was looked at, and ends
with one of these codes. The mend here is the general one; that of explain knows the case.

## At the login

In the order in which they are checked. The audit event has the code in ` + "`result.message`" + `.

`)
	var table rows
	for _, r := range authn.Refusals() {
		table.add(string(r.Code), r.Means, table.sentence(strings.ReplaceAll(r.Sentence, "{mechanism}", "OAUTHBEARER")), r.Mend)
	}
	table.write(&b)
	b.WriteString(`
## At a request, and of open sessions

A change that no longer lets an open session in, such as a filter that is now false, cuts its connection: there is no place for a word.
` + "`klamm explain --principal P --last`" + ` finds it, with the code of the login that would be refused now.

`)
	table = rows{}
	for _, r := range guard.Refusals() {
		reads := "Kafka's error code for the kind of resource"
		switch {
		case r.Cut:
			reads = "nothing: the connection is cut"
		case r.Sentence != "":
			reads = table.sentence(r.Sentence)
		}
		table.add(string(r.Code), r.Means, reads, r.Mend)
	}
	table.write(&b)
	return b.String()
}

// rows is a table of refusals. Sentences are long and few, so that they stand
// below it and the rows have their numbers.
type rows struct {
	lines, sentences []string
}

func (r *rows) add(code, means, reads, mend string) {
	r.lines = append(r.lines, "| `"+code+"` | "+cell(means)+" | "+reads+" | "+cell(mend)+" |")
}

// sentence stands for a sentence by its letter.
func (r *rows) sentence(s string) string {
	i := slices.Index(r.sentences, s)
	if i < 0 {
		i = len(r.sentences)
		r.sentences = append(r.sentences, s)
	}
	return "sentence " + string(rune('A'+i))
}

func (r *rows) write(b *strings.Builder) {
	b.WriteString("| code | what it means | what the client reads | mend |\n|---|---|---|---|\n" + strings.Join(r.lines, "\n") + "\n\n")
	for _, s := range r.sentences {
		b.WriteString("- " + r.sentence(s) + ": `" + s + " (ref=…)`\n")
	}
}

// cell is a text in a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "\n", " ").Replace(s)
}

func rolesPage() string {
	return generated + `# Roles

A role binding gives one of these roles to a principal, at one of the scopes where the role may be bound: the whole organization, its
environment, a cluster, or a resource (a topic, a group or a transactional id). A wider scope contains the narrower ones.

- A binding on a resource gives the operations on that type of resource only. One exception: DeveloperWrite on any topic gives
  IdempotentWrite on the cluster, which a producer with ` + "`enable.idempotence`" + ` needs.
- ` + "`*`" + ` at the end of a name stands for any rest, and alone for all names. Without it the name is exact.
- Roles only allow. What no binding allows is refused; the union counts when a client acts as several pools.
- Topics, groups and transactional ids that begin with ` + "`__klamm`" + ` are klamm's own, and Kafka's internal topics can be read and described
  by administrators only.

` + authz.RolesMarkdown()
}
