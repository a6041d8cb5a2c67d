package jwt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
)

const setURL = "https://id.example/keys"

// provider is an identity provider's HTTP side in memory.
type provider struct {
	mu      sync.Mutex
	answer  func(*http.Request) (*http.Response, error)
	fetches int
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.fetches++
	answer := p.answer
	p.mu.Unlock()
	response, err := answer(r)
	if response != nil {
		response.Request = r
	}
	return response, err
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

func (p *provider) becomes(answer func(*http.Request) (*http.Response, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// publish answers with a set of keys.
func (p *provider) publish(keys ...*jwt.SigningKey) { p.becomes(answers(200, "", set(keys...))) }

// down refuses connections.
func (p *provider) down() {
	p.becomes(func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("connection refused") })
}

// hangs answers nothing until the request is given up.
func (p *provider) hangs() {
	p.becomes(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
}

func answers(status int, cacheControl, body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		header := http.Header{"Cache-Control": {cacheControl}, "Content-Type": {"application/json"}}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func set(keys ...*jwt.SigningKey) string {
	jwks := make([]json.RawMessage, len(keys))
	for i, k := range keys {
		jwks[i] = k.JWK(nil)
	}
	return string(jwt.MarshalSet(jwks...))
}

// remote makes a key set whose provider publishes keys.
func remote(t *testing.T, file string, keys ...*jwt.SigningKey) (*jwt.Remote, *provider) {
	t.Helper()
	p := &provider{}
	p.publish(keys...)
	return again(t, p, file), p
}

// again is what a restart makes of the same provider and cache file.
func again(t *testing.T, p *provider, file string) *jwt.Remote {
	t.Helper()
	r, err := jwt.NewRemote(jwt.RemoteOptions{URL: setURL, Transport: p, CacheFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// fresh are new keys with the ids given.
func fresh(ids ...string) []*jwt.SigningKey {
	keys := make([]*jwt.SigningKey, len(ids))
	for i, id := range ids {
		keys[i] = must(jwt.GenerateEC())
		keys[i].Kid = id
	}
	return keys
}

func has(t *testing.T, s jwt.KeySet, kid string) {
	t.Helper()
	if k, err := s.Key(context.Background(), kid); err != nil || k.ID != kid {
		t.Errorf("key %q: %q, %v", kid, k.ID, err)
	}
}

func lacks(t *testing.T, s jwt.KeySet, kid string, want jwt.Problem) {
	t.Helper()
	if k, err := s.Key(context.Background(), kid); jwt.ProblemOf(err) != want || k.ID != "" {
		t.Errorf("key %q: %q, %v; want %q", kid, k.ID, err, want)
	}
}
