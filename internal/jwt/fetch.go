package jwt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// newClient makes an HTTP client that reaches only what o allows.
func newClient(o RemoteOptions) (*http.Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the address of the key set is not a URL").At("jwks_uri").Because(err)
	}
	proxied := o.Proxy.leads(u.Hostname())
	reachable := reach{host: u.Hostname(), private: o.NamedInConfiguration || o.AllowPlainLoopback, plain: o.AllowPlainLoopback && !proxied}
	if err := reachable.checkURL(u); err != nil {
		return nil, err
	}
	roots, err := certPool(o.CA)
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		guarded := &http.Transport{
			DialContext:            reachable.dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout:    fetchTime,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true, // one request an hour
		}
		if proxied {
			if err := o.Proxy.through(guarded); err != nil {
				return nil, err
			}
		}
		transport = guarded
	}
	return &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fault.New(fault.Exhausted, "the key set redirects more than %d times", maxRedirects)
		}
		if proxied && next.URL.Host != u.Host {
			return fault.New(fault.Forbidden, "the key set redirects to another host, whose address cannot be checked behind a proxy").At("jwks_uri")
		}
		return reachable.checkURL(next.URL)
	}}, nil
}

// certPool is nil, the system's authorities, when there is no text.
func certPool(text string) (*x509.CertPool, error) {
	if text == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, fault.New(fault.Invalid, "there is no certificate, expected PEM").At("ca")
	}
	return pool, nil
}

// answer is what a fetch found.
type answer struct {
	keys  keys
	fresh time.Duration // until the next refresh
}

func fetchSet(ctx context.Context, client *http.Client, address string) (answer, error) {
	failed := func(format string, args ...any) *fault.Error {
		return fault.New(fault.Unavailable, format, args...).At("jwks_uri")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, failed("the key set cannot be asked for").Because(err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := client.Do(request)
	if err != nil {
		return answer{}, failed("the key set cannot be fetched").Because(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return answer{}, failed("the key set answers with status %d, expected 200", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSet+1))
	if err != nil {
		return answer{}, failed("the key set ends early").Because(err)
	}
	if len(body) > maxSet {
		return answer{}, failed("the key set has more than %d bytes", maxSet)
	}
	set, err := ParseSet(body)
	if err != nil {
		kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
		return answer{}, failed("the answer (%q) is no key set, expected a JWK set (RFC 7517)", brief(kind)).Because(err)
	}
	// Providers shuffle their sets; the order must not look like a change.
	slices.SortStableFunc(set, func(a, b Key) int { return strings.Compare(a.ID, b.ID) })
	return answer{set, freshFor(response.Header.Get("Cache-Control"))}, nil
}

// freshFor is max-age (RFC 9111 section 5.2.2.1) within our limits.
func freshFor(cacheControl string) time.Duration {
	fresh := maxInterval
	for directive := range strings.SplitSeq(strings.ToLower(cacheControl), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			fresh = minInterval
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				fresh = min(fresh, time.Duration(seconds)*time.Second)
			}
		}
	}
	return max(fresh, minInterval)
}
