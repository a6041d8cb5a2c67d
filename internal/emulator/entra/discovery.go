package entra

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// anyTenant stands in the issuer of the documents that serve all tenants, as
// it does at Microsoft: validators that know no more than OpenID Connect fail
// on it.
const anyTenant = "{tenantid}"

// tenantOrCommon is the tenant id of a document, or [anyTenant].
func (e *Entra) tenantOrCommon(name string) (string, error) {
	if e.baseURL() == "" {
		return "", fault.New(fault.Internal, "the own address is not known before SetBaseURL")
	}
	if name == "common" || name == "organizations" {
		return anyTenant, nil
	}
	t, err := e.namedTenant(name)
	if err != nil {
		return "", err
	}
	return t.id, nil
}

func (e *Entra) discoveryV1(w http.ResponseWriter, r *http.Request) error {
	return e.discovery(w, r, 1, "/oauth2", "/common/discovery/keys")
}

func (e *Entra) discoveryV2(w http.ResponseWriter, r *http.Request) error {
	return e.discovery(w, r, 2, "/oauth2/v2.0", "")
}

// discovery writes the metadata of OpenID Connect Discovery 1.0 section 3, with
// Microsoft's own members. Endpoints for people are named and not served.
func (e *Entra) discovery(w http.ResponseWriter, r *http.Request, version int, oauth, keySet string) error {
	id, err := e.tenantOrCommon(r.PathValue("tenant"))
	if err != nil {
		return err
	}
	name := id
	if id == anyTenant {
		name = r.PathValue("tenant")
	}
	at := e.baseURL() + "/" + name
	if keySet == "" {
		keySet = "/" + name + "/discovery/v2.0/keys"
	}
	return publish(w, map[string]any{
		"issuer":                                     e.Issuer(id, version),
		"token_endpoint":                             at + oauth + "/token",
		"jwks_uri":                                   e.baseURL() + keySet,
		"authorization_endpoint":                     at + oauth + "/authorize",
		"device_authorization_endpoint":              at + oauth + "/devicecode",
		"end_session_endpoint":                       at + oauth + "/logout",
		"kerberos_endpoint":                          at + "/kerberos",
		"userinfo_endpoint":                          "https://graph.microsoft.com/oidc/userinfo",
		"token_endpoint_auth_methods_supported":      []string{"client_secret_post", "client_secret_basic"},
		"response_modes_supported":                   []string{"query", "fragment", "form_post"},
		"response_types_supported":                   []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":                    []string{"pairwise"},
		"scopes_supported":                           []string{"openid", "profile", "email", "offline_access"},
		"id_token_signing_alg_values_supported":      []string{"RS256"},
		"claims_supported":                           []string{"sub", "iss", "aud", "exp", "iat", "tid", "ver", "oid", "azp", "roles"},
		"request_uri_parameter_supported":            false,
		"http_logout_supported":                      true,
		"frontchannel_logout_supported":              true,
		"tls_client_certificate_bound_access_tokens": false,
		"tenant_region_scope":                        nil,
		"cloud_instance_name":                        "microsoftonline.com",
		"cloud_graph_host_name":                      "graph.windows.net",
		"msgraph_host":                               "graph.microsoft.com",
		"rbac_url":                                   "https://pas.windows.net",
	})
}

// instance tells SDKs that this address is a cloud of its own.
func (e *Entra) instance(w http.ResponseWriter, r *http.Request) error {
	endpoint := r.URL.Query().Get("authorization_endpoint")
	if endpoint == "" {
		return refuse(900144, "authorization_endpoint")
	}
	parsed, err := url.Parse(endpoint)
	if err != nil {
		return refuse(9002313)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(parsed.Path, "/"), "/")
	if _, err := e.tenantOrCommon(name); err != nil {
		return err
	}
	own, err := url.Parse(e.baseURL())
	if err != nil {
		return fault.New(fault.Internal, "the own address is no URL").Because(err)
	}
	return publish(w, map[string]any{
		"tenant_discovery_endpoint": e.baseURL() + "/" + name + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": own.Host, "preferred_cache": own.Host, "aliases": []string{own.Host},
		}},
	})
}
