package main

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/cli"
	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/lab"
)

// others are the YAML files on pages that are not klamm's.
var others = map[string]bool{"application.yaml": true}

// TestDocumentsYAML reads every YAML block as klamm does. Those named
// identity/….yaml of a page are one folder; klamm.yaml is the page's own, or a
// plain one; world.yaml is a lab's world.
func TestDocumentsYAML(t *testing.T) {
	pages := map[string][]block{}
	for _, b := range allBlocks(t) {
		if b.lang != "yaml" {
			continue
		}
		if _, err := config.Parse(b.word, []byte(b.text)); err != nil {
			t.Errorf("%s:%d: %v", b.page, b.line, err)
		}
		switch {
		case b.word == "klamm.yaml", path.Dir(b.word) == "identity":
			pages[b.page] = append(pages[b.page], b)
		case b.word == "world.yaml":
			file := filepath.Join(t.TempDir(), b.word)
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := lab.LoadWorld(file); err != nil {
				t.Errorf("%s:%d: %v", b.page, b.line, err)
			}
		case !others[b.word]:
			t.Errorf("%s:%d: a yaml block without the name of its file: klamm.yaml, identity/NAME.yaml or world.yaml", b.page, b.line)
		}
	}
	for page, blocks := range pages {
		t.Run(strings.TrimSuffix(page, ".md"), func(t *testing.T) { checkFolder(t, blocks) })
	}
}

// plainConfiguration is for pages that show identity documents only.
const plainConfiguration = `version: 1
listeners:
  kafka:
    address: ":9092"
    tls: {cert: tls/klamm.crt, key: tls/klamm.key}
    brokers: {host: kafka.example.com, ports: 9093-9192}
  ops: 127.0.0.1:9644
clusters:
  lkc-orders: {bootstrap: ["127.0.0.1:9092"]}
identity: {files: ./identity}
audit: {file: audit.jsonl}
`

// unbound pools are on pages that are not about roles.
var unbound = regexp.MustCompile(`warning: .* has no role binding, .*\n.*\n`)

// checkFolder wants klamm check to find the files of a page good, and nothing
// risky in them.
func checkFolder(t *testing.T, blocks []block) {
	s := &session{dir: t.TempDir()}
	s.save(t, block{word: "klamm.yaml", text: plainConfiguration})
	s.save(t, block{word: "identity/.keep"})
	filesOfServe(t, s)
	organization := "{kind: Organization, id: 6a4e3a2c-0b0f-4a65-9a4e-3f1d5d0c7e21, environment: env-prod}\n"
	for _, b := range blocks {
		s.save(t, b)
		if strings.Contains(b.text, "kind: Organization") {
			organization = ""
		}
	}
	s.save(t, block{word: "identity/organization-of-the-page.yaml", text: organization})
	var out, problems bytes.Buffer
	args := []string{"check", "-c", filepath.Join(s.dir, "klamm.yaml")}
	if code := cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &problems}, "test"); code != 0 || len(unbound.ReplaceAll(problems.Bytes(), nil)) > 0 {
		t.Errorf("klamm check ended with %d:\n%s", code, problems.String())
	}
}
