package entra

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What was captured at login.microsoftonline.com. Ids and times are "{}".
func TestCapturedRefusals(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	const tail = ". Trace ID: {} Correlation ID: {} Timestamp: {}"
	const page = "https://login.microsoftonline.com/error?code="
	guid := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	stamp := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`)
	for name, tt := range map[string]struct {
		body                    string
		status                  int
		oauth, description, uri string
		begins                  bool // ours goes on differently
	}{
		"wrong secret": {
			credentials("client_secret", "wrong", "scope", "api://kafka/.default"), 401, "invalid_client",
			"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'" + tail, page + "7000215", false,
		},
		"unknown resource": {
			credentials("scope", "api://not-a-registered-resource/.default"), 400, "invalid_resource",
			"AADSTS500011: The resource principal named api://not-a-registered-resource was not found in the tenant named {}.", page + "500011", true,
		},
		"unknown client": {
			credentials("client_id", "00000000-0000-0000-0000-000000000000", "scope", "api://kafka/.default"), 400, "unauthorized_client",
			"AADSTS700038: {} is not a valid application identifier" + tail, "", false,
		},
		"unsupported grant type": {
			credentials("grant_type", "no_such_grant", "scope", "api://kafka/.default"), 400, "unsupported_grant_type",
			"AADSTS70003: The app requested an unsupported grant type 'no_such_grant'" + tail, "", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			resp, got := do(t, s, newRequest(t, http.MethodPost, s.URL+"/"+id+"/oauth2/v2.0/token", tt.body))
			members := []string{"correlation_id", "error", "error_codes", "error_description", "timestamp", "trace_id"}
			if tt.uri != "" {
				members = append(members, "error_uri")
				slices.Sort(members)
			}
			if have := slices.Sorted(maps.Keys(got)); resp.StatusCode != tt.status || got["error"] != tt.oauth || !slices.Equal(have, members) {
				t.Errorf("status %d, error %v, members %v, want %v", resp.StatusCode, got["error"], have, members)
			}
			if uri, _ := got["error_uri"].(string); uri != tt.uri {
				t.Errorf("error_uri %q, want %q", uri, tt.uri)
			}
			text := stamp.ReplaceAllString(guid.ReplaceAllString(got["error_description"].(string), "{}"), "{}")
			if text != tt.description && !(tt.begins && strings.HasPrefix(text, tt.description) && strings.HasSuffix(text, tail)) {
				t.Errorf("%s\nwant %s", text, tt.description)
			}
			if resp.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", resp.Header.Get("Content-Type"))
			}
		})
	}
}

// The JOSE header is that of the token's version: x5t was dropped in 2.
func TestJOSEHeader(t *testing.T) {
	e, s := start(t, nil)
	kid := testKeys()[0].Kid
	for resource, want := range map[string]map[string]any{
		"api://kafka":  {"typ": "JWT", "alg": "RS256", "kid": kid},
		"api://legacy": {"typ": "JWT", "alg": "RS256", "kid": kid, "x5t": kid},
	} {
		got := ask(t, s, "/"+e.TenantID(0)+"/oauth2/v2.0/token", credentials("scope", resource+"/.default"))
		first, _, _ := strings.Cut(got["access_token"].(string), ".")
		plain, err := base64.RawURLEncoding.DecodeString(first)
		if err != nil {
			t.Fatal(err)
		}
		header := map[string]any{}
		if err := json.Unmarshal(plain, &header); err != nil || !maps.Equal(header, want) {
			t.Errorf("%s: header %s, want %v", resource, plain, want)
		}
	}
}

// The members of both documents are Microsoft's, all of them and no others.
func TestDiscoveryMembers(t *testing.T) {
	e, s := start(t, nil)
	const both = `authorization_endpoint claims_supported cloud_graph_host_name cloud_instance_name device_authorization_endpoint
		end_session_endpoint frontchannel_logout_supported http_logout_supported id_token_signing_alg_values_supported issuer jwks_uri
		kerberos_endpoint msgraph_host rbac_url response_modes_supported response_types_supported scopes_supported
		subject_types_supported tenant_region_scope token_endpoint token_endpoint_auth_methods_supported userinfo_endpoint`
	for path, tt := range map[string]struct{ more, methods, types, scopes string }{
		"/v2.0/": {
			"mtls_endpoint_aliases request_uri_parameter_supported tls_client_certificate_bound_access_tokens",
			"client_secret_post,private_key_jwt,client_secret_basic,self_signed_tls_client_auth",
			"code,id_token,code id_token,id_token token", "openid,profile,email,offline_access",
		},
		"/": {
			"check_session_iframe microsoft_multi_refresh_token",
			"client_secret_post,private_key_jwt,client_secret_basic",
			"code,id_token,code id_token,token id_token,token", "openid",
		},
	} {
		resp, got := do(t, s, newRequest(t, http.MethodGet, s.URL+"/"+e.TenantID(0)+path+".well-known/openid-configuration", ""))
		want := strings.Fields(both + " " + tt.more)
		slices.Sort(want)
		if have := slices.Sorted(maps.Keys(got)); !slices.Equal(have, want) {
			t.Errorf("%s: members\n%v, want\n%v", path, have, want)
		}
		if cache := resp.Header.Get("Cache-Control"); cache != "max-age=86400, private" {
			t.Errorf("%s: Cache-Control %q", path, cache)
		}
		for name, list := range map[string]string{
			"token_endpoint_auth_methods_supported": tt.methods, "response_types_supported": tt.types, "scopes_supported": tt.scopes,
			"response_modes_supported": "query,fragment,form_post", "subject_types_supported": "pairwise", "id_token_signing_alg_values_supported": "RS256",
		} {
			var have []string
			for _, one := range got[name].([]any) {
				have = append(have, one.(string))
			}
			if strings.Join(have, ",") != list {
				t.Errorf("%s: %s is %v, want %s", path, name, have, list)
			}
		}
	}
}
