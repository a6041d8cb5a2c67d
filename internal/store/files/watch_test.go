package files_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/store/files"
	"github.com/klammhq/klamm/internal/store/storetest"
)

// yaml writes a snapshot as people would.
func yaml(s *iam.Snapshot) string {
	q := strconv.Quote
	var b strings.Builder
	fmt.Fprintf(&b, "{kind: Organization, id: %s, environment: %s}\n", s.Organization.ID, s.Organization.Environment)
	for _, p := range s.Providers {
		fmt.Fprintf(&b, "---\n{kind: IdentityProvider, id: %s, display_name: %s, description: %s, issuer: %s, jwks_uri: %s, require_audience: %t, identity_claim: %s, disabled: %t, audiences: [%s]}\n",
			p.ID, q(p.DisplayName), q(p.Description), q(p.Issuer), q(p.JWKSURI), p.RequireAudience, q(p.IdentityClaim), p.Disabled, strings.Join(p.Audiences, ", "))
	}
	for _, p := range s.Pools {
		fmt.Fprintf(&b, "---\n{kind: IdentityPool, id: %s, provider: %s, display_name: %s, description: %s, identity_claim: %s, filter: %s, disabled: %t}\n",
			p.ID, p.Provider, q(p.DisplayName), q(p.Description), q(p.IdentityClaim), q(p.Filter), p.Disabled)
	}
	for _, r := range s.Bindings {
		fmt.Fprintf(&b, "---\n{kind: RoleBinding, id: %s, principal: %s, role: %s, crn: %s}\n", r.ID, q(string(r.Principal)), r.Role, q(r.On.CRN()))
	}
	return b.String()
}

func write(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The contract, for a store that is told to reload and for one that sees
// changes by itself.
func TestConformance(t *testing.T) {
	for name, after := range map[string]func(*testing.T, iam.Store){
		"told": func(t *testing.T, s iam.Store) {
			if err := s.(*files.Store).Reload(t.Context()); err != nil {
				t.Error(details(err))
			}
		},
		"looking": func(*testing.T, iam.Store) {},
	} {
		t.Run(name, func(t *testing.T) {
			dirs := map[iam.Store]string{}
			storetest.Run(t, func(t *testing.T, seed *iam.Snapshot) iam.Store {
				dir := t.TempDir()
				write(t, dir, yaml(seed))
				s := files.Dir(dir, files.Options{Interval: time.Second, OnError: func(err error) { t.Error(details(err)) }})
				dirs[s] = dir
				return s
			}, storetest.Options{Replace: func(t *testing.T, s iam.Store, next *iam.Snapshot) {
				write(t, dirs[s], yaml(next))
				after(t, s)
			}})
		})
	}
}

// follow watches a folder in a bubble; wait gives the next snapshot or error.
func follow(t *testing.T, dir string, o files.Options) (s *files.Store, wait func() string) {
	t.Helper()
	heard := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	say := func(what string) {
		select {
		case heard <- what:
		case <-ctx.Done():
		}
	}
	o.Interval = time.Second
	o.OnError = func(err error) { say("error: " + details(err)) }
	s = files.Dir(dir, o)
	go func() {
		defer close(ended)
		_ = s.Watch(ctx, func(n *iam.Snapshot) { say(fmt.Sprintf("generation %d with %d pools", n.Generation, len(n.Pools))) })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s, func() string {
		select {
		case what := <-heard:
			return what
		case <-time.After(time.Minute):
			return "nothing"
		}
	}
}

func expect(t *testing.T, wait func() string, want string) {
	t.Helper()
	if got := wait(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A broken change keeps the last good state, is told once, and is over when mended.
func TestBrokenChange(t *testing.T) {
	t.Chdir(t.TempDir())
	good := org + "---\n" + provider + "---\n" + pool
	write(t, ".", good)
	synctest.Test(t, func(t *testing.T) {
		s, wait := follow(t, ".", files.Options{})
		expect(t, wait, "generation 1 with 1 pools")
		expect(t, wait, "nothing")

		write(t, ".", good+"---\nkind: [")
		expect(t, wait, "error: all.yaml:8:1: this is not YAML: did not find expected node content")
		expect(t, wait, "nothing")
		if err := s.Reload(t.Context()); err == nil {
			t.Error("Reload of a broken change went well")
		}
		if s.Where("pool-a", "filter") == "" {
			t.Error("the last good state is gone")
		}

		write(t, ".", good) // as it was: nothing new
		expect(t, wait, "nothing")
		write(t, ".", good+"---\n"+strings.ReplaceAll(pool, "pool-a", "pool-b"))
		expect(t, wait, "generation 2 with 2 pools")
		if err := os.Remove("all.yaml"); err != nil {
			t.Fatal(err)
		}
		expect(t, wait, "generation 3 with 0 pools")
	})
}

// A store that begins broken waits until it is mended.
func TestBrokenStart(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "kind: Nothing")
	synctest.Test(t, func(t *testing.T) {
		_, wait := follow(t, ".", files.Options{})
		expect(t, wait, `error: all.yaml:1:1: kind "Nothing" is unknown, expected Organization, IdentityProvider, IdentityPool or RoleBinding`)
		expect(t, wait, "nothing")
		write(t, ".", provider+"---\n"+pool)
		expect(t, wait, "generation 1 with 1 pools")
	})
}

// A file that is being written is not believed: half of it may be valid.
func TestHalfWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	good := provider + "---\n" + pool
	write(t, ".", good)
	synctest.Test(t, func(t *testing.T) {
		_, wait := follow(t, ".", files.Options{})
		expect(t, wait, "generation 1 with 1 pools")
		began := time.Now()
		write(t, ".", provider) // valid, and the pool is gone
		timer := time.NewTimer(1500 * time.Millisecond)
		<-timer.C
		write(t, ".", good+"---\n"+strings.ReplaceAll(pool, "pool-a", "pool-b"))
		expect(t, wait, "generation 2 with 2 pools")
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A new certificate authority is a change of the document that names it.
func TestAuthoritiesAreFollowed(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "{kind: IdentityProvider, id: op-a, issuer: 'https://a', jwks_uri: 'https://a/keys', ca: ca.crt}")
	authority := func(serial int64) string {
		text := pemOf(t, serial)
		if err := os.WriteFile("ca.crt", text, 0o600); err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := authority(1)
	synctest.Test(t, func(t *testing.T) {
		s, wait := follow(t, ".", files.Options{})
		expect(t, wait, "generation 1 with 0 pools")
		before, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(details(err))
		}
		if before.Providers["op-a"].CA != want {
			t.Error("not the authority of the file")
		}
		authority(2)
		expect(t, wait, "generation 2 with 0 pools")
		if before.Providers["op-a"].CA != want {
			t.Error("a snapshot that was handed out has changed")
		}
		if err := os.Remove("ca.crt"); err != nil {
			t.Fatal(err)
		}
		expect(t, wait, "error: all.yaml:1:89: cannot read ca.crt: no such file or directory")
		expect(t, wait, "nothing")
	})
}
