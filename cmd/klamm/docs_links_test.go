package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inline  = regexp.MustCompile("`[^`\n]*`")
)

// TestDocumentsLinks wants every relative link to lead to a file that is there,
// and every anchor to a heading.
func TestDocumentsLinks(t *testing.T) {
	pages := documents(t)
	linked, headings := map[string]bool{"README.md": true}, map[string]map[string]bool{}
	for page, text := range pages {
		headings[page] = anchors(text)
	}
	for page, text := range pages {
		prose := inline.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := page
			if target != "" {
				to = path.Join(path.Dir(page), target)
				linked[to] = true
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
			} else if anchor != "" && !headings[to][anchor] {
				t.Errorf("%s: %s has no heading #%s", page, to, anchor)
			}
		}
	}
	for page := range pages {
		if !linked[page] && page != "CHANGELOG.md" {
			t.Errorf("no page leads to %s", page)
		}
	}
}

// anchors are those that GitHub makes of headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		title := link.ReplaceAllStringFunc(m[1], func(s string) string { return s[1:strings.Index(s, "]")] })
		all[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, title)] = true
	}
	return all
}

// TestDocumentsNameWhatExists looks for every flag of `klamm …` that a page
// shows in the reference, which is made from the commands themselves.
func TestDocumentsNameWhatExists(t *testing.T) {
	pages := documents(t)
	flags := referenceFlags(t, pages["docs/reference/cli.md"])
	command := regexp.MustCompile("\\bklamm((?: [a-z][a-z-]*)*)((?: [^\n`|]*)?)")
	flag := regexp.MustCompile(`(?:^|\s)(--[a-z][a-z-]+|-c\b)`)
	found := 0
	for page, text := range pages {
		for _, m := range command.FindAllStringSubmatch(strings.ReplaceAll(text, "\\\n", " "), -1) {
			words := strings.Fields(m[1])
			for len(words) > 0 && flags[strings.Join(words, " ")] == nil {
				words = words[:len(words)-1] // arguments, or prose
			}
			ours, _, _ := strings.Cut(m[2], " -- ")
			for _, f := range flag.FindAllStringSubmatch(ours, -1) {
				if len(words) == 0 || f[1] == "--help" {
					continue
				}
				found++
				if !flags[strings.Join(words, " ")][f[1]] {
					t.Errorf("%s: klamm %s has no flag %s: %s", page, strings.Join(words, " "), f[1], strings.TrimSpace(m[0]))
				}
			}
		}
	}
	if found < 20 {
		t.Fatalf("only %d flags were found: the search is broken", found)
	}
}

// referenceFlags are the flags of each command by its words after klamm.
func referenceFlags(t *testing.T, text string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, section := range strings.Split(text, "\n## klamm ")[1:] {
		name, rest, _ := strings.Cut(section, "\n")
		all[name] = map[string]bool{}
		for _, m := range regexp.MustCompile("(?m)^\\| (?:`(-\\w)`, )?`(--[a-z-]+)` \\|").FindAllStringSubmatch(rest, -1) {
			all[name][m[1]], all[name][m[2]] = true, true
		}
	}
	if len(all) < 10 {
		t.Fatalf("docs/reference/cli.md has %d commands", len(all))
	}
	return all
}
