package oidc

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// Client is an application that may ask for tokens; of Kubernetes' shape, whose
// ID is "namespace/name", a service account, which has no secret.
type Client struct {
	ID       string
	Secret   secret.String
	Disabled bool
	Roles    []string // Keycloak's realm roles, Cognito's groups; other shapes have none
	// Method is the only way in which it may send its secret, client_secret_basic
	// or client_secret_post; either when empty.
	Method string
}

// Config says what a provider serves. Clients, Audience where the shape's tokens
// have one, and Scopes where it wants one in every request, are required.
type Config struct {
	Name     string // what an administrator calls it; Server when empty
	Shape    Shape
	Server   string // what stands in the paths, see the shapes, such as "default"
	Audience string
	Scopes   []string // those that a client may ask for
	Clients  []Client
	// BaseURL is scheme and authority that clients use, "https://127.0.0.1:8444".
	// It may come later with [Provider.SetBaseURL]; nothing is served before.
	BaseURL       string
	TokenLifetime time.Duration    // one hour when zero
	Now           func() time.Time // time.Now when nil
	Key           *jwt.SigningKey  // that signs first; a new RSA key of 2048 bits when nil
}

// check finds what would make a provider that lets anybody in, or nobody.
func (c Config) check(row shape) error {
	switch {
	case !pathOf(c.Server, row.parts):
		return fault.New(fault.Invalid, "the authorization server is %q: expected %d part(s) of a path", c.Server, row.parts).At("server")
	case c.Audience == "" && !row.noAudience:
		return fault.New(fault.Invalid, "no audience: every token needs one").At("audience")
	case c.Audience != "" && row.noAudience:
		return fault.New(fault.Invalid, "the audience %q: expected none, since tokens of this shape have no aud", c.Audience).At("audience")
	case row.scopeRequired && len(c.Scopes) == 0:
		return fault.New(fault.Invalid, "no scopes: expected one at least, since clients must ask for one").At("scopes")
	case len(c.Scopes) > 0 && row.token == "":
		return fault.New(fault.Invalid, "the scopes %q: expected none, since tokens of this shape have no scope", c.Scopes).At("scopes")
	case len(c.Clients) == 0:
		return fault.New(fault.Invalid, "no clients: expected one at least").At("clients")
	case c.Key != nil && c.Key.Alg() != row.alg:
		return fault.New(fault.Invalid, "the key signs %s: expected one that signs %s", c.Key.Alg(), row.alg).At("key")
	case c.TokenLifetime < 0:
		return fault.New(fault.Invalid, "the lifetime of tokens is %s: expected a positive one", c.TokenLifetime).At("token_lifetime")
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\r\n\"\\") {
			return fault.New(fault.Invalid, "the scope %q is none: expected a word without spaces, quotes and backslashes", scope).At("scopes")
		}
	}
	seen := map[string]bool{}
	for _, client := range c.Clients {
		if err := client.check(row); err != nil {
			return err.At("clients")
		}
		if seen[client.ID] {
			return fault.New(fault.Invalid, "the client %q is there twice", client.ID).At("clients")
		}
		seen[client.ID] = true
	}
	return nil
}

// serviceAccount is namespace and name, each a DNS label (RFC 1123).
var serviceAccount = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (c Client) check(row shape) *fault.Error {
	plain := func(s string) bool {
		return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) })
	}
	switch {
	case row.token == "" && !serviceAccount.MatchString(c.ID):
		return fault.New(fault.Invalid, "the client id %.255q is none: expected NAMESPACE/NAME of a service account", c.ID)
	case !plain(c.ID) || strings.ContainsAny(c.ID, ":+%"):
		return fault.New(fault.Invalid, "the client id %.255q is none: expected printable text, without spaces and without colon, plus and percent, which Basic authentication reads otherwise", c.ID)
	case c.Secret.IsZero() != (row.token == ""):
		if row.token == "" {
			return fault.New(fault.Invalid, "the client %q has a secret: expected none, since a service account has a token instead", c.ID)
		}
		return fault.New(fault.Invalid, "the client %q has no secret", c.ID)
	case len(c.Roles) > 0 && !row.roles:
		return fault.New(fault.Invalid, "the client %q has roles: expected none, since tokens of this shape carry none", c.ID)
	case c.Method != "" && !row.perClient:
		return fault.New(fault.Invalid, "the client %q is limited to %.64q: expected no limit, since clients of this shape have none", c.ID, c.Method)
	case c.Method != "" && c.Method != httpd.SecretBasic && c.Method != httpd.SecretPost:
		return fault.New(fault.Invalid, "the client %q sends its secret by %.64q: expected %s or %s", c.ID, c.Method, httpd.SecretBasic, httpd.SecretPost)
	}
	for _, role := range c.Roles {
		if !plain(role) {
			return fault.New(fault.Invalid, "the role %.255q of the client %q is none: expected printable text without spaces", role, c.ID)
		}
	}
	return nil
}
