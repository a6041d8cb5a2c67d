package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestFaultInTheLastLine: what is wrong with the last line alone of klamm.yaml,
// of the identity documents or of the lab's world is told with its place, and
// nothing was started: nobody was dialled, no file was written.
func TestFaultInTheLastLine(t *testing.T) {
	provider := newIDP(t)
	whole := func(behind string) setup {
		s := newSetup(t).with("127.0.0.1:1", behind)
		s.identity = strings.ReplaceAll(s.identity, "KEYS", provider.url+"/keys")
		s.log = &lockedBuffer{}
		return s
	}
	address, dialled := dialCounter(t)
	err := whole(address).serve(t, func(string) {
		end := time.After(patience)
		for tick := time.Tick(time.Millisecond); dialled.Load() == 0; {
			select {
			case <-tick:
			case <-end:
				t.Error("the cluster behind does not see a start, so that the test is blind")
				return
			}
		}
	})
	if err != nil {
		t.Fatalf("without the fault: %v", err)
	}

	address, dialled = dialCounter(t)
	for name, c := range map[string]struct {
		spoil func(*setup) (text *string, file string)
		last  string
		want  string
	}{
		"klamm.yaml, unknown key": {yamlOf, "colour: blue", `"colour"`},
		"klamm.yaml, no YAML":     {yamlOf, "}", ""},
		"klamm.yaml, key twice":   {yamlOf, "version: 1", "version"},
		"documents, unknown kind": {documentsOf, "---\n{kind: Pool}", "Pool"},
		"documents, bad filter":   {documentsOf, "---\n{kind: IdentityPool, id: pool-last, provider: op-main, filter: 'claims.a = 1'}", "pool-last"},
		"documents, no provider":  {documentsOf, "---\n{kind: IdentityPool, id: pool-last, provider: op-gone, filter: 'claims.a == 1'}", "op-gone"},
		"documents, unknown role": {documentsOf, "---\n{kind: RoleBinding, principal: \"User:pool-orders\", role: Developer, on: {cluster: lkc-test, topic: x}}", "Developer"},
	} {
		s := whole(address)
		text, file := c.spoil(&s)
		*text = strings.TrimRight(*text, "\n") + "\n" + c.last + "\n"
		place := fmt.Sprintf("%s:%d:", filepath.Join(s.dir, file), strings.Count(*text, "\n"))
		err := s.serve(t, func(string) { t.Errorf("%s: it serves", name) })
		if err == nil || !strings.Contains(err.Error(), place) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nexpected %q at %s", name, err, c.want, place)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "audit.jsonl")); !os.IsNotExist(err) {
			t.Errorf("%s: the audit file: %v", name, err)
		}
		if text := s.log.String(); strings.Contains(text, "listen") {
			t.Errorf("%s: the log says %s", name, text)
		}
	}
	if dialled.Load() != 0 || provider.hits.Load() != 0 {
		t.Errorf("the cluster behind was dialled %d times, the provider asked %d times", dialled.Load(), provider.hits.Load())
	}
}

// dialCounter is an address that counts who dials it.
func dialCounter(t *testing.T) (address string, dialled *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	dialled = new(atomic.Int64)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			_ = c.Close()
		}
	}()
	return ln.Addr().String(), dialled
}

func yamlOf(s *setup) (*string, string)      { return &s.yaml, "klamm.yaml" }
func documentsOf(s *setup) (*string, string) { return &s.identity, "identity/documents.yaml" }

// TestWorldFaultInTheLastLine is the same of the lab.
func TestWorldFaultInTheLastLine(t *testing.T) {
	builtIn, err := os.ReadFile("../lab/lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimRight(string(builtIn), "\n") + "\n"
	lines := strings.Count(text, "\n")
	_, identity, _ := strings.Cut(text, "identity: |\n")
	for name, c := range map[string]struct{ last, place, want string }{
		"unknown key": {"colour: blue\n", fmt.Sprintf("world.yaml:%d:1", lines+1), `"colour"`},
		"no YAML":     {"\t}", fmt.Sprintf("world.yaml:%d:", lines+1), ""},
		"a document":  {"  ---\n  {kind: Pool}\n", fmt.Sprintf("identity:%d:", strings.Count(identity, "\n")+2), "Pool"},
	} {
		path, temporary := filepath.Join(t.TempDir(), "world.yaml"), t.TempDir()
		t.Setenv("TMPDIR", temporary)
		if err := os.WriteFile(path, []byte(text+c.last), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := StartLab(t.Context(), LabOptions{World: path})
		if err == nil {
			_ = l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.place) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nexpected %q at %s", name, err, c.want, c.place)
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
			t.Errorf("%s: left are %v, %v", name, left, err)
		}
	}
}
