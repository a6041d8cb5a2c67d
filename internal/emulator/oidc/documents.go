package oidc

import (
	"encoding/json"
	"net/http"

	"github.com/klammhq/klamm/internal/jwt"
)

// publicCache lets keys and discovery be kept for an hour.
const publicCache = "max-age=3600, must-revalidate"

// discovery is the document of RFC 8414 and of OpenID Connect Discovery 1.0.
type discovery struct {
	Issuer        string   `json:"issuer"`
	TokenURL      string   `json:"token_endpoint"`
	JWKSURL       string   `json:"jwks_uri"`
	GrantTypes    []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

func (p *Provider) discoveryEndpoint(*http.Request) answer {
	return answer{status: http.StatusOK, body: discovery{
		Issuer:        p.Issuer(),
		TokenURL:      p.TokenURL(),
		JWKSURL:       p.JWKSURL(),
		GrantTypes:    []string{"client_credentials"},
		AuthMethods:   []string{"client_secret_basic", "client_secret_post"},
		Scopes:        p.scopes,
		ResponseTypes: []string{"token"},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{p.key.Alg()},
	}}.with("Cache-Control", publicCache)
}

func (p *Provider) keysEndpoint(*http.Request) answer {
	jwk := p.key.JWK(map[string]any{"alg": p.key.Alg()})
	return answer{status: http.StatusOK, body: json.RawMessage(jwt.MarshalSet(jwk))}.with("Cache-Control", publicCache)
}
