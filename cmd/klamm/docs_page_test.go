package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the checkout, seen from this package.
const root = "../.."

// block is a fenced block of a page. Its info string is a language and perhaps
// one more word: "fails" after sh, "sketch" after go for what is no excerpt of an
// example, the name of a file after other languages.
type block struct {
	page       string // relative to the checkout, with slashes
	line       int    // of the fence
	lang, word string
	text       string
}

// first is the first line, by which tables name a block.
func (b block) first() string {
	line, _, _ := strings.Cut(b.text, "\n")
	return line
}

// documents are the pages whose blocks are read, by their names relative to the
// checkout. docs/reference is made from what it describes.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	add := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.ToSlash(name)] = string(text)
	}
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		add(filepath.Join(root, name))
	}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			add(path)
		}
		return err
	})
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages were found: %v", len(pages), err)
	}
	return pages
}

// blocksOf finds the fenced blocks of a page. A fence may be indented, as in a
// list; its lines lose the same indentation.
func blocksOf(page, text string) []block {
	var all []block
	var open *block
	var indent string
	for i, line := range strings.Split(text, "\n") {
		bare := strings.TrimLeft(line, " ")
		info, fence := strings.CutPrefix(bare, "```")
		switch {
		case open == nil && fence:
			indent = line[:len(line)-len(bare)]
			lang, word, _ := strings.Cut(info, " ")
			open = &block{page: page, line: i + 1, lang: lang, word: word}
		case open != nil && fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return all
}

// allBlocks are those of all pages, in order.
func allBlocks(t *testing.T) []block {
	pages := documents(t)
	var names []string
	for name := range pages {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []block
	for _, name := range names {
		all = append(all, blocksOf(name, pages[name])...)
	}
	return all
}

// languages are all there are, and who looks at them.
var languages = map[string]string{
	"":           "nobody: output, and drawings",
	"sh":         "TestDocuments",
	"text":       "TestDocuments, as the output of the sh block before it",
	"yaml":       "TestDocumentsYAML",
	"json":       "TestFilterPage",
	"go":         "TestDocumentsGo",
	"properties": "TestClientSettings",
	"python":     "TestClientSettings; run by interop",
	"javascript": "TestClientSettings; run by interop",
	"csharp":     "TestClientSettings",
	"java":       "TestClientSettings",
}

func TestDocumentsLanguages(t *testing.T) {
	for _, b := range allBlocks(t) {
		if languages[b.lang] == "" {
			t.Errorf("%s:%d: nobody looks at blocks of language %q", b.page, b.line, b.lang)
		}
	}
}
