package entra

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/klammhq/klamm/internal/httpd"
)

// errorPage is where Microsoft explains a code.
const errorPage = "https://login.microsoftonline.com/error?code=%d"

// writeError is the one writer of errors. What is no refusal is a fault of
// ours, whose text stays inside. It has no body: librdkafka tries again, and
// would read the first JSON instead of the second.
func (e *Entra) writeError(w http.ResponseWriter, r *http.Request, err error) {
	refused, ok := errors.AsType[*Refusal](err)
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	now := e.config.Now().UTC().Format("2006-01-02 15:04:05Z")
	body := envelope{Error: refused.OAuth, Codes: []int{refused.Code}, Timestamp: now, TraceID: newUUID(), CorrelationID: correlation(r)}
	body.Description = fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", refused, body.TraceID, body.CorrelationID, now)
	if refused.uri {
		body.URI = fmt.Sprintf(errorPage, refused.Code)
	}
	if refused.Code == 900561 {
		w.Header().Set("Allow", http.MethodPost)
	}
	noStore(w)
	w.Header().Set("x-ms-request-id", body.TraceID)
	_ = httpd.WriteJSON(w, refused.Status, body)
}

// correlation is the id that the client gave its request, or a new one.
func correlation(r *http.Request) string {
	if id := r.Header.Get("client-request-id"); isUUID(id) {
		return id
	}
	return newUUID()
}
