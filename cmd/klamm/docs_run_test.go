package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// session is the shell that runs the blocks of one page, one after the other,
// in a folder that looks like a fresh clone in which `make build` has run.
type session struct {
	dir     string
	page    string
	in      io.WriteCloser
	out     *bufio.Reader
	blocks  int
	lastRef string
}

// clone is what of the checkout pages name.
var clone = []string{"go.mod", "go.sum", "Makefile", "cmd", "docs", "examples", "internal", "klammtest", "testdata", "token"}

// patience is how long a whole page may take.
const patience = 2 * time.Minute

func newSession(t *testing.T, page string) *session {
	s := &session{dir: t.TempDir(), page: page}
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range clone {
		if err := os.Symlink(filepath.Join(checkout, name), filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(s.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(bin, "klamm")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	shell := exec.CommandContext(ctx, "sh")
	shell.Dir, shell.Env, shell.WaitDelay = s.dir, environment(bin), 5*time.Second
	out, w := io.Pipe()
	shell.Stdout, shell.Stderr = w, w
	if s.in, err = shell.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { w.CloseWithError(shell.Wait()); close(ended) }()
	s.out = bufio.NewReader(out)
	t.Cleanup(func() { endLab(s.dir); s.in.Close(); out.Close(); cancel(); <-ended })
	return s
}

// environment is the reader's: without what a lab would have set. Go programs
// are built without the paths of the folder, so that they are built once.
func environment(bin string) []string {
	env := []string{pageVariable + "=1", "NO_COLOR=1", "GORACE=" + atOnce, "GOFLAGS=-trimpath", "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !regexp.MustCompile(`^(PATH|GOFLAGS|KAFKA_|AZURE_|IMDS_|IDENTITY_|OAUTH_|OKTA_|JWKS_|KLAMM_)`).MatchString(name) {
			env = append(env, v)
		}
	}
	return env
}

// save writes a block that is shown as a file.
func (s *session) save(t *testing.T, b block) {
	t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(b.word))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(s.asItIs(b.text)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a block as it stands, but for the ports of the lab and the
// references of refusals, and returns what it printed.
func (s *session) run(t *testing.T, b block) string {
	t.Helper()
	s.blocks++
	text := "set -e\n" + s.asItIs(b.text)
	if b.word == "fails" {
		text = "if ( " + s.asItIs(b.text) + " ); then echo 'it did not fail'; exit 1; fi\n"
	}
	script, mark := fmt.Sprintf(".block%d.sh", s.blocks), fmt.Sprintf("--- block %d has ended ---", s.blocks)
	if err := os.WriteFile(filepath.Join(s.dir, script), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(s.in, ". ./%s </dev/null\necho\necho '%s'\n", script, mark)
	var said bytes.Buffer
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			t.Fatalf("%s:%d: a command of this block failed (%v):\n%s\nit said:\n%s%s", s.page, b.line, err, b.text, said.String(), line)
		}
		if strings.TrimSuffix(line, "\n") == mark {
			break
		}
		said.WriteString(line)
	}
	if refs := reference.FindAllStringSubmatch(said.String(), -1); refs != nil {
		s.lastRef = refs[len(refs)-1][1]
	}
	return said.String()
}

var (
	reference     = regexp.MustCompile(`ref=([0-9a-f]{32})`)
	referenceWord = regexp.MustCompile(`\bREF\b|\b5f0c9d3e8a6b4c1f9e2d7a5b3c8f1e60\b`) // as pages write it
	portWord      = regexp.MustCompile(`:(\d{4})\b`)
)

func (s *session) asItIs(text string) string {
	ports := portsOf(s.dir)
	if strings.HasPrefix(s.page, clientPages) {
		text = specimens(text, settingsOf(s.dir), s.dir)
	}
	text = portWord.ReplaceAllStringFunc(text, func(word string) string {
		if is := ports[word[1:]]; is != "" {
			return ":" + is
		}
		return word
	})
	if s.lastRef != "" {
		text = referenceWord.ReplaceAllString(text, s.lastRef)
	}
	return text
}

// expect wants the lines of a text block in what was said, in this order; …
// stands for anything, and blanks do not count.
func (s *session) expect(t *testing.T, b block, said string) {
	t.Helper()
	rest := strings.Split(said, "\n")
	for line := range strings.Lines(s.asItIs(b.text)) {
		line = squeeze(line)
		if line == "" || line == "…" {
			continue
		}
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$")
		i := 0
		for i < len(rest) && !pattern.MatchString(squeeze(rest[i])) {
			i++
		}
		if i == len(rest) {
			t.Fatalf("%s:%d: the page shows\n  %s\nand what was said is\n%s", s.page, b.line, line, said)
		}
		rest = rest[i+1:]
	}
}

func squeeze(line string) string { return strings.Join(strings.Fields(line), " ") }
