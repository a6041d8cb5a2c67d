package ops_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/ops"
)

func refusal() audit.Record {
	return audit.Record{
		Event: audit.Event{
			ID: "0123456789abcdef0123456789abcdef", Source: "crn://confluent.cloud/kafka=lkc-orders", Type: audit.TypeAuthentication,
			Time: time.Date(2026, 11, 24, 16, 43, 2, 0, time.UTC),
			Data: audit.Data{
				MethodName:         "kafka.Authentication",
				AuthenticationInfo: audit.AuthenticationInfo{Principal: "None:UNKNOWN_USER", Metadata: &audit.Metadata{Mechanism: "SASL_SSL/OAUTHBEARER", Identifier: "oid-1"}},
				Result:             &audit.Result{Status: audit.Unauthenticated, Message: "filter-false"},
				ClientAddress:      []audit.Address{{IP: "127.0.0.1", Port: 40123}},
			},
		},
		Steps: []iam.Step{
			{Name: "token", OK: true, Saw: "a JWT signed with RS256"},
			{Name: "issuer", OK: true, Saw: `"https://issuer.example" is op-a`},
			{Name: "pool pool-orders", Saw: `"Kafka.Write" in claims.roles is false; claims.roles is ["Kafka.Read"]`, Wanted: `"Kafka.Write" in claims.roles`,
				Mend: "change the filter, or have the provider issue the claim that it wants, which in this case is the application role Kafka.Write", Code: "filter-false"},
		},
		Subjects: []string{"User:pool-orders"},
	}
}

// sessions stands in for a guard with open sessions.
type sessions struct{ killed string }

func (s *sessions) Sessions() []guard.Info {
	return []guard.Info{{ID: "7", Principal: "User:pool-orders", Address: "127.0.0.1 port 40123"}}
}
func (s *sessions) Kill(id string) bool {
	s.killed = id
	return id == "7"
}

func newConfig(t *testing.T) ops.Config {
	log, err := auditlog.Open(auditlog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Record(context.Background(), refusal()); err != nil {
		t.Fatal(err)
	}
	return ops.Config{
		Records: log, Sessions: &sessions{},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "klamm_up 1\n") }),
		Reload:  func(context.Context) error { return nil },
		RefreshKeys: func(_ context.Context, provider string) (int, error) {
			if provider != "op-a" {
				return 0, fault.New(fault.NotFound, "there is no enabled identity provider %q", provider)
			}
			return 2, nil
		},
	}
}

func ask(h http.Handler, method, target, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	h := ops.New(newConfig(t))
	const ref = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		method, target, accept string
		status                 int
		want                   string
	}{
		{"GET", "/", "", 200, "/explain/REF"},
		{"GET", "/health", "", 200, "ok\n"},
		{"GET", "/ready", "", 200, "ready\n"},
		{"GET", "/metrics", "", 200, "klamm_up 1"},
		{"GET", "/explain/" + ref, "", 200, "✗ pool pool-orders"},
		{"GET", "/explain/ref=" + ref, "text/plain", 200, "✗ pool pool-orders"},
		{"GET", "/explain/" + ref, "application/json", 200, `"code": "filter-false"`},
		{"GET", "/explain/" + ref, "application/json;q=0.9, text/plain", 200, `"step": "issuer"`},
		{"GET", "/explain?principal=User:pool-orders&last", "", 200, "ref=" + ref},
		{"GET", "/explain?principal=User:pool-x&last", "", 404, "User:pool-x"},
		{"GET", "/explain?principal=User:pool-orders", "", 400, "together with last"},
		{"GET", "/explain?last", "application/json", 400, `"kind": "invalid"`},
		{"GET", "/explain/nothing", "", 404, "no refusal has the reference \"nothing\"\nuse the whole"},
		{"GET", "/explain/nothing", "application/json", 404, `"hint": "use the whole`},
		{"GET", "/sessions", "", 200, `"principal": "User:pool-orders"`},
		{"DELETE", "/sessions/7", "", 204, ""},
		{"DELETE", "/sessions/8", "", 404, "no open session"},
		{"POST", "/reload", "", 200, "reloaded"},
		{"POST", "/keys/op-a/refresh", "", 200, "sessions ended: 2"},
		{"POST", "/keys/op-%1b[2J/refresh", "", 404, "identity provider"},
		{"GET", "/keys/op-a/refresh", "", 405, ""},
		{"GET", "/reload", "", 405, ""},
		{"POST", "/sessions/7", "", 405, ""},
		{"GET", "/nowhere", "", 404, ""},
	} {
		w := ask(h, c.method, c.target, c.accept)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s (%s) = %d %s, want %d with %q", c.method, c.target, c.accept, w.Code, w.Body, c.status, c.want)
		}
	}
}

func TestExplainAsJSONIsTheRecord(t *testing.T) {
	w := ask(ops.New(newConfig(t)), "GET", "/explain/0123456789abcdef0123456789abcdef", "application/json")
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	var r audit.Record
	if err := d.Decode(&r); err != nil || r.Event.ID == "" || len(r.Steps) != 3 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNotReady(t *testing.T) {
	h := ops.New(ops.Config{Ready: func() error { return errors.New("no broker of lkc-orders was reached") }})
	if w := ask(h, "GET", "/ready", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "lkc-orders") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/health", ""); w.Code != 200 {
		t.Errorf("health %d", w.Code)
	}
}

func TestReloadSaysAllMistakes(t *testing.T) {
	h := ops.New(ops.Config{Reload: func(context.Context) error {
		return errors.Join(fault.New(fault.Invalid, "bad pool").At("a.yaml:1:1"), fault.New(fault.Invalid, "bad role").At("a.yaml:9:1"))
	}})
	if w := ask(h, "POST", "/reload", ""); w.Code != 400 || !strings.Contains(w.Body.String(), "a.yaml:1:1: bad pool\na.yaml:9:1: bad role") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What is not given is said not to be served, never a panic.
func TestZeroConfig(t *testing.T) {
	h := ops.New(ops.Config{})
	for _, c := range []struct{ method, target string }{{"GET", "/metrics"}, {"GET", "/explain/x"}, {"GET", "/explain?principal=x&last"}, {"GET", "/sessions"}, {"DELETE", "/sessions/1"}, {"POST", "/reload"}, {"POST", "/keys/op-a/refresh"}} {
		if w := ask(h, c.method, c.target, ""); w.Code != 501 {
			t.Errorf("%s %s = %d", c.method, c.target, w.Code)
		}
	}
}

// Web pages reach nothing, by their origin or by a name that points here.
func TestLocalKeepsWebPagesOut(t *testing.T) {
	s := &sessions{}
	h := ops.Local(ops.New(ops.Config{Sessions: s}))
	for _, c := range []struct {
		host, origin, site string
		good               bool
	}{
		{"localhost:9644", "", "", true},
		{"127.0.0.1:9644", "", "", true},
		{"[::1]:9644", "", "", true},
		{"10.0.0.7", "", "", true},
		{"evil.example:9644", "", "", false},
		{"localhost.evil.example", "", "", false},
		{"", "", "", false},
		{"127.0.0.1:9644", "https://evil.example", "", false},
		{"127.0.0.1:9644", "", "cross-site", false},
	} {
		r := httptest.NewRequest("DELETE", "/sessions/7", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		s.killed = ""
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if (w.Code == 204) != c.good || (s.killed == "7") != c.good {
			t.Errorf("%+v = %d, killed %q", c, w.Code, s.killed)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ops.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: ops.Local(ops.New(ops.Config{}))}
	go func() { _ = server.Serve(ln) }()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://ops/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("%s", resp.Status)
	}
}

func TestRender(t *testing.T) {
	const want = `login refused  ref=0123456789abcdef0123456789abcdef
  when      2026-11-24 16:43:02.000 UTC
  who       nobody who is known
  claim     oid-1
  by        SASL_SSL/OAUTHBEARER
  cluster   lkc-orders
  from      127.0.0.1 port 40123

✓ token             a JWT signed with RS256
✓ issuer            "https://issuer.example" is op-a
✗ pool pool-orders  saw     "Kafka.Write" in claims.roles is false; claims.roles is ["Kafka.Read"]
                    wanted  "Kafka.Write" in claims.roles
                    mend    change the filter, or have the provider issue the claim that it wants,
                            which in this case is the application role Kafka.Write

refused as filter-false
`
	if got := ops.Render(refusal()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRenderOfADecision(t *testing.T) {
	r := refusal()
	r.Event.Type = audit.TypeAuthorization
	r.Event.Data = audit.Data{
		MethodName: "kafka.Produce", AuthenticationInfo: audit.AuthenticationInfo{Principal: "User:pool-orders"},
		AuthorizationInfo: &audit.AuthorizationInfo{Operation: "Write", ResourceType: "Topic", ResourceName: "other"},
		Request:           &audit.Request{ClientID: "producer-1"}, ClientAddress: []audit.Address{{IP: "127.0.0.1"}},
	}
	r.Steps = []iam.Step{{Name: "role binding", Saw: "none covers it", Wanted: "Write on Topic other", Mend: "add one", Code: "missing-role-binding"}}
	got := ops.Render(r)
	for _, want := range []string{"request refused  ref=", "who       User:pool-orders", "asked     Write on Topic other (kafka.Produce)", "127.0.0.1, client id producer-1", "refused as missing-role-binding"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A terminal is never given a client's control characters.
func TestRenderIsSafeForTerminals(t *testing.T) {
	r := refusal()
	r.Steps = []iam.Step{{Name: "pool \x1b[31m", Saw: "a\x1b]0;title\x07\u202Eb\r\nc\xff", Wanted: "\x9b", Mend: "x"}}
	r.Event.Data.AuthenticationInfo.Metadata.Identifier = "\x1b[2J"
	for _, c := range ops.Render(r) {
		if c != '\n' && (c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0x202E) {
			t.Errorf("control character %U", c)
		}
	}
}

func TestRenderOfNothing(t *testing.T) {
	if got := ops.Render(audit.Record{}); !strings.Contains(got, "login allowed") {
		t.Errorf("%q", got)
	}
}

// TestRenderOfLinesToCopy: they stand alone, unbroken, with nothing behind them.
func TestRenderOfLinesToCopy(t *testing.T) {
	long := "{kind: RoleBinding, " + strings.Repeat("x", 2*100) + "}"
	text := ops.Render(audit.Record{Steps: []iam.Step{{Name: "role binding", Mend: "enough would be:\n" + long + "\n{b}"}}})
	if !strings.Contains(text, "    "+long+"\n    {b}\n") {
		t.Errorf("%q", text)
	}
}
