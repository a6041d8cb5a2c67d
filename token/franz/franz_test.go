package franz_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

func source(t *testing.T) token.Source {
	text := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"s","exp":4102444800}`)) + ".c2ln"
	tok, err := token.New(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token.SourceFunc(func(context.Context) (token.Token, error) { return tok, nil })
}

func TestFirstMessage(t *testing.T) {
	m, err := franz.Mechanism(source(t), franz.Extensions{"logicalCluster": "lkc-1", "identityPoolId": "pool-1,pool-2"})
	if err != nil {
		t.Fatal(err)
	}
	s, first, err := m.Authenticate(t.Context(), "host:1")
	if err != nil {
		t.Fatal(err)
	}
	got := string(first)
	if !strings.HasPrefix(got, "n,,\x01auth=Bearer e30.") || !strings.HasSuffix(got, ".c2ln\x01identityPoolId=pool-1,pool-2\x01logicalCluster=lkc-1\x01\x01") {
		t.Errorf("first message %q", got)
	}
	if done, _, err := s.Challenge(nil); !done || err != nil {
		t.Errorf("success: %v, %v", done, err)
	}
	if _, _, err := s.Challenge([]byte(`{"status":"invalid_token"}`)); err == nil || !strings.Contains(err.Error(), "invalid_token") {
		t.Errorf("the server's words are lost: %v", err)
	}
}

func TestExtensionsAreChecked(t *testing.T) {
	for _, bad := range []franz.Extensions{
		{"logical_cluster": "x"}, {"auth": "x"}, {"Auth": "x"}, {"": "x"}, {"k": ""}, {"k": "a\x01b"}, {"k": "a\r\nb"}, {"k": "ä"}, {"k=": "v"},
	} {
		if _, err := franz.Mechanism(source(t), bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestSourceErrorEndsTheLogin(t *testing.T) {
	want := errors.New("no identity")
	m, err := franz.Mechanism(token.SourceFunc(func(context.Context) (token.Token, error) { return token.Token{}, want }), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Authenticate(t.Context(), ""); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}
