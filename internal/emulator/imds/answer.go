package imds

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/klammhq/klamm/internal/httpd"
)

// server names a version of the real service, by which some clients know it.
const server = "IMDS/150.870.65.1325"

// answer is a status and what its body is made of; nil makes no body.
type answer struct {
	status    int
	body      any
	challenge string // header WWW-Authenticate; "" for none
}

// failure is the body of an error of the identity endpoint.
type failure struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// sentence is what a person reads of it.
func (f failure) sentence() string { return cmp.Or(f.Description, f.Error) }

// directoryFailure is a failure that the directory said, passed on.
type directoryFailure struct {
	failure
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	Trace       string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
}

var (
	notFound   = answer{status: http.StatusNotFound, body: failure{Error: "Not found"}}
	notAllowed = answer{status: http.StatusMethodNotAllowed, body: failure{Error: "Method not allowed"}}
	// Answers that invite another try have no body: librdkafka does not empty its
	// buffer in between, reads the first JSON instead of the second, and fails.
	tooMany = answer{status: http.StatusTooManyRequests, body: nil}
	broken  = answer{status: http.StatusInternalServerError, body: nil}
)

func invalidRequest(description string) answer {
	return answer{status: http.StatusBadRequest, body: failure{"invalid_request", description}}
}

// directoryErrors says how the service passes on what the directory refused;
// codes that are not here are invalid requests.
var directoryErrors = map[int]struct {
	status int
	name   string
}{
	50001:   {http.StatusBadRequest, "invalid_resource"},
	500011:  {http.StatusBadRequest, "invalid_resource"},
	700016:  {http.StatusUnauthorized, "unauthorized_client"}, // no such application
	7000112: {http.StatusUnauthorized, "unauthorized_client"}, // disabled
}

// Error is the directory's text as it writes it.
func (r Refused) Error() string { return fmt.Sprintf("AADSTS%d: %s", r.Code, r.Text) }

func refusedBy(err error, now time.Time) answer {
	refused, ok := errors.AsType[Refused](err)
	if !ok {
		return broken
	}
	row, known := directoryErrors[refused.Code]
	if !known {
		row.status, row.name = http.StatusBadRequest, "invalid_request"
	}
	trace, correlation := uuid(), uuid()
	stamp := now.UTC().Format("2006-01-02 15:04:05Z")
	text := fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", refused.Error(), trace, correlation, stamp)
	return answer{status: row.status, body: directoryFailure{failure{row.name, text}, []int{refused.Code}, stamp, trace, correlation}}
}

// success is the body with a token: every value is a string.
type success struct {
	AccessToken  string `json:"access_token"`
	ClientID     string `json:"client_id"`
	ExpiresIn    string `json:"expires_in"`
	ExpiresOn    string `json:"expires_on"`
	ExtExpiresIn string `json:"ext_expires_in"`
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource"`
	TokenType    string `json:"token_type"`
}

func granted(identity Identity, resource string, g Grant, now time.Time) answer {
	left := seconds(g.Expires.Unix() - now.Unix() - 1) // one less than it is, as the directory says it
	return answer{status: http.StatusOK, body: success{
		AccessToken:  g.AccessToken.Reveal(),
		ClientID:     identity.ClientID,
		ExpiresIn:    left,
		ExpiresOn:    seconds(g.Expires.Unix()),
		ExtExpiresIn: left,
		NotBefore:    seconds(g.NotBefore.Unix()),
		Resource:     resource,
		TokenType:    "Bearer",
	}}
}

func seconds(n int64) string { return strconv.FormatInt(n, 10) }

func (a answer) write(w http.ResponseWriter, server string) {
	if server != "" {
		w.Header().Set("Server", server)
	}
	if a.challenge != "" {
		w.Header().Set("WWW-Authenticate", a.challenge)
	}
	if a.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodGet)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if err := httpd.WriteJSON(w, a.status, a.body); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// uuid is a random one (RFC 9562 section 5.4).
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
