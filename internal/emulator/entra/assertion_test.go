package entra

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/jwt"
)

// pair is a key with its certificate, as a client has them.
type pair struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

func (p pair) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificate.Raw}))
}

// keyPEM is what a client keeps to itself.
func (p pair) keyPEM() string {
	raw, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// pairs are two that are good for an hour around the tests' clock and around
// now, and one that has ended, all of the first key.
var pairs = sync.OnceValue(func() map[string]pair {
	made := map[string]pair{}
	one, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	two, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for i, p := range []struct {
		name string
		key  *rsa.PrivateKey
		ends time.Time
	}{{"one", one, time.Now().Add(time.Hour)}, {"two", two, time.Now().Add(time.Hour)}, {"ended", one, clock}} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: p.name}, NotBefore: clock.Add(-time.Hour), NotAfter: p.ends,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &p.key.PublicKey, p.key)
		if err != nil {
			panic(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		made[p.name] = pair{p.key, parsed}
	}
	return made
})

// sign makes a JWT as clients do, from texts of JSON.
func sign(key *rsa.PrivateKey, header, claims string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	if strings.Contains(header, `"PS256"`) {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	}
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// jsonOf marshals what is merged; a member that is "-" is left out.
func jsonOf(members ...map[string]any) string {
	all := map[string]any{}
	for _, m := range members {
		maps.Copy(all, m)
	}
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == "-" })
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

type members = map[string]any

// startWithCertificates gives billing the certificates one and ended.
func startWithCertificates(t testing.TB) (*Entra, *httptest.Server) {
	return start(t, func(c *Config) {
		c.Tenants[0].Applications[4].Certificates = []Certificate{{ID: "key-one", PEM: pairs()["one"].pem()}, {ID: "key-ended", PEM: pairs()["ended"].pem()}}
	})
}

// own is what billing's assertions hold, beside what a test changes.
func own(e *Entra) (header, claims members) {
	return members{"alg": "PS256", "typ": "JWT", "x5t#S256": jwt.X5TS256(pairs()["one"].certificate)}, members{
		"aud": e.TokenURL(e.TenantID(0)), "iss": billingID, "sub": billingID, "jti": newUUID(),
		"nbf": clock.Unix(), "exp": clock.Add(10 * time.Minute).Unix(),
	}
}

func asserted(assertion string, more ...string) string {
	return form(append([]string{"grant_type", "client_credentials", "client_id", billingID, "client_assertion_type", assertionType, "client_assertion", assertion, "scope", "api://kafka/.default"}, more...)...)
}

func TestCertificate(t *testing.T) {
	e, s := startWithCertificates(t)
	id, one := e.TenantID(0), pairs()["one"]
	x5t, padded := jwt.X5T(one.certificate), func() string {
		sum := sha256.Sum256(one.certificate.Raw)
		return base64.StdEncoding.EncodeToString(sum[:]) // as MSAL for Go writes it
	}()
	for name, tt := range map[string]struct{ header, claims members }{
		"PS256":                 {},
		"RS256 and x5t":         {members{"alg": "RS256", "x5t#S256": "-", "x5t": x5t}, nil},
		"both thumbprints":      {members{"x5t": x5t}, nil},
		"thumbprint, padded":    {members{"x5t#S256": padded}, nil},
		"without typ":           {members{"typ": "-"}, nil},
		"chain in the header":   {members{"x5c": []string{"AA=="}}, nil},
		"without nbf":           {nil, members{"nbf": "-"}},
		"aud: v1 endpoint":      {nil, members{"aud": s.URL + "/" + id + "/oauth2/token"}},
		"aud: by domain":        {nil, members{"aud": s.URL + "/contoso.example/oauth2/v2.0/token"}},
		"aud: issuer":           {nil, members{"aud": "https://login.microsoftonline.com/" + id + "/v2.0"}},
		"aud: issuer, v1":       {nil, members{"aud": "https://sts.windows.net/" + id + "/"}},
		"client's clock behind": {nil, members{"exp": clock.Add(-clockSkew).Add(2 * time.Second).Unix(), "nbf": clock.Add(-time.Hour).Unix()}},
		"client's clock ahead":  {nil, members{"nbf": clock.Add(clockSkew).Unix()}},
		"upper case":            {nil, members{"iss": strings.ToUpper(billingID), "sub": strings.ToUpper(billingID)}},
	} {
		t.Run(name, func(t *testing.T) {
			header, claims := own(e)
			got := ask(t, s, "/"+id+"/oauth2/v2.0/token", asserted(sign(one.key, jsonOf(header, tt.header), jsonOf(claims, tt.claims))))
			token := verified(t, s, e.JWKSURL(id), got["access_token"].(string))
			if token.Text("azp") != billingID || token.Text("azpacr") != "2" || token.Claims["roles"] == nil {
				t.Errorf("claims %v", token.Claims)
			}
		})
	}
	header, claims := own(e)
	got := ask(t, s, "/"+id+"/oauth2/token", form("grant_type", "client_credentials", "client_id", billingID, "resource", "api://legacy",
		"client_assertion_type", assertionType, "client_assertion", sign(one.key, jsonOf(header), jsonOf(claims))))
	if token := verified(t, s, e.JWKSURLV1(id), got["access_token"].(string)); token.Text("appidacr") != "2" {
		t.Errorf("version 1: claims %v", token.Claims)
	}
	if list := e.Issued(); list[0].ClientAuth != ByCertificate || list[0].Credential != "key-one" {
		t.Errorf("issued %+v", list[0])
	}
}

// TestCertificateAttacks: each assertion is good but for one thing.
func TestCertificateAttacks(t *testing.T) {
	e, s := startWithCertificates(t)
	one, two, ended := pairs()["one"], pairs()["two"], pairs()["ended"]
	key := func(name string) func(h, c string) string {
		return func(h, c string) string { return sign(pairs()[name].key, h, c) }
	}
	type spoil func(header, claims string) string
	for name, tt := range map[string]struct {
		header, claims members
		sign           spoil
		code           int
		says           string
	}{
		"another's key":            {nil, nil, key("two"), 700027, "verify the signature failed"},
		"another's certificate":    {members{"x5t#S256": jwt.X5TS256(two.certificate)}, nil, key("two"), 700027, "key was not found"},
		"two certificates":         {members{"x5t": jwt.X5T(two.certificate)}, nil, nil, 700027, "key was not found"},
		"certificate has ended":    {members{"x5t#S256": jwt.X5TS256(ended.certificate)}, nil, nil, 700027, "key used is expired"},
		"no thumbprint":            {members{"x5t#S256": "-"}, nil, nil, 700027, "neither x5t#S256 nor x5t"},
		"kid in place of x5t":      {members{"x5t#S256": "-", "kid": jwt.X5TS256(one.certificate)}, nil, nil, 700027, "neither"},
		"thumbprint of padding":    {members{"x5t#S256": "=="}, nil, nil, 700027, "key was not found"},
		"key in the header":        {members{"x5t#S256": "-", "jwk": members{"kty": "RSA"}}, nil, key("two"), 700027, "neither"},
		"RS256 said, PS256 signed": {nil, nil, func(h, c string) string { return mixed(one, h, c) }, 700027, "verify the signature failed"},
		"claims exchanged": {nil, nil, func(h, c string) string {
			parts := strings.Split(sign(one.key, h, c), ".")
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(c, `"jti":"`, `"jti":"x`, 1)))
			return strings.Join(parts, ".")
		}, 700027, "verify the signature failed"},
		"no signature":          {nil, nil, func(h, c string) string { a := sign(one.key, h, c); return a[:strings.LastIndexByte(a, '.')+1] }, 50027, "malformed"},
		"alg none":              {members{"alg": "none"}, nil, nil, 5002738, "RS256"},
		"alg HS256":             {members{"alg": "HS256"}, nil, nil, 5002738, "RS256"},
		"alg RS512":             {members{"alg": "RS512"}, nil, nil, 5002738, "RS256 or PS256"},
		"another's token":       {members{"typ": "id+jwt"}, nil, nil, 50027, "malformed"},
		"aud: another service":  {nil, members{"aud": "https://login.example/oauth2/v2.0/token"}, nil, 700023, "https://login.example"},
		"aud: another tenant":   {nil, members{"aud": s.URL + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token"}, nil, 700023, "token endpoint"},
		"aud: the resource":     {nil, members{"aud": "api://kafka"}, nil, 700023, "api://kafka"},
		"aud: longer":           {nil, members{"aud": e.TokenURL(e.TenantID(0)) + "/"}, nil, 700023, "token endpoint"},
		"aud: a list":           {nil, members{"aud": []string{e.TokenURL(e.TenantID(0))}}, nil, 50027, "aud is not one string"},
		"no aud":                {nil, members{"aud": "-"}, nil, 50027, "aud is not one string"},
		"sub of another":        {nil, members{"sub": legacyID}, nil, 50048, legacyID},
		"no sub":                {nil, members{"sub": "-"}, nil, 50048, "subject"},
		"iss of another":        {nil, members{"iss": legacyID, "sub": legacyID}, nil, 700021, legacyID},
		"no iss":                {nil, members{"iss": "-"}, nil, 50027, "no iss"},
		"iss is a number":       {nil, members{"iss": 5}, nil, 50027, "no iss"},
		"ended":                 {nil, members{"exp": clock.Add(-clockSkew).Unix(), "nbf": clock.Add(-time.Hour).Unix()}, nil, 700024, "Current time: 2026-03-04T05:06:07Z"},
		"not yet":               {nil, members{"nbf": clock.Add(clockSkew + 2*time.Second).Unix()}, nil, 700024, "assertion valid from 2026-03-04T05:11:09Z"},
		"ends before it begins": {nil, members{"exp": clock.Unix(), "nbf": clock.Add(time.Second).Unix()}, nil, 700024, "valid time range"},
		"no exp":                {nil, members{"exp": "-"}, nil, 50027, "must end"},
		"exp is a text":         {nil, members{"exp": "1772604367"}, nil, 50027, "seconds since 1970"},
		"exp is huge":           {nil, members{"exp": 1e300}, nil, 50027, "out of range"},
		"a claim twice":         {nil, nil, func(h, c string) string { return sign(one.key, h, strings.Replace(c, "{", `{"sub":"x",`, 1)) }, 50027, "twice"},
		"a header twice":        {nil, nil, func(h, c string) string { return sign(one.key, strings.Replace(h, "{", `{"alg":"PS256",`, 1), c) }, 50027, "twice"},
		"five parts":            {nil, nil, func(string, string) string { return "a.b.c.d.e" }, 50027, "malformed"},
		"a secret":              {nil, nil, func(string, string) string { return "kL8Q~x" }, 50027, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.sign == nil {
				tt.sign = key("one")
			}
			header, claims := own(e)
			refused(t, e, s, asserted(tt.sign(jsonOf(header, tt.header), jsonOf(claims, tt.claims))), tt.code, tt.says)
		})
	}
	t.Run("another client's", func(t *testing.T) {
		header, claims := own(e)
		refused(t, e, s, asserted(sign(one.key, jsonOf(header), jsonOf(claims)), "client_id", legacyID), 700021, billingID)
	})
	t.Run("who has no certificate", func(t *testing.T) {
		header, claims := own(e)
		claims["iss"], claims["sub"] = legacyID, legacyID
		refused(t, e, s, asserted(sign(one.key, jsonOf(header), jsonOf(claims)), "client_id", legacyID), 700027, "key was not found")
	})
	t.Run("certificate removed", func(t *testing.T) {
		did(t, e, "remove-certificate", `{"id":"billing","keyId":"key-one"}`)
		header, claims := own(e)
		refused(t, e, s, asserted(sign(one.key, jsonOf(header), jsonOf(claims))), 700027, "key was not found")
	})
	if len(e.Issued()) != 0 {
		t.Errorf("refused requests made tokens: %v", e.Issued())
	}
}

// mixed signs with the other padding than the header says.
func mixed(p pair, header, claims string) string {
	parts := strings.Split(sign(p.key, strings.Replace(header, "PS256", "RS256", 1), claims), ".")
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1]
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// refused asks for a token in vain.
func refused(t *testing.T, e *Entra, s *httptest.Server, body string, code int, says string) {
	t.Helper()
	resp, got := do(t, s, newRequest(t, http.MethodPost, e.TokenURL(e.TenantID(0)), body))
	status := http.StatusUnauthorized
	if got["error"] != "invalid_client" {
		status = http.StatusBadRequest
	}
	text, _ := got["error_description"].(string)
	if resp.StatusCode != status || !reflect.DeepEqual(got["error_codes"], []any{float64(code)}) || !strings.Contains(text, says) {
		t.Errorf("status %d, answer %v, want %d and %q", resp.StatusCode, got, code, says)
	}
}

// TestCertificateCommands registers one certificate after another.
func TestCertificateCommands(t *testing.T) {
	e, s := start(t, nil)
	one, two := pairs()["one"], pairs()["two"]
	add := func(text string) (int, string) {
		got := administer(e, http.MethodPost, "/add-certificate", jsonOf(members{"id": "billing", "certificate": text}))
		return got.Code, got.Body.String()
	}
	for name, tt := range map[string]struct{ pem, want string }{
		"key":         {one.keyPEM(), "begin with the PEM of a certificate"},
		"key with it": {one.pem() + one.keyPEM(), "holds a private key"},
		"two":         {one.pem() + two.pem(), "a second PEM block"},
		"no DER":      {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"},
		"EC":          {ecCertificate(t), "expected RSA"},
		"nothing":     {"", "begin with the PEM"},
	} {
		if status, text := add(tt.pem); status != http.StatusBadRequest || !strings.Contains(text, tt.want) || strings.Contains(text, "PRIVATE") {
			t.Errorf("%s: %d %s, want %q", name, status, text, tt.want)
		}
	}
	for _, p := range []pair{one, two} {
		if status, text := add(p.pem()); status != http.StatusOK || !strings.Contains(text, jwt.X5TS256(p.certificate)) {
			t.Fatalf("%d %s", status, text)
		}
	}
	if status, text := add(one.pem()); status != http.StatusBadRequest || !strings.Contains(text, "registered twice") {
		t.Errorf("again: %d %s", status, text)
	}
	app := did(t, e, "set", `{"id":"billing","accountEnabled":true}`).App
	if len(app.Certificates) != 2 || app.Certificates[0].Ends == nil || app.Certificates[0].KeyID == "" {
		t.Errorf("certificates %+v", app.Certificates)
	}
	header, claims := own(e)
	ask(t, s, "/"+e.TenantID(0)+"/oauth2/v2.0/token", asserted(sign(one.key, jsonOf(header), jsonOf(claims))))
	if list := e.Issued(); list[0].Credential != app.Certificates[0].KeyID {
		t.Errorf("issued %+v", list)
	}
}

func ecCertificate(t *testing.T) string {
	key, err := jwt.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(key.X5C()[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// FuzzAssertion: whatever an assertion is, the answer is a token or an error of
// Entra ID, and a token is for one that verifies only.
func FuzzAssertion(f *testing.F) {
	e, err := New(Config{
		Tenants: []Tenant{testTenant()}, Keys: testKeys()[:2], BaseURL: "https://localhost:1", Now: func() time.Time { return clock },
		IssuerKeys: published{},
	})
	if err != nil {
		f.Fatal(err)
	}
	err = e.Update(e.TenantID(0), func(t *Tenant) error {
		t.Applications[4].Certificates = []Certificate{{PEM: pairs()["one"].pem()}}
		t.Applications[4].FederatedCredentials = []FederatedCredential{{Name: "one", Issuer: clusterIssuer, Subject: clusterSubject}}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	header, claims := own(e)
	good := sign(pairs()["one"].key, jsonOf(header), jsonOf(claims))
	f.Add(good)
	f.Add(good + "x")
	f.Add(strings.Replace(good, ".", "..", 1))
	federalHeader, federalClaims := projected()
	federal := sign(pairs()["two"].key, jsonOf(federalHeader), jsonOf(federalClaims))
	f.Add(federal)
	f.Add(sign(pairs()["two"].key, `{"alg":"none"}`, `{"iss":[],"sub":{},"aud":[1],"exp":-1}`))
	f.Fuzz(func(t *testing.T, assertion string) {
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, newRequest(t, http.MethodPost, "/"+e.TenantID(0)+"/oauth2/v2.0/token", asserted(assertion)))
		var body struct {
			Token string `json:"access_token"`
			Codes []int  `json:"error_codes"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil || answer.Code >= 500 || (answer.Code == 200) != (body.Token != "") || answer.Code != 200 && len(body.Codes) != 1 {
			t.Fatalf("status %d, answer %q", answer.Code, answer.Body)
		}
		if body.Token != "" && assertion != good && assertion != federal {
			t.Fatalf("a token for %q", assertion)
		}
	})
}
