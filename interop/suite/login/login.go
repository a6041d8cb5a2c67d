// Package login gives franz-go's own tests a way to log in with OAUTHBEARER, of
// which they know nothing: franz-go's mechanism and a token fetched by plain HTTP
// with an application's secret. Nothing of klamm is in it, and it never imports
// kgo, whose tests import it.
package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

// FromEnvironment is how the application of the environment logs in (see klamm lab
// --env-file), as the pool that KGO_TEST_OAUTH names, and whom it trusts: nil when
// that is not set. All clients share a token while half of its life is left, as
// those of one program do.
func FromEnvironment() (sasl.Mechanism, *tls.Config, error) {
	pool := os.Getenv("KGO_TEST_OAUTH")
	if pool == "" {
		return nil, nil, nil
	}
	gateway, err := trusting("KAFKA_CA_FILE")
	if err != nil {
		return nil, nil, err
	}
	provider, err := trusting("OAUTH_CA_FILE")
	if err != nil {
		return nil, nil, err
	}
	// No proxy is asked: everything is on loopback.
	tokens := &source{client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: provider}}}
	extensions := map[string]string{"logicalCluster": os.Getenv("KAFKA_LOGICAL_CLUSTER_ID"), "identityPoolId": pool}
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := tokens.token(ctx)
		return oauth.Auth{Token: token, Extensions: extensions}, err
	}), gateway, nil
}

// trusting trusts the certificate authority in the file that the variable names.
func trusting(variable string) (*tls.Config, error) {
	pem, err := os.ReadFile(os.Getenv(variable))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s=%s holds no certificate", variable, os.Getenv(variable))
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

// source holds the last token.
type source struct {
	client *http.Client
	mu     sync.Mutex
	last   string
	until  time.Time // when half of its life is over
}

func (s *source) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) {
		return s.last, nil
	}
	asked := time.Now()
	token, lives, err := s.fetch(ctx)
	if err != nil {
		return "", err
	}
	s.last, s.until = token, asked.Add(lives/2)
	return token, nil
}

// fetch asks as RFC 6749, section 4.4 says.
func (s *source) fetch(ctx context.Context) (token string, lives time.Duration, err error) {
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {os.Getenv("OAUTH_CLIENT_ID")},
		"client_secret": {os.Getenv("OAUTH_CLIENT_SECRET")},
		"scope":         {os.Getenv("OAUTH_SCOPE")},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("OAUTH_TOKEN_URL"), strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("token endpoint: %s: %s", resp.Status, body)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", 0, fmt.Errorf("token endpoint: %w", err)
	}
	return answer.AccessToken, time.Duration(answer.ExpiresIn) * time.Second, nil
}
