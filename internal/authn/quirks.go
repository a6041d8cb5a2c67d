package authn

import (
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// entra is what only tokens of Microsoft Entra ID know.
//
// https://learn.microsoft.com/entra/identity-platform/access-tokens
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
type entra struct {
	issuer  string
	tenant  string // of the issuer
	version string // "1.0" or "2.0", that of the issuer
	client  string // the claim that names the application: appid or azp
}

// entraVersionMend is where the version of a token is decided.
const entraVersionMend = "the version is that of the resource application (the one that stands for Kafka), not of the client: " +
	"set requestedAccessTokenVersion (accessTokenAcceptedVersion in the old manifest format) to 2 in its manifest; " +
	"a managed identity keeps its cached token of the old version for up to 24 h"

// newEntra reads tenant and version from an issuer: https://HOST/TENANT/v2.0,
// or https://HOST/TENANT/ for version 1.
func newEntra(issuer string) (*entra, error) {
	bad := fault.New(fault.Invalid, "%q is no issuer of Microsoft Entra, expected https://HOST/TENANT/v2.0 or https://HOST/TENANT/", issuer).
		Mend("give entra_tenant, or leave out type: entra")
	_, path, ok := strings.Cut(issuer, "://")
	if !ok {
		return nil, bad
	}
	e := &entra{issuer: issuer, version: "1.0", client: "appid"}
	if rest, v2 := strings.CutSuffix(path, "/v2.0"); v2 {
		path, e.version, e.client = rest, "2.0", "azp"
	} else if path, ok = strings.CutSuffix(path, "/"); !ok {
		return nil, bad
	}
	slash := strings.LastIndexByte(path, '/')
	if slash <= 0 || slash == len(path)-1 {
		return nil, bad
	}
	e.tenant = path[slash+1:]
	return e, nil
}

// check looks at the claims that tell an access token of this issuer from
// other tokens of the same tenant. Nothing is verified yet.
func (e *entra) check(t *trail, claims map[string]any) error {
	if claims["ver"] != e.version {
		return t.fail(EntraVersion, "Entra version", claim(claims, "ver"), show(e.version)+", since the issuer is "+show(e.issuer), "")
	}
	if claims["tid"] != e.tenant {
		return t.fail(EntraTenant, "Entra tenant", claim(claims, "tid"), show(e.tenant)+", the tenant of the issuer", "")
	}
	for _, mark := range []string{"nonce", "at_hash", "c_hash"} {
		if _, found := claims[mark]; found {
			return t.fail(IDToken, "Entra token type", "the claim "+mark+", which only ID tokens have", "an access token", "")
		}
	}
	if client, ok := claims[e.client].(string); !ok || client == "" {
		return t.fail(EntraClient, "Entra client", claim(claims, e.client), "the application's id in "+e.client, "")
	}
	t.ok("Entra claims", "version "+e.version+", tenant "+e.tenant+", client "+show(claims[e.client]))
	return nil
}

// checkKey compares the member issuer of the key, which Entra adds to its key
// sets, with the token's: the common key set serves all tenants and clouds.
//
// https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer
func (e *entra) checkKey(t *trail, issuer string) error {
	if issuer == "" || strings.ReplaceAll(issuer, "{tenantid}", e.tenant) == e.issuer {
		return nil
	}
	return t.fail(KeyIssuer, "key", "a key of "+show(issuer), "one of "+show(e.issuer), "")
}

// audienceMend knows the two spellings of an Entra audience.
func (e *entra) audienceMend(claims map[string]any) string {
	aud, _ := claims["aud"].(string)
	switch {
	case e.version == "2.0" && aud != "":
		return "a version 2 token's aud is the resource application's id (a GUID), whatever URI was asked for: list that id, not the App ID URI; or request a token for the right application"
	case e.version == "1.0" && aud != "":
		return "a version 1 token's aud is the resource exactly as it was asked for, App ID URI or GUID; list that spelling, or ask for one that is listed"
	}
	return ""
}

// isEntraV1 recognises a version 1 token whose issuer nobody knows.
func isEntraV1(claims map[string]any) bool {
	iss, _ := claims["iss"].(string)
	_, appid := claims["appid"].(string)
	return iam.MicrosoftOf(iss).V1 || claims["ver"] == "1.0" && appid
}

// issuerMend guesses why an issuer is unknown.
func (a *Authenticator) issuerMend(claims map[string]any) string {
	iss, _ := claims["iss"].(string)
	if isEntraV1(claims) {
		return "this is an Entra v1 token: " + entraVersionMend + "; or add an identity provider for the v1 issuer"
	}
	for known, p := range a.issuers {
		if p.entra != nil && p.entra.version == "1.0" && claims["ver"] == "2.0" && claims["tid"] == p.entra.tenant {
			return "this is an Entra v2 token, and " + p.ID + " is for the v1 tokens of the same tenant: add an identity provider for the v2 issuer, " +
				"and look at filters and audiences, since v2 tokens have azp in place of appid and a GUID as aud"
		}
		if iss != "" && strings.EqualFold(strings.TrimRight(known, "/"), strings.TrimRight(iss, "/")) {
			return "issuers are compared byte for byte, and " + p.ID + " has " + show(known) + "; copy the token's iss into the provider"
		}
	}
	return ""
}

// wantedIssuers lists what would have been known.
func (a *Authenticator) wantedIssuers() string {
	list := make([]string, 0, len(a.issuers))
	for issuer, p := range a.issuers {
		if !p.Disabled {
			list = append(list, issuer)
		}
	}
	if len(list) == 0 {
		return "the issuer of an enabled identity provider; there is none"
	}
	return "one of " + show(sorted(list))
}
