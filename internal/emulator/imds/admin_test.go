package imds_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/fault"
)

// Assign and Unassign make the directory of these tests a machine with as many
// identities as it likes.
func (d *directory) Assign(wanted imds.Identity) (imds.Identity, error) {
	if wanted.Name == "" {
		return imds.Identity{}, fault.New(fault.Invalid, "no name").At("name").Mend("give one")
	}
	d.identities = append(d.identities, wanted)
	return wanted, nil
}

func (d *directory) Unassign(name string) (imds.Identity, error) {
	for i, one := range d.identities {
		if one.Name == name {
			d.identities = append(d.identities[:i:i], d.identities[i+1:]...)
			return one, nil
		}
	}
	return imds.Identity{}, fault.New(fault.NotFound, "nobody")
}

func (m *machine) administer(method, path, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, imds.AdminPath, strings.NewReader(body))
	r.URL.Path += path
	r.RemoteAddr = "127.0.0.1:1"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	m.Admin(m.directory).ServeHTTP(w, r)
	return w
}

func (m *machine) told(t *testing.T, method, path, body string) imds.Answer {
	t.Helper()
	w := m.administer(method, path, body, nil)
	var a imds.Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return a
}

// TestAdmin: what is kept is told without the token, ends as told, and what is
// assigned or taken away is so at once.
func TestAdmin(t *testing.T) {
	m := newMachine(t, false, system, orders)
	first := m.get(t, base+kafka)["access_token"]
	m.get(t, base+kafka+"&client_id="+orders.ClientID)
	list := m.administer("GET", "", "", nil).Body.String()
	for _, part := range strings.Split(first, ".") {
		if strings.Contains(list, part) {
			t.Error("a part of a token is told")
		}
	}
	a := m.told(t, "GET", "", "")
	if len(a.Identities) != 2 || a.Identities[0].Type != "SystemAssigned" || a.Identities[1].Type != "UserAssigned" || a.Identities[1].ResourceID != orders.ResourceID {
		t.Errorf("identities %+v", a.Identities)
	}
	kept := imds.KeptToken{ClientID: system.ClientID, Resource: "pkc-abc:9092", Version: "2.0", Until: start.Add(24*time.Hour - 5*time.Minute), Expires: start.Add(24 * time.Hour)}
	if len(a.Kept) != 2 || a.Kept[0] != kept {
		t.Errorf("kept %+v, want %+v first", a.Kept, kept)
	}
	m.time = kept.Until
	if a := m.told(t, "GET", "", ""); len(a.Kept) != 0 {
		t.Errorf("kept beyond their time: %+v", a.Kept)
	}
	m.time = start
	if a := m.told(t, "POST", "/clear-cache", "{}"); a.Done != "2 kept tokens are forgotten" || len(a.Kept) != 0 {
		t.Errorf("cleared: %+v", a)
	}
	if m.get(t, base+kafka)["access_token"] == first {
		t.Error("a token outlives the cache")
	}
	m.told(t, "POST", "/unassign", `{"name":"vm"}`)
	m.get(t, base+kafka) // the only one answers
	m.told(t, "POST", "/assign", `{"name":"third","client_id":"11111111-0000-0000-0000-00000000000c"}`)
	wantRefusal(t, m.do(request(base+kafka)), 400, "invalid_request", "Multiple user assigned identities")
	m.told(t, "POST", "/unassign", `{"name":"orders"}`)
	wantRefusal(t, m.do(request(base+kafka+"&client_id="+orders.ClientID)), 400, "invalid_request", "Identity not found")
}

// TestAdminRefuses: what is refused changes nothing.
func TestAdminRefuses(t *testing.T) {
	origin := func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:9482") }
	elsewhere := func(r *http.Request) { r.RemoteAddr = "169.254.7.7:1" }
	proxy := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		status             int
	}{
		"a browser":             {"POST", "/unassign", `{"name":"vm"}`, origin, 403},
		"a browser clears":      {"POST", "/clear-cache", `{}`, origin, 403},
		"another machine":       {"POST", "/assign", `{"name":"new"}`, elsewhere, 403},
		"another machine lists": {"GET", "", "", elsewhere, 403},
		"a proxy":               {"GET", "", "", proxy, 403},
		"GET of a command":      {"GET", "/clear-cache", "", nil, 405},
		"POST of the list":      {"POST", "", "{}", nil, 405},
		"no command":            {"POST", "/nonsense", "{}", nil, 404},
		"an unknown member":     {"POST", "/assign", `{"names":"x"}`, nil, 400},
		"a member too many":     {"POST", "/clear-cache", `{"resource":"x"}`, nil, 400},
		"no name":               {"POST", "/assign", `{}`, nil, 400},
		"nobody":                {"POST", "/unassign", `{"name":"nobody"}`, nil, 404},
		"no JSON":               {"POST", "/unassign", "name=vm", nil, 400},
	} {
		m := newMachine(t, false, system, orders)
		m.get(t, base+kafka)
		w := m.administer(c.method, c.path, c.body, c.change)
		if w.Code != c.status || c.status != 405 && !strings.Contains(w.Body.String(), `{"error":"`) {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, c.status)
		}
		if a := m.told(t, "GET", "", ""); len(a.Identities) != 2 || len(a.Kept) != 1 {
			t.Errorf("%s: something has changed: %+v", name, a)
		}
	}
}

func FuzzAdmin(f *testing.F) {
	for _, seed := range [][2]string{
		{"/assign", `{"name":"x","system":true}`}, {"/unassign", `{"name":"vm"}`}, {"/clear-cache", "{}"}, {"/clear-cache", "null"}, {"", ""}, {"/assign", "\xff"}, {"/x/y", "[]"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		m := newMachine(t, false, system, orders)
		w := m.administer("POST", path, body, nil)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
		if w.Code != http.StatusOK && len(m.identities) != 2 {
			t.Fatalf("%s %q: %d, and something has changed", path, body, w.Code)
		}
	})
}
