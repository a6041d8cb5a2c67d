package authn

import (
	"slices"
	"strconv"
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
func entraVersionMend(version string) string {
	return "the version is that of the resource application (the one that stands for Kafka), not of the client: " +
		"set requestedAccessTokenVersion (accessTokenAcceptedVersion in the old manifest format) to " + version[:1] + " in its manifest; " +
		"a managed identity is given its cached token of the old version for up to 24 h"
}

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
		return t.fail(EntraVersion, "Entra version", claim(claims, "ver"), show(e.version)+", since the issuer is "+show(e.issuer), entraVersionMend(e.version))
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
	return t.fail(KeyIssuer, "key", "a key of "+show(issuer), "a key of "+show(e.issuer), "")
}

// entraAudienceMend knows the two spellings of an Entra audience.
func (p *provider) entraAudienceMend(aud string) string {
	switch {
	case aud == "":
		return ""
	case p.entra.version == "1.0":
		return "a version 1 token's aud is the resource exactly as it was asked for, App ID URI or GUID: add that spelling to audiences of " + p.ID + ", or ask for one that is listed"
	case isGUID(aud) && slices.ContainsFunc(p.Audiences, isGUID):
		return "this token is for the application " + aud + ": ask for the one that stands for Kafka, by its scope=APP-ID-URI/.default or resource=APP-ID-URI"
	}
	return "a version 2 token's aud is the resource application's id (a GUID), whatever URI was asked for: write that id in audiences of " + p.ID + ", not the App ID URI"
}

func isGUID(s string) bool { return len(s) == 36 && strings.Count(s, "-") == 4 }

// ofMicrosoft are resources of Microsoft's own, whose tokens nobody else can
// use. Samples ask for them, and so do clients that were given no resource.
var ofMicrosoft = []string{
	"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000",
	"https://management.azure.com", "https://management.core.windows.net", "https://vault.azure.net", "https://storage.azure.com",
	"https://eventhubs.azure.net",
}

// forMicrosoft is the mend of a token that was asked for with the wrong
// resource; "" for others.
func forMicrosoft(claims map[string]any) string {
	aud, _ := claims["aud"].(string)
	if !slices.Contains(ofMicrosoft, strings.TrimSuffix(aud, "/")) {
		return ""
	}
	return "this token is for a service of Microsoft's, " + aud + ": ask for the application that stands for Kafka, by resource=APP-ID-URI (IMDS, App Service, the v1 endpoint) or scope=APP-ID-URI/.default"
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
	if mend := forMicrosoft(claims); mend != "" {
		return mend
	}
	if isEntraV1(claims) {
		return "this is an Entra v1 token: " + entraVersionMend("2.0") + "; or add an IdentityProvider of type: entra for this issuer"
	}
	for known, p := range a.issuers {
		if p.entra != nil && p.entra.version == "1.0" && claims["ver"] == "2.0" && claims["tid"] == p.entra.tenant {
			return "this is an Entra v2 token, and " + p.ID + " is for the v1 tokens of the same tenant: add an IdentityProvider with entra_tenant: " + p.entra.tenant + " for the v2 issuer, " +
				"and look at filters and audiences, since v2 tokens have azp in place of appid and a GUID as aud"
		}
		if iss != "" && strings.EqualFold(strings.TrimRight(known, "/"), strings.TrimRight(iss, "/")) {
			return "issuers are compared byte for byte, and " + p.ID + " has " + show(known) + "; copy the token's iss into issuer of the IdentityProvider"
		}
	}
	return ""
}

// maxIssuers is how many issuers a step shows, each of them whole.
const maxIssuers = 8

// wantedIssuers lists what would have been known.
func (a *Authenticator) wantedIssuers() string {
	list := make([]string, 0, len(a.issuers))
	for issuer, p := range a.issuers {
		if !p.Disabled {
			list = append(list, show(issuer)+" of "+p.ID)
		}
	}
	slices.Sort(list)
	switch n := len(list) - maxIssuers; {
	case len(list) == 0:
		return "the issuer of an enabled identity provider; there is none"
	case n > 0:
		return "one of " + strings.Join(list[:maxIssuers], ", ") + " and " + strconv.Itoa(n) + " more"
	}
	return "one of " + strings.Join(list, ", ")
}
