package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// elsewhere lists the sh blocks that a Go test cannot run: what they need, and
// who runs them. A row with a tool is run here too when its variable says where
// the tool is; interop says so.
var elsewhere = []struct{ page, first, tool, why, instead string }{
	{"README.md", "make lab", "", "make and minutes: CI runs make test, and make interop builds and starts the lab", ""},
	{"CONTRIBUTING.md", "go test ./internal/cli", "", "it writes pages: TestReference and TestGeneratedPages say when it must be run", ""},
	{"docs/tutorial.md", "git clone", "", "network: CI begins with a clone", ""},
	{"docs/tutorial.md", "python3 -m venv", "", "network: interop makes its own environment of the same package", ""},
	{"docs/tutorial.md", "app() { .venv/bin/python", "python", "Python: interop, by DOCS_PYTHON", "app() { go run"},
	{"docs/lab.md", "klamm lab   ", "", "an overview of forms that stay up: testdata/script/lab.txtar runs each", ""},
	{"docs/clients/python.md", ".venv/bin/python", "python", "Python: interop, by DOCS_PYTHON", ""},
	{"docs/clients/javascript.md", "node", "node", "Node: interop, by DOCS_NODE", ""},
	{"docs/clients/java.md", "export KAFKA_OPTS", "java", "Java: interop, by DOCS_KAFKA", ""},
	{"docs/serve.md", "klamm serve", "", "a Kafka cluster: interop, scenario serve", ""},
}

// tools are what a row of elsewhere may need.
var tools = map[string]struct {
	variable string                            // says where it is
	link     string                            // the name by which the page finds it in its folder
	script   func(at string) (path, sh string) // in place of a link
}{
	"python": {variable: "DOCS_PYTHON", link: ".venv"},      // a virtual environment with confluent-kafka
	"node":   {variable: "DOCS_NODE", link: "node_modules"}, // a folder node_modules with kafkajs
	"java":   {variable: "DOCS_KAFKA", script: kafkaTopics}, // a folder with the jars of Apache Kafka
}

// kafkaTopics is the tool of that name, with the lab's authority in the trust
// store of the virtual machine: token endpoints of real life are of public ones.
func kafkaTopics(jars string) (path, sh string) {
	return "kafka_2.13-4.3.1/bin/kafka-topics.sh", `#!/bin/sh
[ -e trust.p12 ] || keytool -importcert -noprompt -alias lab -file "$KAFKA_CA_FILE" -keystore trust.p12 -storetype PKCS12 -storepass changeit 2>/dev/null
exec java $KAFKA_OPTS -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit -cp '` + jars + `/*' org.apache.kafka.tools.TopicCommand "$@"
`
}

// begins are pages whose blocks need something before the first one.
var begins = map[string]func(*testing.T, *session){
	"docs/lab.md":                labIsUp,
	"docs/explain.md":            somebodyWasRefused,
	"docs/serve.md":              filesOfServe,
	"docs/clients/go.md":         labOfAppService,
	"docs/clients/java.md":       labIsUp,
	"docs/clients/javascript.md": labIsUp,
	"docs/clients/python.md":     labIsUp,
}

// TestDocuments runs the sh blocks of every page in order, as a reader who
// follows it from the top. A block "sh fails" ends with an error; a text block
// is what the sh block before it prints; a block with the name of a file is
// that file.
func TestDocuments(t *testing.T) {
	t.Parallel()
	used := map[int]bool{}
	all := allBlocks(t)
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].page == all[0].page {
			n++
		}
		page := all[:n]
		all = all[n:]
		run := make([]bool, n)
		var any bool
		for i, b := range page {
			if b.lang == "sh" {
				row := rowOf(b)
				if row >= 0 {
					used[row] = true
				}
				run[i] = row < 0 && !replaced(b) || row >= 0 && has(elsewhere[row].tool)
				any = any || run[i]
			}
		}
		if any {
			t.Run(strings.TrimSuffix(page[0].page, ".md"), func(t *testing.T) {
				t.Parallel()
				follow(t, page, run)
			})
		}
	}
	for i, row := range elsewhere {
		if !used[i] {
			t.Errorf("%s has no sh block that begins with %q: take its row away", row.page, row.first)
		}
	}
}

func rowOf(b block) int {
	for i, row := range elsewhere {
		if row.page == b.page && strings.HasPrefix(b.first(), row.first) {
			return i
		}
	}
	return -1
}

// has reports whether it was said where a tool is.
func has(tool string) bool { return tool != "" && os.Getenv(tools[tool].variable) != "" }

// replaced reports whether another block runs instead of b.
func replaced(b block) bool {
	for _, row := range elsewhere {
		if row.page == b.page && row.instead != "" && strings.HasPrefix(b.first(), row.instead) && has(row.tool) {
			return true
		}
	}
	return false
}

// follow runs the blocks of a page for which run is set.
func follow(t *testing.T, page []block, run []bool) {
	s := newSession(t, page[0].page)
	for _, tool := range tools {
		at := os.Getenv(tool.variable)
		switch {
		case at == "":
		case tool.script != nil:
			path, sh := tool.script(at)
			s.save(t, block{word: path, text: sh})
			if err := os.Chmod(filepath.Join(s.dir, path), 0o755); err != nil {
				t.Fatal(err)
			}
		default:
			if err := os.Symlink(at, filepath.Join(s.dir, tool.link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if begin := begins[s.page]; begin != nil {
		begin(t, s)
	}
	for i, b := range page {
		switch {
		case b.lang == "sh" && run[i]:
			said := s.run(t, b)
			if i+1 < len(page) && page[i+1].lang == "text" {
				s.expect(t, page[i+1], said)
			}
		case b.lang == "text" && (i == 0 || page[i-1].lang != "sh"):
			t.Errorf("%s:%d: a text block is the output of the sh block before it, and there is none", b.page, b.line)
		case b.lang != "sh" && strings.Contains(b.word, "."):
			s.save(t, b)
		}
	}
}

// labIsUp is a page that talks to a running lab, with its settings in the shell.
func labIsUp(t *testing.T, s *session) {
	s.run(t, block{page: s.page, lang: "sh", text: "klamm lab --env-file lab.env\nset -a\n. ./lab.env\nset +a\n"})
}

// labOfAppService is a page whose shell has what the lab prints for Azure's SDKs, too.
func labOfAppService(t *testing.T, s *session) {
	labIsUp(t, s)
	s.run(t, block{page: s.page, lang: "sh", text: "grep -o 'IDENTITY_[A-Z]*=.*' " + labOutput + " >identity.env\nset -a\n. ./identity.env\nset +a\n"})
}

// somebodyWasRefused is a page about a reference.
func somebodyWasRefused(t *testing.T, s *session) {
	labIsUp(t, s)
	s.run(t, block{page: s.page, lang: "sh", word: "fails", text: "KAFKA_IDENTITY_POOL_ID=pool-reports go run ./examples/orders"})
	s.run(t, block{page: s.page, lang: "sh", word: "fails", text: "KAFKA_TOPIC=payroll go run ./examples/orders"})
}

// filesOfServe are what klamm.yaml names besides the identity documents.
func filesOfServe(t *testing.T, s *session) {
	s.save(t, block{word: "secrets/kafka", text: "not-a-secret\n"})
	for cert, key := range map[string]string{"klamm.crt": "klamm.key", "kafka.crt": "unused.key"} {
		if err := writeCertificate(filepath.Join(s.dir, "tls", cert), filepath.Join(s.dir, "tls", key), "kafka.example.com"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocumentsToolsAreKnown keeps the tables in line with each other.
func TestDocumentsToolsAreKnown(t *testing.T) {
	for _, row := range elsewhere {
		if _, known := tools[row.tool]; row.tool != "" && !known || row.why == "" {
			t.Errorf("%s %q: the tool %q is unknown, or it is not said why", row.page, row.first, row.tool)
		}
	}
	for page := range begins {
		if !slices.ContainsFunc(allBlocks(t), func(b block) bool { return b.page == page }) {
			t.Errorf("%s has no blocks", page)
		}
	}
}
