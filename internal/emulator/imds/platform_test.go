package imds_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

const (
	appService = imds.AppServicePath + "?api-version=2019-08-01"
	arc        = imds.ArcPath + "?api-version=2020-06-01"
)

// newPlatform is a machine that is an App Service and Arc's too. Arc's files
// are in the folder that it returns.
func newPlatform(t testing.TB, identities ...imds.Identity) (*machine, string) {
	t.Helper()
	m, folder := &machine{time: start}, t.TempDir()
	now := func() time.Time { return m.time }
	m.directory = &directory{identities: identities, life: 24 * time.Hour, now: now}
	service, err := imds.New(imds.Config{Issuer: m.directory, Now: now, Unthrottled: true, AppService: secret.New(canary), ArcKeys: folder})
	if err != nil {
		t.Fatal(err)
	}
	m.IMDS = service
	return m, folder
}

func (m *machine) app(target, header string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("X-IDENTITY-HEADER", header)
	return m.do(r)
}

func members(t *testing.T, w *httptest.ResponseRecorder) map[string]string {
	t.Helper()
	var body map[string]string // every value a string, or this fails
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return body
}

// TestAzidentityInAppService: Microsoft's own SDK gets tokens by each of the
// names that an identity has, and tells why it gets none.
func TestAzidentityInAppService(t *testing.T) {
	m, _ := newPlatform(t, system, orders, other)
	m.time = time.Now()
	server := httptest.NewServer(m)
	defer server.Close()
	t.Setenv("IDENTITY_ENDPOINT", server.URL+imds.AppServicePath)
	t.Setenv("IDENTITY_HEADER", canary)
	scope := newScope()
	for name, c := range map[string]struct {
		id   azidentity.ManagedIDKind
		want imds.Identity
	}{
		"system":      {nil, system},
		"client id":   {azidentity.ClientID(orders.ClientID), orders},
		"object id":   {azidentity.ObjectID(other.ObjectID), other},
		"resource id": {azidentity.ResourceID(orders.ResourceID), orders},
	} {
		got, err := azureToken(t, c.id, scope, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		token, err := jwt.Parse(secret.New(got.Token))
		if err != nil || token.Subject() != c.want.ObjectID || token.Audiences()[0]+"/.default" != scope {
			t.Errorf("%s: a token for %s at %v, %v", name, token.Subject(), token.Audiences(), err)
		}
		if left := time.Until(got.ExpiresOn); left < 23*time.Hour || left > 24*time.Hour {
			t.Errorf("%s: expires in %s", name, left)
		}
	}
	if _, err := azureToken(t, azidentity.ClientID("abc"), scope, nil); err == nil || !strings.Contains(err.Error(), "No User Assigned or Delegated Managed Identity found") {
		t.Errorf("an unknown identity: %v", err)
	}
	if _, err := azureToken(t, nil, "api://unknown/.default", nil); err == nil || !strings.Contains(err.Error(), "AADSTS500011") {
		t.Errorf("an unknown resource: %v", err)
	}
	t.Setenv("IDENTITY_HEADER", "wrong")
	if _, err := azureToken(t, nil, newScope(), nil); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("a wrong header: %v", err)
	}
}

// newScope is one that was never asked for: the SDK keeps tokens for as long as
// the process lives.
func newScope() string { return "pkc-" + rand.Text() + ":9092/.default" }

func azureToken(t *testing.T, id azidentity.ManagedIDKind, scope string, retry *policy.RetryOptions) (azcore.AccessToken, error) {
	t.Helper()
	options := &azidentity.ManagedIdentityCredentialOptions{ID: id}
	if retry != nil {
		options.Retry = *retry
	}
	credential, err := azidentity.NewManagedIdentityCredential(options)
	if err != nil {
		t.Fatal(err)
	}
	return credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
}

// TestAzidentityOutlivesFaults: the SDK asks again after what passes.
func TestAzidentityOutlivesFaults(t *testing.T) {
	m, _ := newPlatform(t, system)
	m.time = time.Now()
	var faults httpd.Faults
	var asked atomic.Int32
	behind := faults.Wrap(m)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		behind.ServeHTTP(w, r)
	}))
	defer server.Close()
	t.Setenv("IDENTITY_ENDPOINT", server.URL+imds.AppServicePath)
	t.Setenv("IDENTITY_HEADER", canary)
	for _, f := range []httpd.Fault{
		{Status: 429, Header: http.Header{"Retry-After-Ms": {"1"}}, Times: 2},
		{Status: 500, Times: 2}, {Truncate: true, Times: 2}, {Status: 503, HTML: true, Times: 2},
	} {
		if err := faults.Set(f); err != nil {
			t.Fatal(err)
		}
		before := asked.Load()
		_, err := azureToken(t, nil, newScope(), &policy.RetryOptions{RetryDelay: time.Microsecond})
		if got := asked.Load() - before; err != nil || got != 3 {
			t.Errorf("%+v: %d requests, want 3; %v", f, got, err)
		}
	}
}

func TestAppService(t *testing.T) {
	m, _ := newPlatform(t, system, orders)
	w := m.app(appService+kafka+"&client_id="+orders.ClientID, canary)
	body := members(t, w)
	want := map[string]string{
		"client_id": orders.ClientID, "resource": "pkc-abc:9092", "token_type": "Bearer",
		"expires_on": fmt.Sprint(start.Add(24 * time.Hour).Unix()), "not_before": fmt.Sprint(start.Add(-5 * time.Minute).Unix()),
	}
	for name, value := range want {
		if body[name] != value {
			t.Errorf("%s is %q, want %q", name, body[name], value)
		}
	}
	if len(body) != len(want)+1 || w.Header().Get("Server") != "" {
		t.Errorf("from %q: %v", w.Header().Get("Server"), body)
	}
	if kept := m.get(t, base+kafka+"&client_id="+orders.ClientID)["access_token"]; kept != body["access_token"] {
		t.Error("the metadata service has another token")
	}
}

func TestAppServiceRefuses(t *testing.T) {
	const header = "The header X-IDENTITY-HEADER is missing or wrong"
	for name, c := range map[string]struct {
		target string
		header []string
		status int
		text   string
	}{
		"no header":        {appService + kafka, nil, 401, header},
		"an empty header":  {appService + kafka, []string{""}, 401, header},
		"a wrong header":   {appService + kafka, []string{canary + "x"}, 401, header},
		"two headers":      {appService + kafka, []string{canary, canary}, 401, header},
		"no version":       {imds.AppServicePath + "?" + kafka[1:], []string{canary}, 400, "The query variable 'api-version' is invalid"},
		"the old version":  {imds.AppServicePath + "?api-version=2017-09-01" + kafka, []string{canary}, 400, "The query variable 'api-version' is invalid"},
		"IMDS's version":   {imds.AppServicePath + "?api-version=2018-02-01" + kafka, []string{canary}, 400, "The query variable 'api-version' is invalid"},
		"no resource":      {appService, []string{canary}, 400, "Required query variable 'resource' is missing"},
		"two names":        {appService + kafka + "&client_id=a&principal_id=b", []string{canary}, 400, "Only one of the query variables 'client_id', 'principal_id', 'mi_res_id' and 'object_id' may be specified"},
		"a name and alias": {appService + kafka + "&principal_id=a&object_id=a", []string{canary}, 400, "Only one of"},
		"unknown":          {appService + kafka + "&principal_id=a", []string{canary}, 400, "No User Assigned or Delegated Managed Identity found"},
		"empty":            {appService + kafka + "&client_id=", []string{canary}, 400, "No User Assigned or Delegated Managed Identity found"},
		"resource unknown": {appService + "&resource=api://unknown", []string{canary}, 400, "AADSTS500011: "},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := newPlatform(t, system)
			r := httptest.NewRequest(http.MethodGet, c.target, nil)
			r.Header["X-Identity-Header"] = c.header
			r.Header.Set("Metadata", "true") // does not help
			w := m.do(r)
			var body struct {
				StatusCode             int
				Message, CorrelationID string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatalf("%v in %q", err, w.Body)
			}
			if w.Code != c.status || body.StatusCode != c.status || !strings.HasPrefix(body.Message, c.text) || len(body.CorrelationID) != 36 || m.made != 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), canary) {
				t.Errorf("shows the secret: %s", w.Body)
			}
		})
	}
}

// TestClosedDoors: what is not configured is not there.
func TestClosedDoors(t *testing.T) {
	m := newMachine(t, false, system)
	for _, target := range []string{appService + kafka, arc + kafka} {
		for _, header := range []string{"", canary} {
			if w := m.app(target, header); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	}
}

// challenged asks Arc without a key and returns the file that it names.
func (m *machine) challenged(t *testing.T, target string) string {
	t.Helper()
	w := m.do(request(target))
	file, ok := strings.CutPrefix(w.Header().Get("WWW-Authenticate"), "Basic realm=")
	if w.Code != http.StatusUnauthorized || !ok || w.Body.Len() != 0 {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	return file
}

// prove sends what was read from a file.
func (m *machine) prove(target, content string) *httptest.ResponseRecorder {
	r := request(target)
	r.Header.Set("Authorization", "Basic "+content)
	return m.do(r)
}

// TestArc does what clients do, with the checks that they make.
func TestArc(t *testing.T) {
	m, folder := newPlatform(t, system, orders)
	for query, confirmed := range map[string][2]string{
		"":                                 {"client_id", system.ClientID},
		"&client_id=" + orders.ClientID:    {"client_id", orders.ClientID},
		"&object_id=" + orders.ObjectID:    {"object_id", orders.ObjectID},
		"&msi_res_id=" + orders.ResourceID: {"msi_res_id", orders.ResourceID},
	} {
		target := arc + kafka + query
		file := m.challenged(t, target)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(file) != folder || filepath.Ext(file) != ".key" || info.Size() > 4096 || info.Size() < 16 || info.Mode() != 0o600 {
			t.Errorf("%s has %d bytes and mode %s", file, info.Size(), info.Mode())
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body := members(t, m.prove(target, string(content)))
		if body[confirmed[0]] != confirmed[1] || body["expires_in"] != "86399" {
			t.Errorf("%s is %q, want %q", confirmed[0], body[confirmed[0]], confirmed[1])
		}
		if body["access_token"] != m.get(t, base+kafka+query)["access_token"] {
			t.Error("the metadata service has another token")
		}
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("the file is still there: %v", err)
		}
		if w := m.prove(target, string(content)); w.Code != http.StatusUnauthorized {
			t.Errorf("used twice: %d", w.Code)
		}
	}
}

func TestArcRefuses(t *testing.T) {
	m, folder := newPlatform(t, system)
	file := m.challenged(t, arc+kafka)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	hash := fmt.Sprintf("%x", sha256.Sum256(content))
	for name, headers := range map[string][]string{
		"an empty header": {""}, "no content": {"Basic "}, "the scheme alone": {"Basic"}, "the path": {"Basic " + file}, "another scheme": {"Bearer " + string(content)},
		"half": {"Basic " + string(content[:8])}, "more": {"Basic " + string(content) + "\n"}, "a hash": {"Basic " + hash}, "twice": {"Basic " + string(content), "Basic " + string(content)},
	} {
		r := request(arc + kafka)
		r.Header["Authorization"] = headers
		if w := m.do(r); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	r := request(arc + kafka)
	r.Header.Del("Metadata")
	r.Header.Set("Authorization", "Basic "+string(content))
	wantRefusal(t, m.do(r), http.StatusBadRequest, "bad_request_102", "Required metadata header")
	wantRefusal(t, m.prove(imds.ArcPath+"?api-version=2018-02-01"+kafka, string(content)), http.StatusBadRequest, "Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds", "")
	if m.made != 0 {
		t.Error("a token was made")
	}
	for range 100 {
		m.challenged(t, arc+kafka)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) > 16 {
		t.Errorf("%d files, %v", len(files), err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if w := m.do(request(arc + kafka)); w.Code != http.StatusInternalServerError || w.Body.Len() != 0 {
		t.Errorf("without the folder: %d %s", w.Code, w.Body)
	}
}

// TestArcOneUse: of many that read the same file one gets in.
func TestArcOneUse(t *testing.T) {
	m, _ := newPlatform(t, system)
	content, err := os.ReadFile(m.challenged(t, arc+kafka))
	if err != nil {
		t.Fatal(err)
	}
	var in atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if m.prove(arc+kafka, string(content)).Code == http.StatusOK {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got in", in.Load())
	}
}

func TestArcWantsAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".", "relative", file, file + "/none"} {
		if _, err := imds.New(imds.Config{Issuer: &directory{}, ArcKeys: folder}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v, want Invalid", folder, err)
		}
	}
}
