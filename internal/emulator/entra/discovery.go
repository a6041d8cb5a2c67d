package entra

import (
	"maps"
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
	return e.discovery(w, r, 1)
}

func (e *Entra) discoveryV2(w http.ResponseWriter, r *http.Request) error {
	return e.discovery(w, r, 2)
}

// discovery writes the metadata of OpenID Connect Discovery 1.0 section 3, with
// Microsoft's own members. Endpoints for people, and clients' certificates in
// TLS, are named and not served.
func (e *Entra) discovery(w http.ResponseWriter, r *http.Request, version int) error {
	id, err := e.tenantOrCommon(r.PathValue("tenant"))
	if err != nil {
		return err
	}
	name, region := id, any("WW")
	if id == anyTenant {
		name, region = r.PathValue("tenant"), nil
	}
	at := e.baseURL() + "/" + name
	document := map[string]any{
		"issuer":                                e.Issuer(id, version),
		"kerberos_endpoint":                     at + "/kerberos",
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"http_logout_supported":                 true,
		"frontchannel_logout_supported":         true,
		"tenant_region_scope":                   region,
		"cloud_instance_name":                   "microsoftonline.com",
		"cloud_graph_host_name":                 "graph.windows.net",
		"msgraph_host":                          "graph.microsoft.com",
		"rbac_url":                              "https://pas.windows.net",
	}
	if version == 1 {
		maps.Copy(document, metadataV1(e.baseURL(), at))
	} else {
		maps.Copy(document, metadataV2(at))
	}
	return publish(w, document)
}

// metadataV1 are the members of the first version's document that differ.
func metadataV1(base, at string) map[string]any {
	return map[string]any{
		"token_endpoint":                        at + "/oauth2/token",
		"authorization_endpoint":                at + "/oauth2/authorize",
		"device_authorization_endpoint":         at + "/oauth2/devicecode",
		"end_session_endpoint":                  at + "/oauth2/logout",
		"check_session_iframe":                  at + "/oauth2/checksession",
		"userinfo_endpoint":                     at + "/openid/userinfo",
		"jwks_uri":                              base + "/common/discovery/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "token id_token", "token"},
		"scopes_supported":                      []string{"openid"},
		"claims_supported": []string{
			"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
			"aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "email", "given_name", "family_name", "nickname",
		},
		"microsoft_multi_refresh_token": true,
	}
}

// metadataV2 are those of the second version.
func metadataV2(at string) map[string]any {
	return map[string]any{
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         at + "/oauth2/v2.0/devicecode",
		"end_session_endpoint":                  at + "/oauth2/v2.0/logout",
		"userinfo_endpoint":                     "https://graph.microsoft.com/oidc/userinfo",
		"jwks_uri":                              at + "/discovery/v2.0/keys",
		"mtls_endpoint_aliases":                 map[string]string{"token_endpoint": at + "/oauth2/v2.0/token"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic", "self_signed_tls_client_auth"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"claims_supported": []string{
			"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
			"aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
		},
		"request_uri_parameter_supported":            false,
		"tls_client_certificate_bound_access_tokens": false,
	}
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
