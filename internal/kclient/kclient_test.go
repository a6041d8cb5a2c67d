package kclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/token"
)

// noToken is a source that must not be asked: settings are checked before.
func noToken(t *testing.T) token.Source {
	return token.SourceFunc(func(context.Context) (token.Token, error) {
		t.Error("a token was asked for")
		return token.Token{}, errors.New("none")
	})
}

func TestSettingsRefused(t *testing.T) {
	bootstrap := []string{"localhost:1"}
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"nothing":              {Config{}, "bootstrap address"},
		"no bootstrap address": {Config{Source: noToken(t)}, "bootstrap address"},
		"no source":            {Config{Bootstrap: bootstrap}, "source of tokens"},
		"a bad address":        {Config{Bootstrap: []string{"localhost:port"}, Source: noToken(t)}, "settings"},
		"a CA that is none":    {Config{Bootstrap: bootstrap, Source: noToken(t), CA: []byte("no PEM")}, "CA file"},
		"a key as CA":          {Config{Bootstrap: bootstrap, Source: noToken(t), CA: []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}, "CA file"},
		"an extension's name":  {Config{Bootstrap: bootstrap, Source: noToken(t), Extensions: map[string]string{"a b": "c"}}, "extension"},
		"an extension's value": {Config{Bootstrap: bootstrap, Source: noToken(t), Extensions: map[string]string{"logicalCluster": "a\x01b=c"}}, "logicalCluster"},
		"the reserved one":     {Config{Bootstrap: bootstrap, Source: noToken(t), Extensions: map[string]string{"auth": "Bearer x"}}, "auth"},
		"an extension of none": {Config{Bootstrap: bootstrap, Source: noToken(t), Extensions: map[string]string{"identityPoolId": ""}}, "identityPoolId"},
	} {
		_, produced := c.config.Produce(t.Context(), "orders", [][]byte{nil})
		consumed := c.config.Consume(t.Context(), "g", "orders", time.Now(), func(Record) bool { return true })
		for _, err := range []error{produced, consumed} {
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind fault.Kind
	}{
		{kerr.TopicAuthorizationFailed, fault.Forbidden},
		{kerr.GroupAuthorizationFailed, fault.Forbidden},
		{kerr.ClusterAuthorizationFailed, fault.Forbidden},
		{kerr.TransactionalIDAuthorizationFailed, fault.Forbidden},
		{kerr.SaslAuthenticationFailed, fault.Unauthenticated},
		{fmt.Errorf("with words (ref=5f0c): %w", kerr.SaslAuthenticationFailed), fault.Unauthenticated},
		{kerr.UnknownTopicOrPartition, fault.NotFound},
		{kerr.InvalidConfig, fault.Invalid},
		{kerr.CoordinatorNotAvailable, fault.Unavailable},
		{context.DeadlineExceeded, fault.Unavailable},
		{errors.New("connection refused"), fault.Unavailable},
	} {
		err := explain("produce to orders", c.err)
		if fault.KindOf(err) != c.kind || !errors.Is(err, c.err) {
			t.Errorf("%v became %v %v", c.err, fault.KindOf(err), err)
		}
		if got := err.Error(); !strings.HasPrefix(got, "produce to orders: ") || !strings.Contains(got, c.err.Error()) {
			t.Errorf("words %q", got)
		}
	}
}

// A server may send any number of words, of any alphabet.
func TestExplainIsShort(t *testing.T) {
	for cut := range 4 {
		text := explain("x", errors.New(strings.Repeat("a", cut)+strings.Repeat("語", 10_000))).Error()
		if len(text) > 620 || !utf8.ValidString(text) || !strings.HasSuffix(text, "語…") {
			t.Errorf("%d bytes, %q", len(text), text[len(text)-9:])
		}
	}
}
