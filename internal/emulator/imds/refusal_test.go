package imds_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/emulator/imds"
)

func TestRefusals(t *testing.T) {
	with := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	const noHeader = "Required metadata header not specified"
	for _, c := range []struct {
		name   string
		target string
		change func(*http.Request)
		status int
		error  string
		text   string
	}{
		{"no Metadata", base + kafka, with("Metadata"), 400, "bad_request_102", noHeader},
		{"Metadata: false", base + kafka, with("Metadata", "false"), 400, "bad_request_102", noHeader},
		{"Metadata twice", base + kafka, with("Metadata", "true", "true"), 400, "bad_request_102", noHeader},
		{"forwarded", base + kafka, with("X-Forwarded-For", "10.0.0.1"), 400, "invalid_request", "Requests with the header X-Forwarded-For"},
		{"forwarded, empty", base + kafka, with("X-Forwarded-For", ""), 400, "invalid_request", "Requests with the header X-Forwarded-For"},
		{"no resource", base, nil, 400, "invalid_request", "Required query variable 'resource' is missing"},
		{"empty resource", base + "&resource=", nil, 400, "invalid_request", "Required query variable 'resource' is missing"},
		{"resource twice", base + kafka + kafka, nil, 400, "invalid_request", "Duplicate query variable 'resource'"},
		{"version twice", base + kafka + "&api-version=2018-02-01", nil, 400, "invalid_request", "Duplicate query variable 'api-version'"},
		{"unknown parameter twice", base + kafka + "&a=1&a=2", nil, 400, "invalid_request", "Duplicate query variable 'a'"},
		{"encoded name twice", base + kafka + "&%72esource=x", nil, 400, "invalid_request", "Duplicate query variable 'resource'"},
		{"two selectors", base + kafka + "&client_id=a&object_id=b", nil, 400, "invalid_request", "Only one of"},
		{"two selectors, empty", base + kafka + "&client_id=&msi_res_id=", nil, 400, "invalid_request", "Only one of"},
		{"bad escape", base + "&resource=%zz", nil, 400, "invalid_request", "The query string cannot be read"},
		{"semicolon", base + kafka + ";client_id=a", nil, 400, "invalid_request", "The query string cannot be read"},
		{"unknown resource", base + "&resource=api://unknown", nil, 400, "invalid_resource", "AADSTS500011: The resource principal named api://unknown was not found in the tenant named T. Trace ID: "},
		{"disabled identity", base + "&resource=api://disabled", nil, 401, "unauthorized_client", "AADSTS7000112: Application is disabled. Trace ID: "},
		{"another code", base + "&resource=api://strange", nil, 400, "invalid_request", "AADSTS900561: Something else."},
		{"POST", base + kafka, func(r *http.Request) { r.Method = "POST" }, 405, "Method not allowed", ""},
		{"HEAD", base + kafka, func(r *http.Request) { r.Method = "HEAD" }, 405, "Method not allowed", ""},
		{"another path", "/metadata/instance?api-version=2018-02-01", nil, 404, "Not found", ""},
		{"root", "/", nil, 404, "Not found", ""},
		{"slash at the end", imds.Path + "/?api-version=2018-02-01" + kafka, nil, 404, "Not found", ""},
		{"untidy path", "http://h/metadata//identity/oauth2/token?api-version=2018-02-01" + kafka, nil, 404, "Not found", ""},
		{"dots", "http://h/x/../metadata/identity/oauth2/token?api-version=2018-02-01" + kafka, nil, 404, "Not found", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, false, system)
			r := request(c.target)
			if c.change != nil {
				c.change(r)
			}
			w := m.do(r)
			wantRefusal(t, w, c.status, c.error, c.text)
			if w.Header().Get("Location") != "" {
				t.Error("redirected")
			}
			if strings.Contains(w.Body.String(), canary) {
				t.Errorf("the directory's own error shows: %s", w.Body)
			}
			if m.made != 0 {
				t.Error("a token was made")
			}
		})
	}
}

// A directory that fails is no more than a status: librdkafka asks again and
// would read a body before the token.
func TestBrokenDirectory(t *testing.T) {
	m := newMachine(t, false, system)
	w := m.do(request(base + "&resource=api://broken"))
	if w.Code != http.StatusInternalServerError || w.Body.Len() != 0 || !strings.HasPrefix(w.Header().Get("Server"), "IMDS/") {
		t.Errorf("%d from %q: %q, want 500 and no body", w.Code, w.Header().Get("Server"), w.Body)
	}
}

func TestDirectoryErrorEnvelope(t *testing.T) {
	w := newMachine(t, false, system).do(request(base + "&resource=api://unknown"))
	var body struct {
		Codes       []int  `json:"error_codes"`
		Timestamp   string `json:"timestamp"`
		Trace       string `json:"trace_id"`
		Correlation string `json:"correlation_id"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Codes) != 1 || body.Codes[0] != 500011 || body.Timestamp != "2026-01-02 03:04:05Z" {
		t.Errorf("codes %v at %q", body.Codes, body.Timestamp)
	}
	if len(body.Trace) != 36 || body.Trace == body.Correlation || !strings.Contains(body.Description, body.Trace) {
		t.Errorf("trace %q, correlation %q in %q", body.Trace, body.Correlation, body.Description)
	}
}

func TestVersions(t *testing.T) {
	m := newMachine(t, false, system)
	for version, good := range map[string]bool{
		"2018-02-01": true, "2019-08-01": true, "2024-03-15": true, "2025-04-07": true,
		"": false, "2017-12-01": false, "2018-02-02": false, "2099-01-01": false, "latest": false, "2018-02-01 ": false,
	} {
		target := imds.Path + "?api-version=" + strings.ReplaceAll(version, " ", "%20") + kafka
		w := m.do(request(target))
		if good != (w.Code == http.StatusOK) {
			t.Errorf("version %q: %d %s", version, w.Code, w.Body)
		}
		if !good {
			wantVersionError(t, w)
		}
	}
	wantVersionError(t, m.do(request(imds.Path+"?resource=pkc-abc:9092")))
}

func wantVersionError(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var body struct {
		Error  string   `json:"error"`
		Newest []string `json:"newest-versions"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusBadRequest || !strings.HasPrefix(body.Error, "Bad request. api-version is invalid or was not specified in the request.") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if fmt.Sprint(body.Newest) != "[2025-04-07 2024-07-17 2024-03-15]" {
		t.Errorf("newest versions %v", body.Newest)
	}
}
