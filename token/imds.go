package token

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// IMDSEndpoint is where Azure's instance metadata service gives tokens to a
// machine's managed identities.
const IMDSEndpoint = "http://169.254.169.254/metadata/identity/oauth2/token"

const imdsVersion = "2018-02-01"

// AzureIMDS takes tokens of a managed identity from Azure's instance metadata
// service. Only Resource is required.
type AzureIMDS struct {
	Resource string // App ID URI or application id of the resource; no scope, so without "/.default"
	ClientID string // of the user-assigned identity; "" for the system-assigned one
	Endpoint string // IMDSEndpoint when empty
	// Transport is the standard library's without proxies when nil: the
	// service must be asked directly.
	Transport http.RoundTripper
}

// Token asks for a token.
func (s AzureIMDS) Token(ctx context.Context) (Token, error) {
	endpoint := s.Endpoint
	if endpoint == "" {
		endpoint = IMDSEndpoint
	}
	transport := s.Transport
	if transport == nil {
		transport = direct
	}
	query := url.Values{"api-version": {imdsVersion}, "resource": {s.Resource}}
	if s.ClientID != "" {
		query.Set("client_id", s.ClientID)
	}
	return exchange(ctx, noRedirect(transport), func(ctx context.Context) (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Metadata", "true")
		req.Header.Set("Accept", "application/json")
		return req, nil
	})
}

// direct is a transport without proxies.
var direct = &http.Transport{Proxy: nil, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second}
