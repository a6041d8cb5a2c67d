package jwt_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/jwt"
)

// TestKeyFile: a restart while the provider is down finds the last good keys,
// for what is left of their 24 hours.
func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, file, fresh("a", "b")...)
		has(t, r, "a")
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, mode %v", err, info.Mode())
		}
		p.down()
		pass(23 * time.Hour)
		r = again(t, p, file)
		has(t, r, "a")
		has(t, r, "b")
		if r.Version() != 1 || r.Status().CacheError != "" {
			t.Errorf("status %+v", r.Status())
		}
		pass(time.Hour)
		lacks(t, r, "a", jwt.NoKeys)
		lacks(t, again(t, p, file), "a", jwt.NoKeys)
	})
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

// TestKeyFileIsAskedFor: keys of the file are no reason not to ask.
func TestKeyFileIsAskedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	synctest.Test(t, func(t *testing.T) {
		k := fresh("removed", "kept")
		r, p := remote(t, file, k...)
		has(t, r, "removed")
		p.publish(k[1])
		lacks(t, again(t, p, file), "removed", jwt.UnknownKey)
	})
}

func TestKeyFileRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(file string, text []byte) error
		want  string
	}{
		"readable by the group": {func(file string, _ []byte) error { return os.Chmod(file, 0o640) }, "0600"},
		"writable by others":    {func(file string, _ []byte) error { return os.Chmod(file, 0o602) }, "0600"},
		"a folder":              {func(file string, _ []byte) error { _ = os.Remove(file); return os.Mkdir(file, 0o700) }, "regular"},
		"cut":                   {func(file string, text []byte) error { return os.WriteFile(file, text[:len(text)/2], 0o600) }, "not what"},
		"empty":                 {func(file string, _ []byte) error { return os.WriteFile(file, nil, 0o600) }, "not what"},
		"of another URL":        {replace("id.example", "id.other"), "another address"},
		"of the future":         {replace(`"2000-`, `"2001-`), "future"},
		"without a set":         {replace(`"keys"`, `"locks"`), "no key set"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "keys.json")
			synctest.Test(t, func(t *testing.T) {
				r, p := remote(t, file, fresh("a")...)
				has(t, r, "a")
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.spoil(file, text); err != nil {
					t.Fatal(err)
				}
				p.down()
				r = again(t, p, file)
				lacks(t, r, "a", jwt.NoKeys)
				if got := r.Status().CacheError; !strings.Contains(got, c.want) {
					t.Errorf("status %q, want %q", got, c.want)
				}
			})
		})
	}
}

func replace(old, with string) func(string, []byte) error {
	return func(file string, text []byte) error {
		return os.WriteFile(file, []byte(strings.Replace(string(text), old, with, 1)), 0o600)
	}
}

// TestKeyFileUnwritable: the keys work without their file.
func TestKeyFileUnwritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := remote(t, filepath.Join(t.TempDir(), "absent", "keys.json"), fresh("a")...)
		has(t, r, "a")
		if r.Status().CacheError == "" {
			t.Error("the status hides that the file cannot be written")
		}
	})
}
