package entra

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
)

// IssuerKeys finds a public key of an issuer that federated credentials trust.
// It is safe for concurrent use. An error is NotFound when the issuer publishes
// no key with this id; any other begins with the URL that could not be had.
type IssuerKeys interface {
	Key(ctx context.Context, issuer, kid string) (jwt.Key, error)
}

// NewIssuerKeys fetches keys by OpenID Connect Discovery 1.0 section 4: the
// issuer's document, and the key set that it names. It keeps neither, so that a
// rotation is seen at once. URLs are https, or http on loopback; what else may
// be reached is up to the client's transport.
func NewIssuerKeys(client *http.Client) IssuerKeys {
	guarded := *client
	guarded.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return fault.New(fault.Exhausted, "it redirects more than 3 times")
		}
		return checkIssuerURL(next.URL.String())
	}
	return issuerKeys{&guarded}
}

type issuerKeys struct{ client *http.Client }

// Limits of a fetch.
const (
	fetchTime   = 10 * time.Second // of both documents
	maxDocument = 256 << 10        // bytes of each
)

// Key implements [IssuerKeys].
func (k issuerKeys) Key(ctx context.Context, issuer, kid string) (jwt.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	at := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	raw, err := k.fetch(ctx, at)
	if err != nil {
		return jwt.Key{}, err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if json.Unmarshal(raw, &document) != nil || document.JWKSURI == "" {
		return jwt.Key{}, fault.New(fault.Malformed, "this is no discovery document with a jwks_uri").At(at)
	}
	if document.Issuer != issuer {
		return jwt.Key{}, fault.New(fault.Invalid, "the document is of the issuer %q, expected %q", show(document.Issuer), show(issuer)).At(at)
	}
	if raw, err = k.fetch(ctx, document.JWKSURI); err != nil {
		return jwt.Key{}, err
	}
	keys, err := jwt.ParseSet(raw)
	if err != nil {
		return jwt.Key{}, fault.New(fault.Malformed, "this is no key set").At(document.JWKSURI).Because(err)
	}
	return jwt.NewStatic(keys...).Key(ctx, kid)
}

func (k issuerKeys) fetch(ctx context.Context, at string) ([]byte, error) {
	failed := func(format string, args ...any) *fault.Error {
		return fault.New(fault.Unavailable, format, args...).At(at)
	}
	if err := checkIssuerURL(at); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, failed("this is no URL").Because(err)
	}
	answer, err := k.client.Do(r)
	if err != nil {
		return nil, failed("no answer").Because(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, failed("status %d, expected 200", answer.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err != nil || len(raw) > maxDocument {
		return nil, failed("the answer ends early or is above %d bytes", maxDocument).Because(err)
	}
	return raw, nil
}

// checkIssuerURL wants https, or http on loopback, and nothing beside host and
// path.
func checkIssuerURL(text string) error {
	u, err := url.Parse(text)
	if err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		ip, _ := netip.ParseAddr(u.Hostname())
		if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback()) {
			return nil
		}
	}
	return fault.New(fault.Invalid, "%q, expected https://HOST/PATH, or http on loopback", show(text))
}
