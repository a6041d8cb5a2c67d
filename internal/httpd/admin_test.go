package httpd_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// TestAdministered: who is not from here does not reach the handler, and errors
// carry their mend.
func TestAdministered(t *testing.T) {
	reached := 0
	h := httpd.Administered(func(http.ResponseWriter, *http.Request) error {
		reached++
		return fault.New(fault.Conflict, "taken").At("name").Mend("take another")
	})
	ask := func(change func(*http.Request)) (int, string) {
		r := httptest.NewRequest("POST", "/_lab/x", nil)
		r.RemoteAddr = "127.0.0.1:1"
		if change != nil {
			change(r)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if status, said := ask(nil); status != 409 || said != `{"error":"name: taken","hint":"take another"}` {
		t.Errorf("%d %s", status, said)
	}
	for name, change := range map[string]func(*http.Request){
		"another machine": from("192.0.2.1:1"), "a proxy": withHeader("X-Forwarded-For", "127.0.0.1"), "a browser": withHeader("Origin", "http://127.0.0.1"),
	} {
		if status, said := ask(change); status != 403 || reached != 1 {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
}

func TestReadCommand(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		kind fault.Kind // "" for none
	}{
		"good": {`{"id":"x"}`, ""}, "empty": {"", fault.Malformed}, "unknown": {`{"idd":"x"}`, fault.Malformed}, "a list": {"[]", fault.Malformed},
		"two": {`{} {}`, fault.Malformed}, "null": {`null`, ""}, "a number": {`{"id":1}`, fault.Malformed}, "a line break in a name": {"{\"a\\nb\":1}", fault.Malformed},
		"large": {`{"id":"` + strings.Repeat("x", 300<<10) + `"}`, fault.Exhausted},
	} {
		var into struct {
			ID string `json:"id"`
		}
		err := httpd.ReadCommand(httptest.NewRequest("POST", "/", strings.NewReader(c.body)), &into)
		if fault.KindOf(err) != c.kind || err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b") {
			t.Errorf("%s: %v, want %q", name, err, c.kind)
		}
	}
}
