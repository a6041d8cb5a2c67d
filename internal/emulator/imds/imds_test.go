package imds_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	system = imds.Identity{Name: "vm", ClientID: "11111111-0000-0000-0000-000000000001", ObjectID: "22222222-0000-0000-0000-000000000001", ResourceID: "/subscriptions/s/vm", System: true}
	orders = imds.Identity{Name: "orders", ClientID: "11111111-0000-0000-0000-00000000000a", ObjectID: "22222222-0000-0000-0000-00000000000a", ResourceID: "/subscriptions/s/userAssignedIdentities/orders"}
	other  = imds.Identity{Name: "other", ClientID: "11111111-0000-0000-0000-00000000000b", ObjectID: "22222222-0000-0000-0000-00000000000b", ResourceID: "/subscriptions/s/userAssignedIdentities/other"}

	signingKey = sync.OnceValues(jwt.GenerateEC)
)

const (
	base   = imds.Path + "?api-version=2018-02-01"
	kafka  = "&resource=pkc-abc:9092"
	canary = "canary-7f3a"
)

// directory signs tokens, and refuses resources that it does not know.
type directory struct {
	identities []imds.Identity
	life       time.Duration
	now        func() time.Time
	made       int
	hold       chan struct{} // when not nil, each token waits for it
	entered    chan struct{}
}

func (d *directory) Identities() []imds.Identity { return d.identities }

func (d *directory) Token(i imds.Identity, resource string) (imds.Grant, error) {
	if d.hold != nil {
		d.entered <- struct{}{}
		<-d.hold
	}
	switch resource {
	case "api://unknown":
		return imds.Grant{}, fault.New(fault.NotFound, "no such resource").Because(imds.Refused{Code: 500011, Text: "The resource principal named api://unknown was not found in the tenant named T."})
	case "api://disabled":
		return imds.Grant{}, imds.Refused{Code: 7000112, Text: "Application is disabled."}
	case "api://strange":
		return imds.Grant{}, imds.Refused{Code: 900561, Text: "Something else."}
	case "api://broken":
		return imds.Grant{}, fmt.Errorf("the key %s is gone", canary)
	}
	key, err := signingKey()
	if err != nil {
		return imds.Grant{}, err
	}
	d.made++
	now := d.now()
	text, err := key.Sign(nil, map[string]any{"sub": i.ObjectID, "aud": resource, "exp": now.Add(d.life).Unix(), "n": d.made})
	return imds.Grant{AccessToken: secret.New(text), Version: "2.0", Expires: now.Add(d.life), NotBefore: now.Add(-5 * time.Minute)}, err
}

// machine is a service with a clock that tests set.
type machine struct {
	*imds.IMDS
	*directory
	time time.Time
}

func newMachine(t testing.TB, throttled bool, identities ...imds.Identity) *machine {
	t.Helper()
	m := &machine{time: start}
	now := func() time.Time { return m.time }
	m.directory = &directory{identities: identities, life: 24 * time.Hour, now: now}
	service, err := imds.New(imds.Config{Issuer: m.directory, Now: now, Unthrottled: !throttled})
	if err != nil {
		t.Fatal(err)
	}
	m.IMDS = service
	return m
}

func request(target string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Metadata", "true")
	return r
}

func (m *machine) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	return w
}

// get fails the test unless there is a token.
func (m *machine) get(t *testing.T, target string) map[string]string {
	t.Helper()
	w := m.do(request(target))
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	var body map[string]string // every value a string, or this fails
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("GET %s: %v in %s", target, err, w.Body)
	}
	return body
}

func TestSuccess(t *testing.T) {
	m := newMachine(t, false, system)
	w := m.do(request(base + kafka))
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := w.Header().Get("Server"); !strings.HasPrefix(got, "IMDS/") {
		t.Errorf("Server %q", got)
	}
	body := m.get(t, base+kafka)
	want := map[string]string{
		"client_id": system.ClientID, "expires_in": "86399", "ext_expires_in": "86399",
		"expires_on": fmt.Sprint(start.Add(24 * time.Hour).Unix()), "not_before": fmt.Sprint(start.Add(-5 * time.Minute).Unix()),
		"resource": "pkc-abc:9092", "token_type": "Bearer",
	}
	for name, value := range want {
		if body[name] != value {
			t.Errorf("%s is %q, want %q", name, body[name], value)
		}
	}
	if len(body) != len(want)+1 {
		t.Errorf("%d members, want %d: %v", len(body), len(want)+1, want)
	}
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Parse(secret.New(body["access_token"]))
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Verify(key.Public()); err != nil {
		t.Error(err)
	}
	if token.Subject() != system.ObjectID || token.Audiences()[0] != "pkc-abc:9092" {
		t.Errorf("token for %s at %v", token.Subject(), token.Audiences())
	}
	m.time = start.Add(time.Hour)
	if got := m.get(t, base+kafka)["expires_in"]; got != "82799" {
		t.Errorf("an hour later expires_in is %s, want 82799", got)
	}
}

// TestChoice is which identity answers.
func TestChoice(t *testing.T) {
	const notFound = "Identity not found"
	const multiple = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"
	for _, c := range []struct {
		name    string
		on      []imds.Identity
		query   string
		want    string // client id
		refusal string
	}{
		{"system alone", []imds.Identity{system}, "", system.ClientID, ""},
		{"system before others", []imds.Identity{orders, system, other}, "", system.ClientID, ""},
		{"the only one", []imds.Identity{orders}, "", orders.ClientID, ""},
		{"two", []imds.Identity{orders, other}, "", "", multiple},
		{"none", nil, "", "", notFound},
		{"client id", []imds.Identity{system, orders}, "&client_id=" + orders.ClientID, orders.ClientID, ""},
		{"client id in capitals", []imds.Identity{system, orders}, "&client_id=" + strings.ToUpper(orders.ClientID), orders.ClientID, ""},
		{"object id", []imds.Identity{orders, other}, "&object_id=" + other.ObjectID, other.ClientID, ""},
		{"resource id", []imds.Identity{orders, other}, "&msi_res_id=" + strings.ReplaceAll(other.ResourceID, "/", "%2F"), other.ClientID, ""},
		{"unknown", []imds.Identity{orders}, "&client_id=abc", "", notFound},
		{"an object id as client id", []imds.Identity{orders}, "&client_id=" + orders.ObjectID, "", notFound},
		{"empty", []imds.Identity{orders}, "&client_id=", "", notFound},
		{"empty meets empty", []imds.Identity{{Name: "bare", ClientID: "c"}}, "&msi_res_id=", "", notFound},
		{"unknown beside system", []imds.Identity{system}, "&client_id=abc", "", notFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, false, c.on...)
			if c.refusal == "" {
				if got := m.get(t, base+kafka+c.query)["client_id"]; got != c.want {
					t.Errorf("identity %s, want %s", got, c.want)
				}
				return
			}
			wantRefusal(t, m.do(request(base+kafka+c.query)), http.StatusBadRequest, "invalid_request", c.refusal)
		})
	}
}

func wantRefusal(t *testing.T, w *httptest.ResponseRecorder, status int, name, description string) {
	t.Helper()
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	if w.Code != status || body.Error != name || !strings.HasPrefix(body.Description, description) {
		t.Errorf("got %d %s, want %d %s %q", w.Code, w.Body, status, name, description)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestNewWantsAnIssuer(t *testing.T) {
	if _, err := imds.New(imds.Config{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want Invalid", err)
	}
}
