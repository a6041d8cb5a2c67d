// Package imds is Azure's instance metadata service as far as managed
// identities need it: one address that hands out tokens to whoever is on the
// machine, in the words, headers and limits of the real one. The same tokens are
// had as App Service and as Azure Arc hand them out, each at its path.
//
// It makes no token: an [Issuer] does. It never redirects, never asks the
// network, never logs, and never shows why an issuer failed. Who may reach it
// is decided by the listener that it is served on: it belongs on loopback or on
// the link-local address, never on a network.
//
// Source: Microsoft's page "How to use managed identities to acquire an access
// token" and the imds specification of azure-rest-api-specs.
package imds

import (
	"net/http"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// Path is where tokens are.
const Path = "/metadata/identity/oauth2/token"

// Issuer is the directory behind the machine. It is safe for concurrent use.
type Issuer interface {
	// Identities are those assigned to this machine.
	Identities() []Identity
	// Token makes a new token. An error with a [Refused] in its chain is told to
	// the client; any other is answered 500 and nothing.
	Token(identity Identity, resource string) (Grant, error)
}

// Identity is a managed identity. Its ids are compared without regard to case.
type Identity struct {
	Name       string
	ClientID   string // GUID
	ObjectID   string // GUID of the service principal
	ResourceID string // "/subscriptions/…/userAssignedIdentities/name"
	System     bool   // system-assigned: the one that answers when none is named
}

// Grant is a token that an issuer made.
type Grant struct {
	AccessToken secret.String
	Version     string // "1.0" or "2.0", for people; "" when the token has none
	Expires     time.Time
	NotBefore   time.Time
}

// Refused is the directory's refusal of a token.
type Refused struct {
	Code int    // 500011 stands for AADSTS500011
	Text string // the sentence after the code, without trace and time
}

// Config says what the service serves.
type Config struct {
	Issuer Issuer
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// AppService is the secret that programs of an App Service send; the zero one
	// closes [AppServicePath].
	AppService secret.String
	// ArcKeys is the folder for the files by which programs prove to Azure Arc
	// that they are on the machine; "" closes [ArcPath]. Only Arc writes there.
	ArcKeys string
	// Unthrottled turns off the limits of the identity endpoint, 20 requests per
	// second and 5 at a time.
	Unthrottled bool
}

// IMDS is the service. It is safe for concurrent use.
type IMDS struct {
	issuer Issuer
	now    func() time.Time
	cache  cache
	doors  map[string]door // by path
}

// New makes a service. Config.Issuer is required.
func New(c Config) (*IMDS, error) {
	if c.Issuer == nil {
		return nil, fault.New(fault.Invalid, "the metadata service needs an issuer of tokens, and has none")
	}
	doors, err := c.doors()
	if err != nil {
		return nil, err
	}
	s := &IMDS{issuer: c.Issuer, now: c.Now, doors: doors}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// ServeHTTP implements [http.Handler]. It compares the path itself, since a
// ServeMux redirects paths that it finds untidy.
func (s *IMDS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, found := s.doors[r.URL.Path]
	if !found {
		notFound.write(w, server)
		return
	}
	a, q := s.answer(d, r)
	if d.words != nil {
		a = d.words(a, q)
	}
	a.write(w, d.server)
}

func (s *IMDS) grant(identity Identity, q query) (Grant, error) {
	return s.cache.get(key{identity.ClientID, q.resource}, s.now(), q.bypassCache, func() (Grant, error) {
		return s.issuer.Token(identity, q.resource)
	})
}
