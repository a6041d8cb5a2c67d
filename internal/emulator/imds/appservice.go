package imds

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/klammhq/klamm/internal/secret"
)

// AppServicePath is where programs of an App Service or of Functions find their
// tokens: IDENTITY_ENDPOINT is its URL, IDENTITY_HEADER is Config.AppService.
//
// Source: Microsoft's page "How to use managed identities for App Service and
// Azure Functions", section "REST endpoint reference".
const AppServicePath = "/msi/token"

// appServiceDoor asks for a header with a secret, which a forged URL cannot
// send. object_id is an alias of principal_id, and what azidentity for Go sends.
func appServiceDoor(header secret.String) door {
	return door{
		versions: []string{"2019-08-01"},
		selectors: []selector{
			{"client_id", clientID}, {"principal_id", objectID}, {"mi_res_id", resourceID}, {"object_id", objectID},
		},
		admit: func(r *http.Request) (answer, bool) {
			if values := r.Header.Values("X-Identity-Header"); len(values) != 1 || !same(values[0], header.Reveal()) {
				return answer{status: http.StatusUnauthorized, body: failure{Error: "The header X-IDENTITY-HEADER is missing or wrong; expected the value of IDENTITY_HEADER"}}, false
			}
			return answer{}, true
		},
		words: appServiceWords,
	}
}

// same compares in a time that tells nothing of want.
func same(got, want string) bool {
	g, w := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
}

// appServiceSuccess has no expires_in.
type appServiceSuccess struct {
	AccessToken string `json:"access_token"`
	ClientID    string `json:"client_id"`
	ExpiresOn   string `json:"expires_on"`
	NotBefore   string `json:"not_before"`
	Resource    string `json:"resource"`
	TokenType   string `json:"token_type"`
}

type appServiceFailure struct {
	StatusCode    int    `json:"statusCode"`
	Message       string `json:"message"`
	CorrelationID string `json:"correlationId"`
}

// appServiceMessages are the sentences that differ; all others are those of IMDS.
var appServiceMessages = map[string]string{
	identityNotFound: "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
}

func appServiceWords(a answer, _ query) answer {
	var message string
	switch body := a.body.(type) {
	case success:
		a.body = appServiceSuccess{body.AccessToken, body.ClientID, body.ExpiresOn, body.NotBefore, body.Resource, body.TokenType}
		return a
	case failure:
		message = body.sentence()
	case directoryFailure:
		message = body.sentence()
	case badVersion:
		message = "The query variable 'api-version' is invalid or was not specified; expected 2019-08-01"
	default:
		return a
	}
	if own, differs := appServiceMessages[message]; differs {
		message = own
	}
	a.body = appServiceFailure{a.status, message, uuid()}
	return a
}
