package token_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/token"
)

// jwt is an unsigned stand-in with the shape of an access token.
func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func living(sub string, life time.Duration) string {
	return jwt(fmt.Sprintf(`{"sub":%q,"exp":%d}`, sub, time.Now().Add(life).Unix()))
}

func TestNew(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	got, err := token.New(jwt(`{"sub":"s","exp":1001000}`), now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Principal != "s" || !got.Expires.Equal(now.Add(1000*time.Second)) || !got.RefreshAfter.Equal(now.Add(800*time.Second)) {
		t.Errorf("%s, expires %v, refresh %v", got.Principal, got.Expires, got.RefreshAfter)
	}
	for _, bad := range []string{"", "opaque", "a.b", "a.b.c.d", "e30.%%.x", jwt(`[]`), jwt(`{"sub":"s"}`), jwt(`{"exp":"1001000"}`), jwt(`{"exp":0}`), jwt(`{"exp":1e300}`), strings.Repeat("a", 40000) + ".e30.x"} {
		if _, err := token.New(bad, now); err == nil {
			t.Errorf("%.40q is accepted", bad)
		} else if len(bad) > 10 && strings.Contains(err.Error(), bad[:10]) {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add(jwt(`{"sub":"s","exp":1001000}`))
	f.Fuzz(func(t *testing.T, text string) {
		if tok, err := token.New(text, time.Unix(0, 0)); err == nil && (tok.Expires.Unix() <= 0 || tok.Reveal() != text) {
			t.Fatalf("%q: expires %v", text, tok.Expires)
		}
	})
}

func TestNoPrinterShowsTheToken(t *testing.T) {
	tok, err := token.New(living("s", time.Hour), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %v %+v", tok, tok, tok, tok, tok, tok, struct{ T token.Token }{tok}, struct{ hidden token.Token }{tok})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "t", tok)
	_ = json.NewEncoder(&out).Encode(map[string]any{"t": tok})
	if strings.Contains(out.String(), tok.Reveal()[4:20]) {
		t.Errorf("the token got out: %s", out.String())
	}
}

// transport answers each request from a list of scripts; the last one repeats.
type transport struct {
	mu       sync.Mutex
	requests []*http.Request
	answers  []func() (int, string)
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.requests = append(tr.requests, r)
	answer := tr.answers[min(len(tr.requests), len(tr.answers))-1]
	status, body := answer()
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: http.Header{"Location": {"http://elsewhere.example/"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func fixed(status int, body string) func() (int, string) {
	return func() (int, string) { return status, body }
}

func good() (int, string) { return 200, `{"access_token":"` + living("mi", time.Hour) + `"}` }

func TestAzureIMDSRequest(t *testing.T) {
	tr := &transport{answers: []func() (int, string){good}}
	tok, err := token.AzureIMDS{Resource: "api://kafka", ClientID: "id-1", Transport: tr}.Token(t.Context())
	if err != nil || tok.Principal != "mi" {
		t.Fatalf("%v, %v", tok.Principal, err)
	}
	r := tr.requests[0]
	if got, want := r.URL.String(), token.IMDSEndpoint+"?api-version=2018-02-01&client_id=id-1&resource=api%3A%2F%2Fkafka"; got != want {
		t.Errorf("URL %s, want %s", got, want)
	}
	if r.Method != "GET" || r.Header.Get("Metadata") != "true" {
		t.Errorf("%s, headers %v", r.Method, r.Header)
	}
}

func TestTokenRequestErrors(t *testing.T) {
	for _, c := range []struct {
		name     string
		answers  []func() (int, string)
		requests int
		want     string // "" for success
	}{
		{"429 then good", []func() (int, string){fixed(429, ""), good}, 2, ""},
		{"410 then good", []func() (int, string){fixed(410, ""), fixed(404, ""), good}, 3, ""},
		{"down", []func() (int, string){fixed(500, "boom")}, 5, "500 Internal Server Error"},
		{"not found identity", []func() (int, string){fixed(400, `{"error":"invalid_request","error_description":"Identity not found"}`)}, 1, "invalid_request: Identity not found"},
		{"redirect", []func() (int, string){fixed(302, "")}, 1, "302 Found"},
		{"html", []func() (int, string){fixed(200, "<html>")}, 1, `without a JSON member "access_token"`},
		{"opaque", []func() (int, string){fixed(200, `{"access_token":"opaque-canary"}`)}, 1, "no JWT of three parts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &transport{answers: c.answers}
				_, err := token.AzureIMDS{Resource: "r", Transport: tr}.Token(t.Context())
				switch {
				case c.want == "" && err != nil:
					t.Errorf("error %v", err)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("error %v, want %q", err, c.want)
				case err != nil && strings.Contains(err.Error(), "canary"):
					t.Errorf("the answer's token is in the error: %v", err)
				}
				if len(tr.requests) != c.requests {
					t.Errorf("%d requests, want %d", len(tr.requests), c.requests)
				}
			})
		})
	}
}

func TestCachedFetchesOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetches atomic.Int32
		source := token.Cached(token.SourceFunc(func(context.Context) (token.Token, error) {
			fetches.Add(1)
			<-time.After(time.Second) // in fake time: all callers wait for one fetch
			return token.New(living("s", 100*time.Second), time.Now())
		}))
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := source.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := fetches.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestCachedRefreshesEarlyAndSurvivesFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches, down := 0, false
		source := token.Cached(token.SourceFunc(func(context.Context) (token.Token, error) {
			fetches++
			if down {
				return token.Token{}, errors.New("identity service is down")
			}
			return token.New(living("s", 100*time.Second), time.Now())
		}))
		get := func() error {
			_, err := source.Token(t.Context())
			synctest.Wait()
			return err
		}
		steps := []struct {
			after   time.Duration
			down    bool
			fetches int
			fails   bool
		}{
			{0, false, 1, false},
			{79 * time.Second, false, 1, false},
			{2 * time.Second, true, 2, false},   // the refresh fails, the old token lives
			{5 * time.Second, true, 2, false},   // and is not tried at every call
			{6 * time.Second, true, 3, false},   // but again after ten seconds
			{20 * time.Second, true, 4, true},   // now the old one is dead
			{20 * time.Second, false, 5, false}, // and the source is back
		}
		for i, s := range steps {
			<-time.After(s.after) // fake time
			down = s.down
			if err := get(); (err != nil) != s.fails {
				t.Errorf("step %d: error %v", i, err)
			}
			if fetches != s.fetches {
				t.Errorf("step %d: %d fetches, want %d", i, fetches, s.fetches)
			}
		}
	})
}

func TestCachedNeverGivesAnExpiredToken(t *testing.T) {
	source := token.Cached(token.SourceFunc(func(context.Context) (token.Token, error) {
		return token.New(living("s", -time.Minute), time.Now())
	}))
	if _, err := source.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("got %v, want an error that speaks of the clock", err)
	}
}

func TestCachedCallerMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := token.Cached(token.SourceFunc(func(ctx context.Context) (token.Token, error) {
			select {
			case <-ctx.Done():
				return token.Token{}, ctx.Err()
			case <-time.After(time.Minute):
				return token.New(living("s", time.Hour), time.Now())
			}
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := source.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := source.Token(t.Context()); err != nil { // the same fetch goes on
			t.Error(err)
		}
	})
}
