package oidc

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/klammhq/klamm/internal/httpd"
)

// answer is a response; a nil body is none at all, and header is the name and
// value of one more header.
type answer struct {
	status int
	body   any
	header [2]string
}

// failed is a fault of ours. It has no body: librdkafka tries again, and would
// read the first JSON instead of the second.
var failed = answer{status: http.StatusServiceUnavailable}

func (a answer) with(name, value string) answer {
	a.header = [2]string{name, value}
	return a
}

// write sends the answer. Nothing may keep it unless its header says so, as
// RFC 6749 section 5.1 asks for tokens.
func (a answer) write(w http.ResponseWriter) {
	if a.header[0] != "" {
		w.Header().Set(a.header[0], a.header[1])
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if err := httpd.WriteJSON(w, a.status, a.body); err != nil {
		w.WriteHeader(failed.status)
	}
}

// random is n random bytes, base64url.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, says its documentation
	return base64.RawURLEncoding.EncodeToString(b)
}
