package oidc

import (
	"encoding/json"
	"net/http"

	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
)

// publicCache lets keys and discovery be kept for an hour.
const publicCache = "max-age=3600, must-revalidate"

// discovery is the document of RFC 8414 and of OpenID Connect Discovery 1.0.
type discovery struct {
	Issuer        string   `json:"issuer"`
	TokenURL      string   `json:"token_endpoint,omitempty"`
	JWKSURL       string   `json:"jwks_uri"`
	GrantTypes    []string `json:"grant_types_supported,omitempty"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

func (p *Provider) discoveryEndpoint(*http.Request) answer {
	document := discovery{
		Issuer:        p.Issuer(),
		JWKSURL:       p.JWKSURL(),
		Scopes:        p.scopes,
		ResponseTypes: []string{"id_token"},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{p.shape.alg},
	}
	if p.shape.token != "" {
		document.TokenURL = p.TokenURL()
		document.GrantTypes = []string{"client_credentials"}
		document.AuthMethods = []string{httpd.SecretBasic, httpd.SecretPost}
		document.ResponseTypes = []string{"token"}
	}
	return answer{status: http.StatusOK, body: document}.with("Cache-Control", publicCache)
}

func (p *Provider) keysEndpoint(*http.Request) answer {
	var set []json.RawMessage
	for _, key := range p.keys.now().published {
		set = append(set, key.JWK(map[string]any{"alg": key.Alg()}))
	}
	return answer{status: http.StatusOK, body: json.RawMessage(jwt.MarshalSet(set...))}.with("Cache-Control", publicCache)
}
