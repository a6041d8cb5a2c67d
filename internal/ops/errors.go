package ops

import (
	"net/http"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// writeError shows the whole fault: whoever reads here runs klamm.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	status := httpd.Status(err)
	if wantsJSON(r) {
		_ = writeJSON(w, status, struct {
			Kind    fault.Kind `json:"kind"`
			Message string     `json:"message"`
			Hint    string     `json:"hint,omitempty"`
		}{fault.KindOf(err), err.Error(), fault.HintOf(err)})
		return
	}
	text := clean(err.Error(), true) + "\n"
	if hint := fault.HintOf(err); hint != "" {
		text += clean(hint, false) + "\n"
	}
	header(w, "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// wantsJSON reads Accept: JSON when it is asked for and plain text is not
// asked for before it.
func wantsJSON(r *http.Request) bool {
	for _, one := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(one), ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/json":
			return true
		case "text/plain":
			return false
		}
	}
	return false
}
