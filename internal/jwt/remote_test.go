package jwt_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
)

// pass lets fake time go by, background fetches included.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestRemoteCachesAndRefreshes(t *testing.T) {
	for control, every := range map[string]time.Duration{
		"": time.Hour, "max-age=86400, private": time.Hour, "public, max-age=300": 5 * time.Minute, "max-age=0": time.Minute,
		"no-store": time.Minute, "max-age=-5": time.Hour, "max-age=99999999999999999999": time.Hour, `Max-Age="120"`: 2 * time.Minute,
	} {
		t.Run(control, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := fresh("a")
				r, p := remote(t, "", k...)
				p.becomes(answers(200, control, set(k...)))
				has(t, r, "a")
				pass(every - time.Second)
				has(t, r, "a")
				if p.count() != 1 {
					t.Errorf("%d fetches before the refresh, want 1", p.count())
				}
				pass(time.Second)
				has(t, r, "a") // from what is known, while the refresh runs
				synctest.Wait()
				if p.count() != 2 || r.Version() != 1 {
					t.Errorf("%d fetches after it, want 2; version %d, want 1", p.count(), r.Version())
				}
			})
		})
	}
}

// TestRemoteRotation: published, then signing, then the old one removed.
func TestRemoteRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("old", "new")
		r, p := remote(t, "", k[0])
		has(t, r, "old")
		p.publish(k...)
		has(t, r, "new") // unknown, refetched, and the same lookup succeeds
		has(t, r, "old")
		if p.count() != 2 || r.Version() != 2 {
			t.Errorf("%d fetches, version %d; want 2 and 2", p.count(), r.Version())
		}
		p.publish(k[1])
		pass(time.Hour)
		has(t, r, "new")
		synctest.Wait()
		lacks(t, r, "old", jwt.UnknownKey)
		if r.Version() != 3 || !slices.Equal(r.Status().KeyIDs, []string{"new"}) {
			t.Errorf("version %d, keys %q; want 3 and new", r.Version(), r.Status().KeyIDs)
		}
	})
}

// TestRemoteSignBeforePublish: a key signs before it is published. Whoever asks
// too early is told that it is unknown; half a minute after the first of them it
// is looked for again, whoever asks meanwhile, and one fetch is enough.
func TestRemoteSignBeforePublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("old", "new")
		r, p := remote(t, "", k[0])
		has(t, r, "old")
		pass(time.Minute)
		for range 25 {
			lacks(t, r, "new", jwt.UnknownKey)
			pass(time.Second)
		}
		if p.count() != 2 {
			t.Errorf("%d fetches before it is published, want the first and one for it", p.count())
		}
		p.publish(k...)
		lacks(t, r, "new", jwt.UnknownKey)
		pass(5 * time.Second)
		has(t, r, "new")
		has(t, r, "old")
		if p.count() != 3 {
			t.Errorf("%d fetches, want 3", p.count())
		}
	})
}

// TestRemoteAwayForAnHour: the known keys go on, a key that came meanwhile is
// not refused as unknown but as not to be had, and is there with the provider.
func TestRemoteAwayForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("old", "new")
		r, p := remote(t, "", k[0])
		has(t, r, "old")
		p.down()
		for range 60 {
			pass(time.Minute)
			has(t, r, "old")
			lacks(t, r, "new", jwt.NoKeys)
		}
		if n := p.count(); n > 1+60+5 {
			t.Errorf("%d fetches in an hour of absence", n)
		}
		p.publish(k...)
		pass(10 * time.Second)
		has(t, r, "new")
		has(t, r, "old")
		if r.Status().Error != "" || r.Version() != 2 {
			t.Errorf("status %+v", r.Status())
		}
	})
}

// TestRemoteHolds: keys are known by themselves, not by their ids.
func TestRemoteHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("a", "a")
		r, p := remote(t, "", k[0])
		if r.Holds("") {
			t.Error("a set that was never fetched holds a key")
		}
		has(t, r, "a")
		first, err := r.Key(t.Context(), "a")
		if err != nil || !r.Holds(first.Thumbprint()) || r.Holds("") {
			t.Fatalf("%v: %q is not held, or nothing is", err, first.Thumbprint())
		}
		p.publish(k[1])
		if err := r.Refresh(t.Context()); err != nil || r.Holds(first.Thumbprint()) {
			t.Errorf("%v: the replaced key is held", err)
		}
		k[0].Kid = "b"
		p.publish(k[0])
		if err := r.Refresh(t.Context()); err != nil || !r.Holds(first.Thumbprint()) {
			t.Errorf("%v: the same key under another id is not held", err)
		}
	})
}

// TestRemoteReplacedKey: another key under an old id is another key.
func TestRemoteReplacedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := fresh("a"), fresh("a")
		r, p := remote(t, "", before...)
		first := must(r.Key(t.Context(), "a"))
		p.publish(after...)
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := must(r.Key(t.Context(), "a"))
		if second.Equal(first) || r.Version() != 2 {
			t.Errorf("the old key stayed; version %d", r.Version())
		}
		old := sign(t, before[0], nil, map[string]any{})
		if verify(old, first) != nil || jwt.ProblemOf(verify(old, second)) != jwt.BadSignature {
			t.Error("a token of the old key is taken for one of the new key")
		}
	})
}

// TestRemoteShuffled: the order of a set is no change, its contents are.
func TestRemoteShuffled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("a", "b", "c")
		r, p := remote(t, "", k...)
		has(t, r, "a")
		p.publish(k[2], k[0], k[1])
		if err := r.Refresh(t.Context()); err != nil || r.Version() != 1 {
			t.Errorf("%v, version %d", err, r.Version())
		}
		p.becomes(answers(200, "", `{"keys":[]}`))
		if err := r.Refresh(t.Context()); err != nil || r.Version() != 2 {
			t.Errorf("%v, version %d", err, r.Version())
		}
		lacks(t, r, "a", jwt.UnknownKey)
	})
}

func TestRemoteStartsWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, "", fresh("a")...)
		up := p.answer
		p.down()
		for range 100 {
			lacks(t, r, "a", jwt.NoKeys)
		}
		if p.count() != 5 || r.Version() != 0 || !strings.Contains(r.Status().Error, "connection refused") {
			t.Errorf("%d fetches, version %d, status %+v", p.count(), r.Version(), r.Status())
		}
		if _, err := r.Key(t.Context(), "a"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("kind %q", fault.KindOf(err))
		}
		p.becomes(up)
		pass(10 * time.Second)
		has(t, r, "a")
		if r.Status().Error != "" {
			t.Errorf("status %+v", r.Status())
		}
	})
}

// TestRemoteLastGood: 24 hours of the provider's absence, not a second more.
func TestRemoteLastGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, "", fresh("a")...)
		has(t, r, "a")
		p.down()
		for range 23 {
			pass(time.Hour)
			has(t, r, "a")
		}
		lacks(t, r, "b", jwt.NoKeys) // it may exist: nobody can say
		pass(time.Hour - time.Second)
		has(t, r, "a")
		pass(time.Second)
		lacks(t, r, "a", jwt.NoKeys)
		p.publish(fresh("a")...)
		pass(10 * time.Second)
		has(t, r, "a")
	})
}

// TestRemoteIdle: after a quiet night the first lookup does not believe a key
// that was removed meanwhile.
func TestRemoteIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("stolen", "new")
		r, p := remote(t, "", k[0])
		has(t, r, "stolen")
		p.publish(k[1])
		pass(8 * time.Hour)
		lacks(t, r, "stolen", jwt.UnknownKey)
	})
}

// TestRemoteStorm is docs/security.md row 8.
func TestRemoteStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("a", "b")
		r, p := remote(t, "", k[0])
		has(t, r, "a")
		for i := range 2000 {
			lacks(t, r, fmt.Sprint("junk-", i), jwt.UnknownKey)
		}
		if p.count() > 5 {
			t.Errorf("%d fetches for 2000 unknown keys, want at most 5", p.count())
		}
		has(t, r, "a")
		p.publish(k...)
		lacks(t, r, "b", jwt.UnknownKey) // the budget is spent
		pass(10 * time.Second)
		has(t, r, "b")
	})
}

// TestRemoteSustainedStorm: an hour of one unknown key a second, all distinct.
func TestRemoteSustainedStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, "", fresh("a")...)
		for i := range 3600 {
			lacks(t, r, fmt.Sprint("junk-", i), jwt.UnknownKey)
			pass(time.Second)
		}
		if p.count() > 5+360 {
			t.Errorf("%d fetches in an hour, want at most 365", p.count())
		}
	})
}

// TestRemoteMisses: one client with one wrong key id does not spend the budget.
func TestRemoteMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("a", "b")
		r, p := remote(t, "", k[0])
		for range 100 {
			lacks(t, r, "wrong", jwt.UnknownKey)
		}
		if p.count() != 1 {
			t.Errorf("%d fetches for one wrong key id, want 1", p.count())
		}
		p.publish(k...)
		has(t, r, "b")
		pass(30 * time.Second)
		lacks(t, r, "wrong", jwt.UnknownKey)
		if p.count() != 3 {
			t.Errorf("%d fetches, want 3", p.count())
		}
	})
}

// TestRemoteNoKid: no fetch can tell which key a token without kid means.
func TestRemoteNoKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, "", fresh("a", "b")...)
		for range 10 {
			lacks(t, r, "", jwt.UnknownKey)
		}
		if p.count() != 1 {
			t.Errorf("%d fetches, want 1", p.count())
		}
		p.publish(fresh("a")...)
		pass(3 * time.Hour)
		if k, err := r.Key(t.Context(), ""); err != nil || k.ID != "a" {
			t.Errorf("the only key of a set is not found without kid: %q, %v", k.ID, err)
		}
	})
}

// TestRemoteSingleFlight: any number of waiting lookups cost one fetch.
func TestRemoteSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("a", "b")
		r, p := remote(t, "", k[0])
		has(t, r, "a")
		release := make(chan struct{})
		p.becomes(func(q *http.Request) (*http.Response, error) {
			<-release
			return answers(200, "", set(k...))(q)
		})
		var waiting sync.WaitGroup
		for range 500 {
			waiting.Go(func() { has(t, r, "b") })
		}
		synctest.Wait()
		has(t, r, "a") // known keys do not wait
		close(release)
		waiting.Wait()
		if p.count() != 2 {
			t.Errorf("%d fetches, want 2", p.count())
		}
	})
}

// TestRemoteSlow: a provider that hangs costs one lookup 10 s, and a caller
// only as long as its context.
func TestRemoteSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, "", fresh("a")...)
		up := p.answer
		p.hangs()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Key(ctx, "a")
		if took := time.Since(begin); took != time.Second || !strings.Contains(fault.Detail(err), "deadline") || jwt.ProblemOf(err) != jwt.NoKeys {
			t.Errorf("%v after %v", err, took)
		}
		lacks(t, r, "a", jwt.NoKeys)
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("given up after %v, want 10 s", took)
		}
		p.becomes(up)
		has(t, r, "a")

		// With keys at hand, only the first of the later lookups may wait.
		p.hangs()
		pass(3 * time.Hour)
		begin = time.Now()
		has(t, r, "a")
		has(t, r, "a")
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("two lookups took %v, want 10 s", took)
		}
	})
}

// TestRemoteSlowBody: the limit holds for the answer, too.
func TestRemoteSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, "", fresh("a")...)
		p.becomes(func(q *http.Request) (*http.Response, error) {
			read, write := io.Pipe()
			go func() {
				for q.Context().Err() == nil {
					if _, err := write.Write([]byte(" ")); err != nil {
						return
					}
					<-time.After(time.Second)
				}
				_ = write.CloseWithError(q.Context().Err())
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: read}, nil
		})
		begin := time.Now()
		lacks(t, r, "a", jwt.NoKeys)
		if took := time.Since(begin); took > 11*time.Second {
			t.Errorf("given up after %v, want 10 s", took)
		}
	})
}

// TestRemoteBadAnswers: none of them costs the keys that are known.
func TestRemoteBadAnswers(t *testing.T) {
	good := set(fresh("b")...)
	redirect := func(to string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 302, Header: http.Header{"Location": {to}}, Body: http.NoBody}, nil
		}
	}
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"huge":                     answers(200, "", good+strings.Repeat(" ", 256<<10)),
		"endless":                  endless,
		"cut JSON":                 answers(200, "", good[:len(good)-3]),
		"HTML":                     answers(200, "", "<!doctype html><title>Sign in</title>"),
		"empty":                    answers(200, "", ""),
		"no set":                   answers(200, "", `{"error":"not found"}`),
		"101 keys":                 answers(200, "", `{"keys":[`+strings.TrimSuffix(strings.Repeat("{},", 101), ",")+`]}`),
		"status 500":               answers(500, "", good),
		"status 404":               answers(404, "", good),
		"status 204":               answers(204, "", ""),
		"status 206":               answers(206, "", good),
		"redirect to http":         redirect("http://id.example/keys"),
		"redirect to metadata":     redirect("http://169.254.169.254/metadata/identity/oauth2/token"),
		"redirect to metadata TLS": redirect("https://169.254.169.254/latest"),
		"redirect to loopback":     redirect("https://127.0.0.1/keys"),
		"redirect to private":      redirect("https://10.0.0.1/keys"),
		"redirect to mapped":       redirect("https://[::ffff:169.254.169.254]/keys"),
		"redirect to file":         redirect("file:///etc/passwd"),
		"redirect with password":   redirect("https://user:pass@id.example/keys"),
		"redirect without end":     redirect(setURL),
		"redirect to nowhere":      redirect(""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, p := remote(t, "", fresh("a")...)
				has(t, r, "a")
				p.becomes(answer)
				before := p.count()
				err := r.Refresh(t.Context())
				if jwt.ProblemOf(err) != jwt.NoKeys || fault.KindOf(err) != fault.Unavailable {
					t.Errorf("refresh: %v", err)
				}
				if n := p.count() - before; n > 4 || strings.HasPrefix(name, "redirect to") && n != 1 {
					t.Errorf("%d requests", n)
				}
				has(t, r, "a")
				lacks(t, r, "b", jwt.NoKeys)
				if r.Status().Error == "" || r.Version() != 1 {
					t.Errorf("status %+v", r.Status())
				}
			})
		})
	}
}

func endless(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(spaces{})}, nil
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestRemoteRedirect: an honest redirect is followed.
func TestRemoteRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("a")
		r, p := remote(t, "")
		p.becomes(func(q *http.Request) (*http.Response, error) {
			if q.URL.Path == "/v2/keys" {
				return answers(200, "", set(k...))(q)
			}
			return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"https://cdn.example/v2/keys"}}, Body: http.NoBody}, nil
		})
		has(t, r, "a")
	})
}

// TestRemoteRefreshIsNew: a refresh is not answered by a fetch that began before.
func TestRemoteRefreshIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fresh("removed", "kept")
		r, p := remote(t, "", k...)
		release := make(chan struct{})
		p.becomes(func(q *http.Request) (*http.Response, error) {
			<-release
			return answers(200, "", set(k...))(q)
		})
		var waiting sync.WaitGroup
		waiting.Go(func() { _, _ = r.Key(t.Context(), "removed") }) // whichever of both sets it meets
		synctest.Wait()
		p.publish(k[1])
		waiting.Go(func() {
			if err := r.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		close(release)
		waiting.Wait()
		lacks(t, r, "removed", jwt.UnknownKey)
	})
}

func TestRemoteClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := remote(t, "", fresh("a")...)
		p.hangs()
		begin := time.Now()
		var waiting sync.WaitGroup
		waiting.Go(func() { lacks(t, r, "a", jwt.NoKeys) })
		synctest.Wait()
		r.Close()
		waiting.Wait()
		if took := time.Since(begin); took != 0 {
			t.Errorf("a closed key set kept a lookup for %v", took)
		}
	})
}
