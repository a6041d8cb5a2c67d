package authn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
)

// Keys and clocks, with the key set that klamm has in reality and a provider in
// memory, in fake time.

const keysURL = "https://login.example/keys"

// provider publishes keys, or is away, and counts who asks.
type provider struct {
	fetches atomic.Int64
	body    atomic.Pointer[string] // nil: connections are refused
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.fetches.Add(1)
	body := p.body.Load()
	if body == nil {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(*body)), Request: r}, nil
}

func (p *provider) publish(keys ...*jwt.SigningKey) {
	var set []byte
	for _, k := range keys {
		set = append(append(set, ','), k.JWK(nil)...)
	}
	body := `{"keys":[` + strings.TrimPrefix(string(set), ",") + `]}`
	p.body.Store(&body)
}

func (p *provider) down() { p.body.Store(nil) }

// door is an authenticator whose provider is p; its clock is off.
func door(t testing.TB, p *provider, off time.Duration) *authn.Authenticator {
	t.Helper()
	keys, err := jwt.NewRemote(jwt.RemoteOptions{URL: keysURL, Transport: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return compile(t, snapshot(), keys, authn.Options{Now: func() time.Time { return time.Now().Add(off) }})
}

// issued is a token as Entra makes it at this moment.
func issued(t testing.TB, k *jwt.SigningKey, change ...any) string {
	t.Helper()
	at := time.Now().Unix()
	token, err := k.Sign(map[string]any{"typ": "JWT"}, with(claims("iat", at-300, "nbf", at-300, "exp", at+3600), change...))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// login returns the step that refused; a zero one when there was none.
func login(a *authn.Authenticator, token string) iam.Step {
	_, steps, err := a.Authenticate(context.Background(), credential(token, "pool-orders"))
	if err == nil {
		return iam.Step{}
	}
	return steps[len(steps)-1]
}

func wantLogin(t *testing.T, a *authn.Authenticator, token, what string, code iam.Code) iam.Step {
	t.Helper()
	step := login(a, token)
	if step.Code != code {
		t.Errorf("%s: refused as %q, expected %q: %+v", what, step.Code, code, step)
	}
	return step
}

func (p *provider) wantFetches(t *testing.T, n int64) {
	t.Helper()
	if got := p.fetches.Load(); got != n {
		t.Errorf("%d fetches, expected %d", got, n)
	}
}

// pass lets fake time go by, and what is done in the background end.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// TestRotation: the new key is published, then it signs, then the old one goes.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p provider
		p.publish(signer())
		a := door(t, &p, 0)
		old := issued(t, signer(), "exp", time.Now().Unix()+20*3600)
		wantLogin(t, a, old, "before", "")
		p.publish(signer(), stranger())
		wantLogin(t, a, issued(t, signer()), "published", "")
		wantLogin(t, a, issued(t, stranger()), "signing", "")
		wantLogin(t, a, old, "the old key beside it", "")
		p.wantFetches(t, 2)
		p.publish(stranger())
		wantLogin(t, a, old, "the old key until the next refresh", "")
		pass(time.Hour)
		wantLogin(t, a, issued(t, stranger()), "the new key alone", "")
		synctest.Wait()
		for range 2 { // remembered or not
			wantLogin(t, a, old, "the old key is gone", authn.UnknownKey)
		}
		p.wantFetches(t, 4) // the refresh, and one for the old key
	})
}

// TestSignBeforePublish: a key that signs before it is published is refused; once
// it is there the first login asks for it, after the pause for one in vain.
func TestSignBeforePublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p provider
		p.publish(signer())
		a := door(t, &p, 0)
		wantLogin(t, a, issued(t, signer()), "before", "")
		p.publish(signer(), stranger())
		wantLogin(t, a, issued(t, stranger()), "the first login of a key that was published meanwhile", "")
		p.wantFetches(t, 2)

		p.publish(signer())
		a = door(t, &p, 0)
		for range 100 {
			step := wantLogin(t, a, issued(t, stranger()), "signing and not published", authn.UnknownKey)
			if !strings.Contains(step.Saw, stranger().Kid) || !strings.Contains(step.Saw, "fetched at 2000-01-01T00:00:00Z") || !strings.Contains(step.Wanted, keysURL) || !strings.Contains(step.Mend, "is not published yet") {
				t.Fatalf("the step says too little: %+v", step)
			}
		}
		p.wantFetches(t, 3)
		p.publish(signer(), stranger())
		wantLogin(t, a, issued(t, stranger()), "published, within 30 s of a fetch in vain", authn.UnknownKey)
		p.wantFetches(t, 3)
		pass(30 * time.Second)
		wantLogin(t, a, issued(t, stranger()), "published", "")
		p.wantFetches(t, 4)
	})
}

// TestProviderDown: at the start, for an hour, forever.
func TestProviderDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p provider
		a := door(t, &p, 0)
		step := wantLogin(t, a, issued(t, signer()), "down at the start", authn.KeysUnavailable)
		if !strings.Contains(step.Saw, "connection refused") || !strings.Contains(step.Wanted, keysURL) || strings.Contains(step.Saw, "keys that were fetched") {
			t.Errorf("the step says %+v", step)
		}
		p.publish(signer())
		wantLogin(t, a, issued(t, signer()), "up, with no restart", "")
		at := time.Now()

		p.down()
		pass(time.Hour)
		wantLogin(t, a, issued(t, signer()), "down for an hour", "")
		wantLogin(t, a, issued(t, stranger()), "down for an hour, a key that nobody knows", authn.KeysUnavailable)
		pass(23*time.Hour - time.Second)
		wantLogin(t, a, issued(t, signer()), "down for almost a day", "")
		remembered := issued(t, signer())
		wantLogin(t, a, remembered, "down for almost a day", "")
		pass(time.Second)
		for name, token := range map[string]string{"a new token": issued(t, signer()), "a token that was verified before": remembered} {
			step = wantLogin(t, a, token, "down for a day: "+name, authn.KeysUnavailable)
			if !strings.Contains(step.Saw, "keys that were fetched at "+at.UTC().Format(time.RFC3339)) || !strings.Contains(step.Saw, "connection refused") {
				t.Errorf("%s: the step says %+v", name, step)
			}
		}
		p.publish(signer())
		pass(10 * time.Second)
		wantLogin(t, a, issued(t, signer()), "up again", "")
	})
}

// TestClocks: klamm's clock differs from the provider's; hints name the clock.
func TestClocks(t *testing.T) {
	for _, c := range []struct {
		off        time.Duration // of klamm's clock
		iat, exp   time.Duration // from the provider's now
		code       iam.Code
		saw, blame string
	}{
		{off: 10 * time.Minute, iat: -5 * time.Minute, exp: time.Hour},
		{10 * time.Minute, 0, 5 * time.Minute, authn.Expired, "5m0s ago; issued 2000-01-01T00:00:00Z", "klamm's clock is ahead or the provider's is behind"},
		{10 * time.Minute, 0, 10 * time.Minute, authn.Expired, "0s ago", "klamm's clock is ahead"},
		{off: 10*time.Minute - time.Second, exp: 10 * time.Minute},
		{-10 * time.Minute, 0, time.Hour, authn.NotYetValid, "in 10m0s", "klamm's clock is behind or the provider's is ahead"},
		{-10 * time.Minute, -5 * time.Minute, time.Hour, authn.NotYetValid, "in 5m0s", "klamm's clock is behind"}, // as Entra has it
		{off: -time.Minute, exp: time.Hour},
		{-time.Minute - time.Second, 0, time.Hour, authn.NotYetValid, "in 1m1s", "by more than the 60 s"},
		{off: -5 * time.Minute, iat: -5 * time.Minute, exp: time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			var p provider
			p.publish(signer())
			at := time.Now()
			token := issued(t, signer(), "iat", at.Add(c.iat).Unix(), "nbf", at.Add(c.iat).Unix(), "exp", at.Add(c.exp).Unix())
			step := wantLogin(t, door(t, &p, c.off), token, fmt.Sprintf("%+v", c), c.code)
			if !strings.Contains(step.Saw, c.saw) || !strings.Contains(step.Mend, c.blame) {
				t.Errorf("%+v: the step says %+v", c, step)
			}
			if c.code != "" {
				p.wantFetches(t, 0)
			}
		})
	}
}

// TestEndOfAToken: a second before it, at it, 30 s after it; new or remembered.
func TestEndOfAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p provider
		p.publish(signer())
		a, other := door(t, &p, 0), door(t, &p, 0)
		token := issued(t, signer(), "exp", time.Now().Unix()+600)
		wantLogin(t, a, token, "at the beginning", "")
		for _, step := range []struct {
			after time.Duration
			code  iam.Code
		}{{599 * time.Second, ""}, {time.Second, authn.Expired}, {30 * time.Second, authn.Expired}} {
			pass(step.after)
			wantLogin(t, a, token, "remembered", step.code)
			wantLogin(t, other, token, "seen by another replica", step.code)
		}
		wantLogin(t, a, issued(t, signer(), "iat", time.Now().Unix(), "exp", time.Now().Unix()+25*3600), "25 h", "")
		wantLogin(t, a, issued(t, signer(), "iat", time.Now().Unix(), "exp", time.Now().Unix()+25*3600+1), "25 h and a second", authn.LifetimeTooLong)
	})
}

// TestLoginStorm: 2 000 logins, each with a token of its own, cost a provider
// that is down no fetch beyond the bucket of its key set: five at once, and one
// more every ten seconds.
func TestLoginStorm(t *testing.T) {
	// Fake time begins at this moment; the tokens outlast every case.
	begins := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	tokens := make([]string, 2000)
	for i := range tokens {
		tokens[i] = issued(t, signer(), "uti", fmt.Sprint(i), "iat", begins, "nbf", begins, "exp", begins+24*3600+1800)
	}
	for name, c := range map[string]struct {
		before time.Duration // since the keys were fetched; 0: there are none
		lasts  time.Duration
		code   iam.Code
		most   int64
	}{
		"no keys, at once":               {0, 0, authn.KeysUnavailable, 5},
		"no keys, in a minute":           {0, time.Minute, authn.KeysUnavailable, 5 + 6},
		"keys that are good, at once":    {time.Minute, 0, "", 0},
		"keys to be refreshed, at once":  {3 * time.Hour, 0, "", 5},
		"keys to be refreshed, a minute": {3 * time.Hour, time.Minute, "", 5 + 6},
		"keys too old, in a minute":      {24 * time.Hour, time.Minute, authn.KeysUnavailable, 5 + 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p provider
				p.publish(signer())
				a := door(t, &p, 0)
				if c.before > 0 {
					wantLogin(t, a, issued(t, signer()), "before", "")
					p.down()
					pass(c.before)
				}
				p.down()
				p.fetches.Store(0)
				var all sync.WaitGroup
				const clients = 20
				each := len(tokens) / clients
				for mine := range slices.Chunk(tokens, each) {
					all.Go(func() {
						for _, token := range mine {
							wantLogin(t, a, token, name, c.code)
							<-time.After(c.lasts / time.Duration(each))
						}
					})
				}
				all.Wait()
				synctest.Wait()
				if n := p.fetches.Load(); n > c.most {
					t.Errorf("%d logins cost %d fetches, expected at most %d", len(tokens), n, c.most)
				}
				p.publish(signer())
				pass(10 * time.Second)
				wantLogin(t, a, issued(t, signer()), "up again", "")
			})
		})
	}
}
