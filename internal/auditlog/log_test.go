package auditlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

func refusal(subjects ...string) audit.Record {
	return audit.Record{
		Event: audit.Event{
			ID: audit.NewReference(), SpecVersion: "1.0", Type: audit.TypeAuthentication,
			Data: audit.Data{Result: &audit.Result{Status: audit.Unauthenticated, Message: "expired"}},
		},
		Steps:    []iam.Step{{Name: "times", Saw: "saw-in-steps", Wanted: "later", Code: "expired"}},
		Subjects: subjects,
	}
}

func permission() audit.Record {
	return audit.Record{Event: audit.Event{
		ID: audit.NewReference(), SpecVersion: "1.0", Type: audit.TypeAuthorization,
		Data: audit.Data{AuthorizationInfo: &audit.AuthorizationInfo{Granted: true, Operation: "Read"}},
	}}
}

func open(t *testing.T, c auditlog.Config) *auditlog.Log {
	t.Helper()
	l, err := auditlog.Open(c)
	if err != nil {
		t.Fatal(fault.Detail(err))
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func record(t *testing.T, l *auditlog.Log, r audit.Record) audit.Record {
	t.Helper()
	if err := l.Record(context.Background(), r); err != nil {
		t.Fatal(fault.Detail(err))
	}
	return r
}

// lines decodes a file of events strictly: a member that the event does not
// have, such as steps, is an error.
func lines(t *testing.T, path string) []audit.Event {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []audit.Event
	for line := range bytes.Lines(b) {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		var e audit.Event
		if err := dec.Decode(&e); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		events = append(events, e)
	}
	return events
}

func TestRefusalIsOnDiskWhenRecordReturns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, auditlog.Config{File: path})
	record(t, l, permission())
	r := record(t, l, refusal("User:pool-a"))
	events := lines(t, path)
	if len(events) != 2 || events[1].ID != r.Event.ID {
		t.Fatalf("the file holds %d events, want the permission and the refusal in order", len(events))
	}
	for _, name := range []string{path, path + ".steps"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600 (%v)", name, info.Mode(), err)
		}
	}
}

func TestFoundByReferenceAndBySubject(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, auditlog.Config{File: path, Memory: 2})
	first := record(t, l, refusal("User:pool-a", "oid-1"))
	second := record(t, l, refusal("User:pool-a", "client-7"))
	for range 3 { // more than memory holds
		record(t, l, refusal("User:pool-b"))
	}
	check := func(l *auditlog.Log) {
		t.Helper()
		if got, ok := l.ByRef(first.Event.ID); !ok || got.Steps[0].Saw != "saw-in-steps" {
			t.Errorf("ByRef lost the steps: %+v, %v", got, ok)
		}
		for subject, want := range map[string]string{"User:pool-a": second.Event.ID, "oid-1": first.Event.ID, "client-7": second.Event.ID} {
			if got, ok := l.LastFor(subject); !ok || got.Event.ID != want {
				t.Errorf("LastFor(%q) = %s, %v, want %s", subject, got.Event.ID, ok, want)
			}
		}
		for _, nobody := range []string{"", "User:pool-c", "User:pool", `x"y`} {
			if _, ok := l.LastFor(nobody); ok {
				t.Errorf("LastFor(%q) found somebody", nobody)
			}
			if _, ok := l.ByRef(nobody); ok {
				t.Errorf("ByRef(%q) found something", nobody)
			}
		}
	}
	check(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check(open(t, auditlog.Config{File: path, Memory: 2})) // after a restart
}

func TestMemoryOnly(t *testing.T) {
	l := open(t, auditlog.Config{Memory: 2})
	old := record(t, l, refusal("User:pool-a"))
	record(t, l, refusal("User:pool-b"))
	last := record(t, l, refusal("User:pool-b"))
	record(t, l, permission())
	if _, ok := l.ByRef(old.Event.ID); ok {
		t.Error("memory is not bounded")
	}
	if _, ok := l.LastFor("User:pool-a"); ok {
		t.Error("a forgotten refusal is still found by its subject")
	}
	if got, ok := l.LastFor("User:pool-b"); !ok || got.Event.ID != last.Event.ID {
		t.Errorf("LastFor = %v, %v", got, ok)
	}
}

func TestRotationLosesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.jsonl")
	l := open(t, auditlog.Config{File: path, Rotate: 2000})
	want := map[string]bool{}
	for range 40 {
		want[record(t, l, refusal("User:pool-a")).Event.ID] = true
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "audit.jsonl*"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() > 2000 {
			t.Errorf("%s: %d bytes, mode %v, %v", f, info.Size(), info.Mode(), err)
		}
		if strings.Contains(f, ".steps") {
			continue
		}
		n++
		for _, e := range lines(t, f) {
			delete(want, e.ID)
		}
	}
	if n < 4 || len(want) != 0 {
		t.Errorf("%d files of events, %d events lost", n, len(want))
	}
}

func TestCutLineIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for _, name := range []string{path, path + ".steps"} {
		if err := os.WriteFile(name, []byte(`{"id":"cut by a cra`), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, auditlog.Config{File: path})
	r := record(t, l, refusal("User:pool-a"))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if parts := strings.Split(string(b), "\n"); len(parts) != 3 || !strings.Contains(parts[1], r.Event.ID) {
		t.Errorf("the event does not stand on a line of its own: %q", b)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := open(t, auditlog.Config{File: path}).ByRef(r.Event.ID); !ok {
		t.Error("a cut line hides the ones after it")
	}
}

// A full disk is said, and the refusal can still be explained.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	l := open(t, auditlog.Config{File: path})
	r := refusal("User:pool-a")
	err := l.Record(context.Background(), r)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Record = %v, want a fault of kind unavailable", err)
	}
	if _, ok := l.ByRef(r.Event.ID); !ok {
		t.Error("the refusal cannot be explained")
	}
	// What is allowed does not wait for the disk, and is said to be lost.
	if err := l.Record(context.Background(), permission()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a permission on a full disk: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := auditlog.Open(auditlog.Config{File: filepath.Join(t.TempDir(), "missing", "audit.jsonl")})
	if fault.KindOf(err) != fault.Unavailable || fault.HintOf(err) == "" {
		t.Errorf("Open = %v, want a fault with a hint", err)
	}
}

func TestClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, auditlog.Config{File: path})
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Record(context.Background(), refusal()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Record after Close = %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// What is queued when the log closes is either on the disk or said not to be.
func TestCloseUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, auditlog.Config{File: path})
	var mu sync.Mutex
	kept := map[string]bool{}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 8 {
				r := refusal(fmt.Sprint("client-", i, j))
				if l.Record(context.Background(), r) == nil {
					mu.Lock()
					kept[r.Event.ID] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Go(func() { _ = l.Close() })
	wg.Wait()
	for _, e := range lines(t, path) {
		delete(kept, e.ID)
	}
	if len(kept) != 0 {
		t.Errorf("%d events were said to be kept and are not", len(kept))
	}
}

func TestNoOtherFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, auditlog.Config{File: filepath.Join(dir, "audit.jsonl")})
	record(t, l, refusal("User:pool-a"))
	var names []string
	_ = fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			names = append(names, p)
		}
		return nil
	})
	if got := strings.Join(names, " "); got != "audit.jsonl audit.jsonl.steps" {
		t.Errorf("files: %s", got)
	}
}

func BenchmarkRecordRefusals(b *testing.B) {
	l, err := auditlog.Open(auditlog.Config{File: filepath.Join(b.TempDir(), "audit.jsonl")})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := l.Record(context.Background(), refusal("User:pool-a")); err != nil {
				b.Error(err)
			}
		}
	})
}
