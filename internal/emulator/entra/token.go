package entra

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/secret"
)

// tokenV1 is the endpoint that takes a resource and answers with numbers as
// strings.
func (e *Entra) tokenV1(w http.ResponseWriter, r *http.Request) error {
	g, err := e.clientCredentials(r, resourceV1)
	if err != nil {
		return err
	}
	lasts := strconv.FormatInt(g.ExpiresIn(), 10)
	return writeGrant(w, map[string]any{
		"token_type": "Bearer", "expires_in": lasts, "ext_expires_in": lasts,
		"expires_on": strconv.FormatInt(g.Expires.Unix(), 10), "not_before": strconv.FormatInt(g.NotBefore.Unix(), 10),
		"resource": g.Resource, "access_token": g.Token.Reveal(),
	})
}

// tokenV2 is the endpoint that takes a scope. The version of the token is not
// the endpoint's but the resource's.
func (e *Entra) tokenV2(w http.ResponseWriter, r *http.Request) error {
	g, err := e.clientCredentials(r, resourceV2)
	if err != nil {
		return err
	}
	return writeGrant(w, map[string]any{
		"token_type": "Bearer", "expires_in": g.ExpiresIn(), "ext_expires_in": g.ExpiresIn(), "access_token": g.Token.Reveal(),
	})
}

func writeGrant(w http.ResponseWriter, body map[string]any) error {
	noStore(w)
	return httpd.WriteJSON(w, http.StatusOK, body)
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
}

// namedTenant finds the tenant of a URL's path.
func (e *Entra) namedTenant(name string) (*tenant, error) {
	if t := e.tenant(name); t != nil {
		return t, nil
	}
	switch {
	case name == "common" || name == "consumers":
		return nil, refuse(9001023, name)
	case name == "organizations":
		return nil, refuse(50059, name)
	case isUUID(name) || strings.Contains(name, "."):
		return nil, refuse(90002, name)
	}
	return nil, refuse(900023, name)
}

// resourceV1 reads the parameter resource: an App ID URI or an id.
func resourceV1(form httpd.Form) (string, error) {
	if form["resource"] == "" {
		return "", refuse(900144, "resource")
	}
	return form["resource"], nil
}

// resourceV2 reads the parameter scope: a resource and /.default. Scopes of
// OpenID Connect, which SDKs add to everything, mean nothing here.
func resourceV2(form httpd.Form) (string, error) {
	if _, ok := form["resource"]; ok {
		return "", refuse(901002)
	}
	scope, ok := form["scope"]
	if !ok {
		return "", refuse(900144, "scope")
	}
	var asked, others []string
	for _, one := range strings.Fields(scope) {
		resource, isDefault := strings.CutSuffix(one, "/.default")
		switch {
		case one == "openid" || one == "profile" || one == "offline_access":
		case isDefault && resource == "":
			return "", refuse(70011, scope)
		case isDefault && !strings.Contains(resource, "%"):
			asked = append(asked, resource)
		default:
			others = append(others, one)
		}
	}
	switch {
	case len(asked) == 1 && len(others) == 0:
		return asked[0], nil
	case len(asked) > 1:
		return "", refuse(700022)
	case len(asked) == 1:
		return "", refuse(70011, scope)
	case len(others) > 0:
		return "", refuse(1002012, scope)
	}
	return "", refuse(28003)
}

// Grant is a token with what an endpoint says about it.
type Grant struct {
	Token     secret.String
	ClientID  string
	Resource  string // as asked
	NotBefore time.Time
	Expires   time.Time
}

// ExpiresIn is the lifetime in seconds as answers have it: one less than it is.
func (g Grant) ExpiresIn() int64 {
	return int64((g.Expires.Sub(g.NotBefore)-backdated)/time.Second) - 1
}
