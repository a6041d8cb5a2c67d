package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// block is a fenced block of a document: its language and its text.
var block = regexp.MustCompile("(?ms)^```(\\w*)\\n(.*?)^```$")

// TestServeDocument checks the configuration that docs/serve.md shows, as a
// reader would who pastes it.
func TestServeDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	var yaml []string
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		if m[1] == "yaml" {
			yaml = append(yaml, m[2])
		}
	}
	if len(yaml) != 2 || !strings.HasPrefix(yaml[1], "# identity/orders.yaml") {
		t.Fatalf("docs/serve.md has %d yaml blocks; expected klamm.yaml and identity/orders.yaml", len(yaml))
	}
	dir := t.TempDir()
	script := "cert tls/klamm.crt tls/klamm.key\ncert tls/kafka.crt unused.key\nexec klamm check -c klamm.yaml\nstdout 'klamm.yaml is good'\n" +
		"-- klamm.yaml --\n" + yaml[0] + "-- identity/orders.yaml --\n" + yaml[1] +
		"-- tls/.keep --\n-- secrets/kafka --\nsecret\n"
	if err := os.WriteFile(filepath.Join(dir, "serve.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, Cmds: commands})
}

// TestDocumentsNameWhatExists looks for every flag of `klamm …` that a document
// shows in the command's own help.
func TestDocumentsNameWhatExists(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	files = append(files, "../../README.md")
	command := regexp.MustCompile("klamm ((?:lab|serve|check|explain)(?: [a-z]+)*)((?: [^\n`|]*)?)")
	flag := regexp.MustCompile(`(?:^|\s)(--[a-z][a-z-]+)`)
	seen := map[string]bool{}
	script := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			ours, _, _ := strings.Cut(m[2], " -- ")
			for _, f := range flag.FindAllStringSubmatch(ours, -1) {
				if key := m[1] + f[1]; !seen[key] {
					seen[key] = true
					script += "exec klamm " + m[1] + " --help\nstdout '" + f[1] + "'\n"
				}
			}
		}
	}
	if len(seen) < 5 {
		t.Fatalf("only %d flags were found in %d documents: the search is broken", len(seen), len(files))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flags.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, Cmds: commands})
}
