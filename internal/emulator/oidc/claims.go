package oidc

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// oktaClaims are those of an access token of version 1.
func oktaClaims(g grant) map[string]any {
	return map[string]any{
		"ver": 1,
		"jti": "AT." + g.id,
		"iss": g.issuer,
		"aud": g.audience[0],
		"iat": g.issued.Unix(),
		"exp": g.expires.Unix(),
		"cid": g.client.ID,
		"scp": g.scopes,
		"sub": g.client.ID,
	}
}

// cloudentityClaims: aud and scp are lists, the client stands in both aud and
// sub, the workspace in aid. What a client that asks for no scope is granted
// depends on the workspace; here it is none.
func cloudentityClaims(g grant) map[string]any {
	tenant, workspace, _ := strings.Cut(g.server, "/")
	return map[string]any{
		"jti": uuid(g.id),
		"iss": g.issuer,
		"aud": append([]string{g.client.ID}, g.audience...),
		"iat": g.issued.Unix(),
		"nbf": g.issued.Unix(),
		"exp": g.expires.Unix(),
		"scp": g.scopes,
		"sub": g.client.ID,
		"tid": tenant,
		"aid": workspace,
	}
}

// cognitoClaims are those of an access token, which has no aud
// (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html).
// Groups are people's there; here a client may have some, for filters over them.
func cognitoClaims(g grant) map[string]any {
	claims := map[string]any{
		"version":   2,
		"jti":       uuid(g.id),
		"iss":       g.issuer,
		"iat":       g.issued.Unix(),
		"auth_time": g.issued.Unix(),
		"exp":       g.expires.Unix(),
		"token_use": "access",
		"scope":     strings.Join(g.scopes, " "),
		"client_id": g.client.ID,
		"sub":       g.client.ID,
	}
	if len(g.client.Roles) > 0 {
		claims["cognito:groups"] = g.client.Roles
	}
	return claims
}

// keycloakClaims are those of a service account's token. Its roles in the
// client "account", which every account has unless they are taken away, put
// "account" into aud; an audience mapper adds another. One audience is a
// string, several are a list.
func keycloakClaims(g grant) map[string]any {
	const account = "account"
	claims := map[string]any{
		"jti":                uuid(g.id),
		"iss":                g.issuer,
		"aud":                account,
		"iat":                g.issued.Unix(),
		"exp":                g.expires.Unix(),
		"typ":                "Bearer",
		"azp":                g.client.ID,
		"client_id":          g.client.ID,
		"sub":                uuid(g.server + " " + g.client.ID),
		"acr":                "1",
		"scope":              strings.Join(g.scopes, " "),
		"email_verified":     false,
		"preferred_username": "service-account-" + strings.ToLower(g.client.ID),
		"realm_access":       map[string]any{"roles": append([]string{"default-roles-" + strings.ToLower(g.server), "offline_access", "uma_authorization"}, g.client.Roles...)},
		"resource_access":    map[string]any{account: map[string]any{"roles": []string{"manage-account", "manage-account-links", "view-profile"}}},
	}
	if g.audience[0] != account {
		claims["aud"] = []string{g.audience[0], account}
	}
	return claims
}

// uuid is one of version 4's form that stands for text, always the same.
func uuid(text string) string {
	b := sha256.Sum256([]byte(text))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
