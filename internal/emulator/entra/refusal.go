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
// Microsoft's; so is the wording of 500011, 70003, 700038 and 7000215, which
// people search for and scripts look at.
var refusals = map[int]struct {
	oauth  string
	kind   fault.Kind
	uri    bool
	format string
}{
	50001:   {"invalid_resource", fault.Invalid, true, "The resource '%s' is not valid, or not registered in this tenant."},
	50059:   {"invalid_request", fault.Invalid, false, "Neither the request nor its credentials name a tenant; '%s' is none."},
	500011:  {"invalid_resource", fault.Invalid, true, "The resource principal named %s was not found in the tenant named %s. No service principal there has this App ID URI or id."},
	501051:  {"invalid_grant", fault.Forbidden, false, "The application '%s' has no role for the application '%s', which requires assignment."},
	70003:   {"unsupported_grant_type", fault.Unsupported, false, "The app requested an unsupported grant type '%s'."},
	70011:   {"invalid_scope", fault.Invalid, false, "The scope '%s' is malformed, expected <resource>/.default."},
	90002:   {"invalid_request", fault.Invalid, false, "There is no tenant '%s'."},
	900023:  {"invalid_request", fault.Invalid, false, "The tenant '%s' is neither a UUID nor a domain name."},
	900144:  {"invalid_request", fault.Invalid, false, "The request body lacks the parameter '%s'."},
	900561:  {"invalid_request", fault.Invalid, false, "This endpoint takes POST requests, this was %s."},
	901002:  {"invalid_request", fault.Invalid, false, "The parameter 'resource' is not supported here, send a scope."},
	9001023: {"invalid_request", fault.Invalid, false, "The grant type is not supported at '/%s', send the request to a tenant."},
	9002313: {"invalid_request", fault.Malformed, false, "The request is malformed."},
	28003:   {"invalid_scope", fault.Invalid, false, "The parameter scope is empty."},
	700016:  {"unauthorized_client", fault.Forbidden, false, "The application with identifier '%s' was not found in the tenant '%s'."},
	700022:  {"invalid_scope", fault.Invalid, false, "The scope names several resources, expected one."},
	700025:  {"invalid_client", fault.Unauthenticated, false, "The application '%s' is a public client, which has no credentials."},
	700027:  {"invalid_client", fault.Unauthenticated, false, "The client assertion is signed by no certificate of the application '%s'."},
	700038:  {"unauthorized_client", fault.Invalid, false, "%s is not a valid application identifier."},
	7000112: {"unauthorized_client", fault.Forbidden, false, "The application '%s' is disabled."},
	7000215: {"invalid_client", fault.Unauthenticated, true, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."},
	7000218: {"invalid_client", fault.Unauthenticated, false, "The request body holds neither 'client_secret' nor 'client_assertion'."},
	1002012: {"invalid_scope", fault.Invalid, false, "The scope '%s' does not end in /.default as client credentials need it, or was encoded twice."},
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
	const most = 120
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
