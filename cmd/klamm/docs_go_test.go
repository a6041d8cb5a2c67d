package main

import (
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentsGo wants Go blocks to be formatted, and those of docs/clients to
// be an excerpt of one of the examples, which are compiled and run.
func TestDocumentsGo(t *testing.T) {
	var examples []string
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			text, _ := os.ReadFile(path)
			examples = append(examples, string(text))
		}
		return err
	})
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, b := range allBlocks(t) {
		if b.lang != "go" {
			continue
		}
		formatted, err := format.Source([]byte(b.text))
		if err != nil || string(formatted) != b.text {
			t.Errorf("%s:%d: not formatted Go: %v", b.page, b.line, err)
		}
		if strings.HasPrefix(b.page, "docs/clients/") && b.word == "" && !excerpt(b.text, examples) {
			t.Errorf("%s:%d: this is in none of the examples", b.page, b.line)
		}
	}
}

// excerpt reports whether one of texts holds the lines of part, in order.
func excerpt(part string, texts []string) bool {
	for _, text := range texts {
		rest, found := strings.Split(text, "\n"), true
		for line := range strings.Lines(part) {
			line, i := strings.TrimSpace(line), 0
			for line != "" && i < len(rest) && strings.TrimSpace(rest[i]) != line {
				i++
			}
			if found = i < len(rest); !found {
				break
			}
			rest = rest[i:]
		}
		if found {
			return true
		}
	}
	return false
}
