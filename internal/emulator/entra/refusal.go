package entra

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/klammhq/klamm/internal/fault"
)

// Refusal is an error of Microsoft Entra ID.
//
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
type Refusal struct {
	Code   int    // of AADSTSnnn
	OAuth  string // the member error, RFC 6749 section 5.2
	Status int    // of HTTP
	Text   string // the sentence after the code
	uri    bool   // the answer has the member error_uri
}

// Error has the code, which is what people search for, and no trace id.
func (r *Refusal) Error() string { return fmt.Sprintf("AADSTS%d: %s", r.Code, r.Text) }

// refusals holds a row for each code. Codes, errors and statuses are
// Microsoft's; so is the wording of 500011, 70003, 700038, 7000215 and 7000222,
// which people search for and scripts look at.
var refusals = map[int]struct {
	oauth  string
	kind   fault.Kind
	uri    bool
	format string
}{
	28003:   {"invalid_scope", fault.Invalid, false, "The parameter scope is empty."},
	50001:   {"invalid_resource", fault.Invalid, true, "The resource '%s' is not valid, or not registered in this tenant."},
	50027:   {"invalid_request", fault.Malformed, false, "The JWT is invalid or malformed: %s."},
	50048:   {"invalid_client", fault.Unauthenticated, false, "The subject '%s' of the client assertion is not its issuer '%s'."},
	50059:   {"invalid_request", fault.Invalid, false, "Neither the request nor its credentials name a tenant; '%s' is none."},
	50166:   {"invalid_request", fault.Unavailable, false, "Request to External OIDC endpoint failed. %s."},
	70003:   {"unsupported_grant_type", fault.Unsupported, false, "The app requested an unsupported grant type '%s'."},
	70011:   {"invalid_scope", fault.Invalid, false, "The scope '%s' is malformed, expected <resource>/.default."},
	70021:   {"invalid_client", fault.Unauthenticated, false, "No matching federated identity record found for presented assertion. Issuer '%s' and subject '%s' are those of two federated credentials, expected one."},
	70025:   {"invalid_client", fault.Unauthenticated, false, "The client '%s' has no configured federated identity credentials."},
	90002:   {"invalid_request", fault.Invalid, false, "There is no tenant '%s'."},
	500011:  {"invalid_resource", fault.Invalid, true, "The resource principal named %s was not found in the tenant named %s. No service principal there has this App ID URI or id."},
	501051:  {"invalid_grant", fault.Forbidden, false, "The application '%s' has no role for the application '%s', which requires assignment."},
	700016:  {"unauthorized_client", fault.Forbidden, false, "The application with identifier '%s' was not found in the tenant '%s'."},
	700021:  {"invalid_client", fault.Unauthenticated, false, "The issuer '%s' of the client assertion is another application than the parameter 'client_id'."},
	700022:  {"invalid_scope", fault.Invalid, false, "The scope names several resources, expected one."},
	700023:  {"invalid_client", fault.Unauthenticated, false, "The audience '%s' of the client assertion is not the tenant's token endpoint, expected '%s'."},
	700024:  {"invalid_client", fault.Unauthenticated, false, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s."},
	700025:  {"invalid_client", fault.Unauthenticated, false, "The application '%s' is a public client, which has no credentials."},
	700027:  {"invalid_client", fault.Unauthenticated, false, "The client assertion of the application '%s' failed the check of its signature. [Reason - %s]"},
	700038:  {"unauthorized_client", fault.Invalid, false, "%s is not a valid application identifier."},
	700211:  {"invalid_client", fault.Unauthenticated, false, "No matching federated identity record found for presented assertion issuer '%s'. Issuers are compared exactly, case and a slash at the end count."},
	700212:  {"invalid_client", fault.Unauthenticated, false, "No matching federated identity record found for presented assertion audience '%s', expected '%s'."},
	700213:  {"invalid_client", fault.Unauthenticated, false, "No matching federated identity record found for presented assertion subject '%s'. Subjects are compared exactly, case counts."},
	700222:  {"invalid_client", fault.Unauthenticated, false, "Tokens that Entra ID issued, as for '%s', may not be used for federated identity flows."},
	900023:  {"invalid_request", fault.Invalid, false, "The tenant '%s' is neither a UUID nor a domain name."},
	900144:  {"invalid_request", fault.Invalid, false, "The request body lacks the parameter '%s'."},
	900561:  {"invalid_request", fault.Invalid, false, "This endpoint takes POST requests, this was %s."},
	901002:  {"invalid_request", fault.Invalid, false, "The parameter 'resource' is not supported here, send a scope."},
	1002012: {"invalid_scope", fault.Invalid, false, "The scope '%s' does not end in /.default as client credentials need it, or was encoded twice."},
	5002738: {"invalid_client", fault.Unauthenticated, false, "The JWT has a signature algorithm that is not supported here, expected %s."},
	7000112: {"unauthorized_client", fault.Forbidden, false, "The application '%s' is disabled."},
	7000215: {"invalid_client", fault.Unauthenticated, true, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."},
	7000218: {"invalid_client", fault.Unauthenticated, false, "The request body holds neither 'client_secret' nor 'client_assertion'."},
	7000222: {"invalid_client", fault.Unauthenticated, true, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
	7000232: {"invalid_client", fault.Unauthenticated, false, "The managed identity '%s' has no client secret, its platform gives it tokens."},
	9001023: {"invalid_request", fault.Invalid, false, "The grant type is not supported at '/%s', send the request to a tenant."},
	9002313: {"invalid_request", fault.Malformed, false, "The request is malformed."},
}

// refuse makes the error with this code. Texts of the request are shortened.
func refuse(code int, args ...string) error {
	row := refusals[code]
	shown := make([]any, len(args))
	for i, arg := range args {
		shown[i] = show(arg)
	}
	status := http.StatusBadRequest
	if row.oauth == "invalid_client" {
		status = http.StatusUnauthorized
	}
	refused := &Refusal{code, row.oauth, status, fmt.Sprintf(row.format, shown...), row.uri}
	return fault.New(row.kind, "%s", refused.Error()).Because(refused)
}

// show is a text of a request as an answer may repeat it.
func show(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return s
}

// envelope is the body of an error.
type envelope struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri,omitempty"`
}
