package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/klammhq/klamm/internal/testkit"
)

// TestReference keeps docs/reference: what can be read from the program is
// written by it.
func TestReference(t *testing.T) {
	for _, v := range []string{"KLAMM_OPS_URL", "KAFKA_CA_FILE"} { // whose values flags show as their defaults
		t.Setenv(v, "")
	}
	const pages = "go test ./internal/cli -run TestReference"
	testkit.KeepPage(t, "../../docs/reference/cli.md", pages, commandsPage())
	testkit.KeepPage(t, "../../docs/reference/configuration.md", pages, configurationPage(t))
	var sample string
	t.Run("sample", func(t *testing.T) { sample = sampleError(t) }) // in a folder of its own
	testkit.KeepPage(t, "../../docs/reference/errors.md", pages, errorsPage(t, sample))
}

// commandsPage is the tree of commands with all their flags.
func commandsPage() string {
	var b strings.Builder
	b.WriteString("# Commands and flags\n\n" +
		"`klamm COMMAND --help` says the same. `klamm --version` prints the version, `klamm completion SHELL` a script for bash, zsh, fish or\n" +
		"PowerShell. Exit codes are in [errors.md](errors.md#exit-codes).\n\n| command | |\n|---|---|\n")
	all := commands(newRoot(newPrinter(Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}), ""))
	for _, c := range all {
		b.WriteString("| [`" + c.CommandPath() + "`](#" + strings.ReplaceAll(c.CommandPath(), " ", "-") + ") | " + cell(c.Short) + " |\n")
	}
	for _, c := range all {
		b.WriteString("\n## " + c.CommandPath() + "\n\n" + c.Short + ".\n")
		if !c.HasSubCommands() || c.Flags().HasAvailableFlags() {
			b.WriteString("\n```\n" + c.UseLine() + "\n```\n")
		}
		if c.Long != "" && c.HasParent() {
			b.WriteString("\n" + strings.TrimSpace(c.Long) + "\n")
		}
		flagsOf(&b, c.NonInheritedFlags())
		if c.Example != "" {
			b.WriteString("\nExamples:\n\n```\n" + dedent(c.Example) + "\n```\n")
		}
	}
	return b.String()
}

// commands are c and all below it, each before its own.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			all = append(all, commands(below)...)
		}
	}
	return all
}

func flagsOf(b *strings.Builder, flags *pflag.FlagSet) {
	head := "\n| flag | takes | default | |\n|---|---|---|---|\n"
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		takes := map[string]string{"bool": "–", "stringArray": "string, again and again", "int": "number"}[f.Value.Type()]
		if takes == "" {
			takes = f.Value.Type()
		}
		standard := ""
		if !slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) {
			standard = "`" + f.DefValue + "`"
		}
		b.WriteString(head + "| " + name + " | " + takes + " | " + standard + " | " + cell(f.Usage) + " |\n")
		head = ""
	})
}

// dedent takes the two blanks from the lines of an example.
func dedent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}

// errorsPage lists the exit codes and the kinds of errors, in the words of
// their own comments.
func errorsPage(t *testing.T, sample string) string {
	var b strings.Builder
	b.WriteString("# Errors of klamm itself\n\nAn error of a command is a sentence on standard error that says where, what was wrong and what was expected, and a second line with the " +
		"mend:\n\n```\n" + sample + "```\n\n" +
		"Everything that is wrong with a configuration is said at once, one error for each fault. Why a *client* was refused is another matter: see\n" +
		"[Ways to be refused](../refusals.md).\n\n## Exit codes\n\n| code | means |\n|---|---|\n")
	for _, c := range constants(t, "cli.go", "exit") {
		if c.value == "0" && c.comment == "" {
			c.comment = "it went well"
		}
		b.WriteString("| " + c.value + " | " + cell(c.comment) + " |\n")
	}
	b.WriteString("\n`klamm lab -- CMD` returns the exit code of CMD.\n\n## Kinds\n\nEach error has a kind, by which surfaces choose an exit code or an HTTP status; logs show it.\n\n" +
		"| kind | means | exit code |\n|---|---|---|\n")
	usage := usageKinds(t)
	for _, c := range constants(t, "../fault/fault.go", "") {
		code := exitFailure
		if usage[c.name] {
			code = exitUsage
		}
		if c.comment == "" {
			c.comment = "as it says"
		}
		b.WriteString("| `" + strings.Trim(c.value, `"`) + "` | " + cell(c.comment) + " | " + strconv.Itoa(code) + " |\n")
	}
	return b.String()
}

// sampleError is what klamm check says of a misspelt key.
func sampleError(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("klamm.yaml", []byte("version: 1\nlisteners:\n  kafka:\n    adress: 127.0.0.1:9092\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if code := Run(t.Context(), []string{"check"}, Streams{In: strings.NewReader(""), Out: io.Discard, Err: &said}, ""); code != exitUsage {
		t.Fatalf("klamm check ended with %d: %s", code, said.String())
	}
	_, from, _ := strings.Cut(said.String(), "klamm: klamm.yaml:4:5:")
	lines := strings.SplitAfterN(from, "\n", 3)
	return "klamm: klamm.yaml:4:5:" + lines[0] + lines[1]
}

// usageKinds are the kinds that [Run] ends with exitUsage: those that it names.
func usageKinds(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "cli.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	ast.Inspect(function(file, "Run"), func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if of, ok := s.X.(*ast.Ident); ok && of.Name == "fault" && s.Sel.Name != "KindOf" {
				kinds[s.Sel.Name] = true
			}
		}
		return true
	})
	if len(kinds) == 0 {
		t.Fatal("Run names no kind")
	}
	return kinds
}

func function(file *ast.File, name string) ast.Node {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name {
			return f
		}
	}
	return file
}

type constant struct{ name, value, comment string }

// constants are those of a file whose names begin so, with their comments.
func constants(t *testing.T, path, prefix string) []constant {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []constant
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if value, ok := v.Values[0].(*ast.BasicLit); ok && strings.HasPrefix(v.Names[0].Name, prefix) {
				all = append(all, constant{v.Names[0].Name, value.Value, strings.TrimSpace(v.Comment.Text())})
			}
		}
	}
	if len(all) < 3 {
		t.Fatalf("%s has %d such constants", path, len(all))
	}
	return all
}

// cell is a text in a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "\n", " ").Replace(s)
}
