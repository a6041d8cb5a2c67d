package entra

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
)

const (
	clusterIssuer  = "https://oidc.cluster.example/a1/"
	clusterSubject = "system:serviceaccount:orders:producer"
)

// published is an issuer that publishes one key, that of the pair two.
type published struct{}

func (published) Key(ctx context.Context, issuer, kid string) (jwt.Key, error) {
	if issuer != clusterIssuer {
		return jwt.Key{}, fault.New(fault.Unavailable, "no answer").At(issuer)
	}
	key, err := jwt.NewKey("cluster-key", &pairs()["two"].key.PublicKey)
	if err != nil {
		return jwt.Key{}, err
	}
	return jwt.NewStatic(key).Key(ctx, kid)
}

// projected is what the file of a pod's projected token holds.
func projected() (header, claims members) {
	return members{"alg": "RS256", "kid": "cluster-key"}, members{
		"iss": clusterIssuer, "sub": clusterSubject, "aud": []string{ExchangeAudience},
		"iat": clock.Unix(), "nbf": clock.Unix(), "exp": clock.Add(time.Hour).Unix(),
	}
}

func startFederated(t testing.TB, keys IssuerKeys) (*Entra, *httptest.Server) {
	return start(t, func(c *Config) {
		list := []FederatedCredential{
			{Name: "producer", Issuer: clusterIssuer, Subject: clusterSubject},
			{Name: "pipeline", Issuer: "https://pipelines.example", Subject: "repo:orders:main", Audience: "orders"},
		}
		c.Tenants[0].Applications[4].FederatedCredentials, c.Tenants[0].ManagedIdentities[0].FederatedCredentials = list, list
		c.IssuerKeys = keys
	})
}

// TestFederated: the application and the managed identity get the tokens that
// they get by other ways.
func TestFederated(t *testing.T) {
	e, s := startFederated(t, published{})
	id := e.TenantID(0)
	for _, tt := range []struct {
		client string
		role   string
		lasts  time.Duration
		claims members
	}{
		{billingID, "Kafka.Write", time.Hour, nil},
		{ordersID, "Kafka.Read", 24 * time.Hour, nil},
		{ordersID, "Kafka.Read", 24 * time.Hour, members{"aud": ExchangeAudience}},
		{ordersID, "Kafka.Read", 24 * time.Hour, members{"aud": []string{"sts.example", ExchangeAudience}}},
	} {
		header, claims := projected()
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", asserted(sign(pairs()["two"].key, jsonOf(header), jsonOf(claims, tt.claims)), "client_id", tt.client))
		token := verified(t, s, e.JWKSURL(id), got["access_token"].(string))
		ends, err := token.Expires()
		if err != nil || token.Text("azp") != tt.client || token.Text("azpacr") != "2" || fmt.Sprint(token.Claims["roles"]) != "["+tt.role+"]" ||
			!ends.Equal(clock.Truncate(time.Second).Add(tt.lasts)) {
			t.Errorf("claims %v, %v", token.Claims, err)
		}
	}
	if list := e.Issued(); list[0].ClientAuth != ByFederatedCredential || list[0].Credential != "producer" || list[1].Kind != "managed_identity" {
		t.Errorf("issued %+v", list)
	}
}

func TestFederatedAttacks(t *testing.T) {
	e, s := startFederated(t, published{})
	for name, tt := range map[string]struct {
		client         string
		header, claims members
		key            string
		code           int
		says           string
	}{
		"another issuer":          {"", nil, members{"iss": "https://evil.example"}, "two", 700211, "https://evil.example"},
		"issuer without slash":    {"", nil, members{"iss": strings.TrimSuffix(clusterIssuer, "/")}, "two", 700211, "a slash at the end count"},
		"issuer in other case":    {"", nil, members{"iss": strings.ToUpper(clusterIssuer)}, "two", 700211, "case"},
		"another subject":         {"", nil, members{"sub": "system:serviceaccount:orders:consumer"}, "two", 700213, "orders:consumer"},
		"subject in other case":   {"", nil, members{"sub": "system:serviceaccount:Orders:producer"}, "two", 700213, "case counts"},
		"subject, longer":         {"", nil, members{"sub": clusterSubject + "x"}, "two", 700213, "exactly"},
		"no subject":              {"", nil, members{"sub": "-"}, "two", 700213, "subject ''"},
		"subject of another":      {"", nil, members{"sub": "repo:orders:main"}, "two", 70021, "two federated credentials"},
		"another audience":        {"", nil, members{"aud": []string{"sts.example"}}, "two", 700212, "'sts.example', expected '" + ExchangeAudience},
		"audience of another":     {"", nil, members{"aud": "orders"}, "two", 700212, "expected"},
		"audience in other case":  {"", nil, members{"aud": "api://azureadtokenexchange"}, "two", 700212, "expected"},
		"no audience":             {"", nil, members{"aud": "-"}, "two", 700212, "''"},
		"audience is a number":    {"", nil, members{"aud": []any{ExchangeAudience, 5}}, "two", 700212, "''"},
		"ended":                   {"", nil, members{"exp": clock.Add(-time.Hour).Unix(), "nbf": "-"}, "two", 700024, "expiry time of assertion 2026-03-04T04:06:07Z"},
		"not yet":                 {"", nil, members{"nbf": clock.Add(time.Hour).Unix(), "exp": clock.Add(2 * time.Hour).Unix()}, "two", 700024, "valid time range"},
		"no exp":                  {"", nil, members{"exp": "-"}, "two", 50027, "must end"},
		"another's key":           {"", nil, nil, "one", 700027, "verify the signature failed"},
		"unknown key":             {"", members{"kid": "other"}, nil, "two", 700027, "does not publish the key 'other'"},
		"PS256":                   {"", members{"alg": "PS256"}, nil, "two", 5002738, "expected RS256"},
		"keys cannot be had":      {"", nil, members{"iss": "https://pipelines.example", "sub": "repo:orders:main", "aud": "orders"}, "two", 50166, "https://pipelines.example: no answer"},
		"Entra's own token":       {"", nil, members{"iss": e.Issuer(e.TenantID(0), 2)}, "two", 700222, "may not be used"},
		"Entra's own token, v1":   {"", nil, members{"iss": e.Issuer(e.TenantID(0), 1)}, "two", 700222, "may not be used"},
		"no federated credential": {legacyID, nil, nil, "two", 70025, legacyID},
		"who is disabled":         {disabledID, nil, nil, "two", 7000112, disabledID},
		"system-assigned":         {"7a1de0f4-94cf-4a0f-8f4e-b0b6b7a3c2d8", nil, nil, "two", 7000112, "disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			header, claims := projected()
			if tt.client == "" {
				tt.client = ordersID
			}
			refused(t, e, s, asserted(sign(pairs()[tt.key].key, jsonOf(header, tt.header), jsonOf(claims, tt.claims)), "client_id", tt.client), tt.code, tt.says)
		})
	}
	did(t, e, "remove-federated-credential", `{"id":"orders","name":"producer"}`)
	header, claims := projected()
	refused(t, e, s, asserted(sign(pairs()["two"].key, jsonOf(header), jsonOf(claims)), "client_id", ordersID), 700211, clusterIssuer)
	if len(e.Issued()) != 0 {
		t.Errorf("refused requests made tokens: %v", e.Issued())
	}
}

// TestWithoutIssuerKeys: nobody fetches keys, so no issuer is believed.
func TestWithoutIssuerKeys(t *testing.T) {
	e, s := startFederated(t, nil)
	header, claims := projected()
	refused(t, e, s, asserted(sign(pairs()["two"].key, jsonOf(header), jsonOf(claims))), 50166, "Nothing is configured")
}

func TestFederatedLimits(t *testing.T) {
	e, _ := start(t, nil)
	add := func(name, subject string) (int, string) {
		got := administer(e, http.MethodPost, "/add-federated-credential", jsonOf(members{"id": ordersID, "name": name, "issuer": "https://x.example", "subject": subject}))
		return got.Code, got.Body.String()
	}
	for i := range maxFederated {
		if status, text := add(fmt.Sprintf("number-%d", i), fmt.Sprint(i)); status != http.StatusOK || !strings.Contains(text, ExchangeAudience) {
			t.Fatalf("number %d: %d %s", i, status, text)
		}
	}
	if status, text := add("one-more", "more"); status != http.StatusBadRequest || !strings.Contains(text, "at most 20") {
		t.Errorf("one more: %d %s", status, text)
	}
	did(t, e, "remove-federated-credential", `{"id":"`+ordersID+`","name":"number-0"}`)
	for name, subject := range map[string]string{"number-1": "new", "new": "1", "two": strings.Repeat("x", maxFederal+1)} {
		if status, text := add(name, subject); status != http.StatusBadRequest {
			t.Errorf("%s for %.10s: %d %s", name, subject, status, text)
		}
	}
}

// TestIssuerKeys fetches from a real issuer, good and spoiled.
func TestIssuerKeys(t *testing.T) {
	cluster := testKeys()[2]
	documents := map[string]any{}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch document := documents[r.URL.Path].(type) {
		case nil:
			http.NotFound(w, r)
		case string:
			http.Redirect(w, r, document, http.StatusFound)
		default:
			_ = json.NewEncoder(w).Encode(document)
		}
	})
	issuer := httptest.NewTLSServer(mux)
	t.Cleanup(issuer.Close)
	keys := NewIssuerKeys(issuer.Client())
	const at = "/c/.well-known/openid-configuration"
	set := func(url string) any { return members{"issuer": issuer.URL + "/c/", "jwks_uri": url} }
	jwks := jwt.MarshalSet(cluster.JWK(nil))
	for name, tt := range map[string]struct {
		document any
		set      any
		kid      string
		kind     fault.Kind
		says     string
	}{
		"good":                {set(issuer.URL + "/keys"), jwks, cluster.Kid, "", ""},
		"unknown key":         {set(issuer.URL + "/keys"), jwks, "other", fault.NotFound, "no key"},
		"no document":         {nil, nil, cluster.Kid, fault.Unavailable, issuer.URL + at + ": status 404"},
		"no key set":          {set(issuer.URL + "/keys"), nil, cluster.Kid, fault.Unavailable, issuer.URL + "/keys: status 404"},
		"document is none":    {[]int{1}, jwks, cluster.Kid, fault.Malformed, issuer.URL + at},
		"set is none":         {set(issuer.URL + "/keys"), []int{1}, cluster.Kid, fault.Malformed, issuer.URL + "/keys"},
		"issuer of another":   {members{"issuer": "https://evil.example", "jwks_uri": issuer.URL + "/keys"}, jwks, cluster.Kid, fault.Invalid, "https://evil.example"},
		"issuer less a slash": {members{"issuer": issuer.URL + "/c", "jwks_uri": issuer.URL + "/keys"}, jwks, cluster.Kid, fault.Invalid, issuer.URL + at},
		"metadata service":    {set("http://169.254.169.254/latest"), jwks, cluster.Kid, fault.Invalid, "expected https"},
		"a file":              {set("file:///etc/passwd"), jwks, cluster.Kid, fault.Invalid, "expected https"},
		"redirect inside":     {set(issuer.URL + "/keys"), "http://169.254.169.254/latest", cluster.Kid, fault.Unavailable, issuer.URL + "/keys"},
		"redirect for ever":   {issuer.URL + at, jwks, cluster.Kid, fault.Unavailable, issuer.URL + at},
		"much too long":       {set(issuer.URL + "/keys"), strings.Split(strings.Repeat("x", maxDocument), ""), cluster.Kid, fault.Unavailable, "ends early or is above"},
	} {
		documents[at], documents["/keys"] = tt.document, tt.set
		_, err := keys.Key(t.Context(), issuer.URL+"/c/", tt.kid)
		if fault.KindOf(err) != tt.kind || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v (%s), want %s %q", name, err, fault.KindOf(err), tt.kind, tt.says)
		}
	}
	issuer.Close()
	if _, err := keys.Key(t.Context(), issuer.URL+"/c/", cluster.Kid); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), issuer.URL+at+": no answer") {
		t.Errorf("issuer is away: %v", err)
	}
	stranger := NewIssuerKeys(&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{}}})
	if _, err := stranger.Key(t.Context(), "https://127.0.0.1:1/c", ""); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("nobody listens: %v", err)
	}
}

// oidcIssuer is an issuer with a discovery document and one key.
type oidcIssuer struct {
	url    string
	key    *jwt.SigningKey
	client *http.Client
	close  func()
}

func startIssuer(t *testing.T) *oidcIssuer {
	i := &oidcIssuer{key: testKeys()[2]}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var document any = members{"issuer": i.url, "jwks_uri": i.url + "/keys"}
		if r.URL.Path == "/keys" {
			document = jwt.MarshalSet(i.key.JWK(nil))
		}
		_ = json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(s.Close)
	i.url, i.client, i.close = s.URL, s.Client(), s.Close
	return i
}
