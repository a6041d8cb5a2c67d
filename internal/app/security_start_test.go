package app

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/internal/authn"
)

// setup is a folder as klamm serve reads it.
type setup struct {
	dir            string
	yaml, identity string
	missing        string // a file that is taken away
	log            *lockedBuffer
}

func newSetup(t testing.TB) setup {
	t.Helper()
	s := setup{dir: t.TempDir(), yaml: `version: 1
listeners:
  kafka:
    address: 127.0.0.1:0
    mechanisms: [OAUTHBEARER]
    tls: {cert: klamm.crt, key: klamm.key}
    brokers: {ports: auto}
  ops: 127.0.0.1:0
clusters:
  lkc-test:
    bootstrap: ["127.0.0.1:1"]
    login: {mechanism: none}
identity: {files: identity}
audit: {file: audit.jsonl}
`, identity: documents}
	pair := serverTLS().Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "klamm.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	s.write(t, "klamm.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	s.write(t, "identity/ca.pem", testCA().PEM())
	return s
}

func (s setup) write(t testing.TB, name string, text []byte) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// with changes klamm.yaml and the documents; the text must be there.
func (s setup) with(old, new string) setup {
	if !strings.Contains(s.yaml+s.identity, old) {
		panic("the setup has no " + old)
	}
	s.yaml, s.identity = strings.Replace(s.yaml, old, new, 1), strings.Replace(s.identity, old, new, 1)
	return s
}

// serve runs Serve. It returns Serve's error, which is nil when it was ready;
// serving is called then.
func (s setup) serve(t testing.TB, serving func(bootstrap string)) error {
	t.Helper()
	s.write(t, "klamm.yaml", []byte(s.yaml))
	s.write(t, "identity/documents.yaml", []byte(s.identity))
	if s.missing != "" {
		if err := os.RemoveAll(filepath.Join(s.dir, s.missing)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	if s.log != nil {
		log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return Serve(ctx, filepath.Join(s.dir, "klamm.yaml"), "test", log, func(bootstrap string) {
		defer cancel()
		if serving != nil {
			serving(bootstrap)
		}
	})
}

// TestSecurity_03_RequiredSettings takes away each setting on which a check
// depends: klamm does not start, and nothing listens.
func TestSecurity_03_RequiredSettings(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{}) // for its provider and tokens
	behind, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(behind.Close)
	whole := newSetup(t).with("KEYS", h.idp.url+"/keys").with(`"127.0.0.1:1"`, `"`+behind.ListenAddrs()[0]+`"`)

	served := false
	err = whole.serve(t, func(bootstrap string) {
		served = true
		h.run.Bootstrap, bootstrap = bootstrap, h.run.Bootstrap
		defer func() { h.run.Bootstrap = bootstrap }()
		cl := h.client(h.token(nil), kgo.ClientID("control"))
		defer cl.Close()
		if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
			t.Errorf("nothing was taken away, and: %v", err)
		}
	})
	if err != nil || !served {
		t.Fatalf("with everything there: %v", details(err))
	}

	const pool = `{kind: IdentityPool, id: pool-orders, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "orders"'}`
	const write = `role: DeveloperWrite, on: {cluster: lkc-test, topic: "orders*"}`
	for _, cut := range []struct{ name, old, new string }{
		{"version", "version: 1\n", ""},
		{"listeners.kafka.address", "    address: 127.0.0.1:0\n", ""},
		{"listeners.kafka.tls", "    tls: {cert: klamm.crt, key: klamm.key}\n", ""},
		{"tls.cert", "{cert: klamm.crt, key: klamm.key}", "{key: klamm.key}"},
		{"tls.key", "{cert: klamm.crt, key: klamm.key}", "{cert: klamm.crt}"},
		{"brokers", "    brokers: {ports: auto}\n", ""},
		{"clusters", "clusters:\n  lkc-test:\n    bootstrap: [\"" + behind.ListenAddrs()[0] + "\"]\n    login: {mechanism: none}\n", ""},
		{"bootstrap", "    bootstrap: [\"" + behind.ListenAddrs()[0] + "\"]\n", ""},
		{"identity", "identity: {files: identity}\n", ""},
		{"identity.files", "{files: identity}", "{}"},
		{"audit", "audit: {file: audit.jsonl}\n", ""},
		{"audit.file", "{file: audit.jsonl}", "{}"},
		{"mechanisms, empty", "[OAUTHBEARER]", "[]"},
		{"organization", "{kind: Organization, id: 6a4e3a2c-0000-4000-8000-000000000000, environment: env-test}\n---\n", ""},
		{"organization.id", "id: 6a4e3a2c-0000-4000-8000-000000000000, ", ""},
		{"provider.id", "id: op-main, ", ""},
		{"provider.issuer", `issuer: "https://idp.test/main", `, ""},
		{"provider.issuer, empty", `issuer: "https://idp.test/main"`, `issuer: ""`},
		{"provider.jwks_uri", `jwks_uri: "` + h.idp.url + `/keys", `, ""},
		{"provider.jwks_uri, empty", `jwks_uri: "` + h.idp.url + `/keys"`, `jwks_uri: ""`},
		{"provider.audiences, empty", "audiences: [kafka]", "audiences: []"},
		{"provider.audiences, an empty one", "audiences: [kafka]", `audiences: [""]`},
		{"pool.provider", pool, strings.Replace(pool, "provider: op-main, ", "", 1)},
		{"pool.filter", pool, `{kind: IdentityPool, id: pool-orders, provider: op-main}`},
		{"pool.filter, empty", pool, `{kind: IdentityPool, id: pool-orders, provider: op-main, filter: ""}`},
		{"pool.filter, blank", pool, `{kind: IdentityPool, id: pool-orders, provider: op-main, filter: "  "}`},
		{"binding.principal", `principal: "User:pool-orders", ` + write, write},
		{"binding.role", write, `on: {cluster: lkc-test, topic: "orders*"}`},
		{"binding.on", write, "role: DeveloperWrite"},
		{"binding.on, empty", write, "role: DeveloperWrite, on: {}"},
		{"kind", "{kind: IdentityPool, id: pool-orders", "{id: pool-orders"},
		// Settings that would switch a check off do not exist (rows 2, 7, 23).
		{"a switch for unsigned tokens", "audiences: [kafka]", "audiences: [kafka], allow_unsigned: true"},
		{"a switch for TLS", "audiences: [kafka]", "audiences: [kafka], insecure: true"},
		{"another switch for TLS", "login: {mechanism: none}", "tls: {insecure_skip_verify: true}"},
		{"a class to load", "mechanisms: [OAUTHBEARER]", "mechanisms: [OAUTHBEARER]\n    callback_handler_class: com.example.Evil"},
		{"a plug-in to load", "version: 1", "version: 1\nplugins: [/tmp/evil.so]"},
	} {
		err := whole.with(cut.old, cut.new).serve(t, nil)
		if err == nil {
			t.Errorf("without %s klamm starts", cut.name)
		}
	}
	for _, missing := range []string{"klamm.crt", "klamm.key", "identity", "identity/ca.pem"} {
		s := whole
		s.missing = missing
		if err := s.serve(t, nil); err == nil {
			t.Errorf("without the file %s klamm starts", missing)
		}
		restored := newSetup(t)
		restored.yaml, restored.identity = whole.yaml, whole.identity
		whole = restored
	}
	if err := whole.serve(t, nil); err != nil {
		t.Errorf("at the end, with everything there again: %v", details(err))
	}
}

// TestSecurity_05_ForgedAddresses: documents that point klamm at itself, at its
// neighbours or at a cloud's metadata do not come into force.
func TestSecurity_05_ForgedAddresses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	for _, uri := range []string{
		"http://idp.test/keys", "http://127.0.0.1/keys", "file:///etc/passwd", "ftp://idp.test/keys", "gopher://127.0.0.1:6379/_x", "data:application/json,{}",
		"https://169.254.169.254/keys", "https://[fe80::1]/keys", "https://[::ffff:169.254.169.254]/keys", "https://168.63.129.16/keys", "https://[fd00:ec2::254]/keys",
		"https://0.0.0.0/keys", "https://user:password@idp.test/keys", "https:///keys", "//idp.test/keys", "keys", "", "https://2852039166/keys",
	} {
		document := fmt.Sprintf(`{kind: IdentityProvider, id: op-forged, issuer: "https://forged.test", jwks_uri: %q, audiences: [kafka]}`, uri)
		if err := h.accepts(houseOptions{more: document}); err == nil {
			t.Errorf("accepted: %s", uri)
		}
	}
}

// TestSecurity_17_FiltersThatCost: what could cost or err is found when the
// documents are read.
func TestSecurity_17_FiltersThatCost(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	for _, filter := range []string{
		`claims.sub.matches("(a+)+$")`, `claims.roles.all(r, r == "x")`, `claims.roles.exists(r, r == "x")`, `claims.roles.map(r, r + r) == []`,
		`size(claims.sub) > 3`, `claims.n + 1 == 2`, `claims.a ? true : false`, `claims.sub == "x" || `, `"x"`, `claims`, `1`, `1 == 1.0 + 2`,
		strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), `claims.sub == "` + strings.Repeat("x", 5000) + `"`,
		`token.sub == "x"`, `claims.sub == undefined`, `timestamp("2020-01-01T00:00:00Z") < timestamp("2021-01-01T00:00:00Z")`,
	} {
		document := fmt.Sprintf("{kind: IdentityPool, id: pool-costly, provider: op-main, filter: %q}", filter)
		if err := h.accepts(houseOptions{more: document}); err == nil {
			t.Errorf("accepted: %.80s", filter)
		}
	}
	// What can err only on a token refuses the token.
	h.change(houseOptions{more: `
{kind: IdentityPool, id: pool-text, provider: op-main, filter: 'claims.sub'}
---
{kind: IdentityPool, id: pool-missing, provider: op-main, filter: 'claims.groups != "x"'}
---
{kind: IdentityPool, id: pool-half, provider: op-main, filter: 'claims.role == "orders" && claims.groups == "x"'}
---
{kind: IdentityPool, id: pool-type, provider: op-main, filter: 'claims.iat.startsWith("1")'}
---
{kind: IdentityPool, id: pool-null, provider: op-main, filter: 'claims.none.x == "x"'}
`})
	var attacks []attack
	for _, pool := range []string{"pool-text", "pool-missing", "pool-half", "pool-type", "pool-null"} {
		attacks = append(attacks, attack{pool, here(h.token(map[string]any{"none": "x"}), "identityPoolId="+pool), authn.FilterError})
	}
	h.repel(attacks)
	h.letIn("a pool beside those that err", here(h.token(nil)))
}

// TestSecurity_24_NeighboursAndOps: ops listens on loopback or on a unix
// socket, and does not answer pages of a browser.
func TestSecurity_24_NeighboursAndOps(t *testing.T) {
	t.Parallel()
	for _, address := range []string{`":9644"`, "0.0.0.0:9644", `"[::]:9644"`, "10.1.2.3:9644", "169.254.1.1:9644", "example.com:9644"} {
		if err := newSetup(t).with("ops: 127.0.0.1:0", "ops: "+address).with("KEYS", "https://127.0.0.1/keys").serve(t, nil); err == nil {
			t.Errorf("ops listens at %s", address)
		}
	}
	h := newHouse(t, houseOptions{})
	ask := func(method, path string, header map[string]string) int {
		req, err := http.NewRequestWithContext(h.ctx(), method, h.ops+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range header {
			if name == "Host" {
				req.Host = value
			}
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if status := ask(http.MethodGet, "/sessions", nil); status != http.StatusOK {
		t.Errorf("a person is answered %d", status)
	}
	for _, host := range []string{"evil.test", "evil.test:9644", "localhost.evil.test", "127.0.0.1.evil.test"} {
		if status := ask(http.MethodGet, "/sessions", map[string]string{"Host": host}); status != http.StatusForbidden {
			t.Errorf("under the name %s: %d", host, status)
		}
	}
	for _, header := range []map[string]string{{"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}} {
		for _, call := range [][2]string{{http.MethodPost, "/reload"}, {http.MethodDelete, "/sessions/1"}} {
			if status := ask(call[0], call[1], header); status != http.StatusForbidden {
				t.Errorf("%s %s for a web page: %d", call[0], call[1], status)
			}
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/../etc/passwd", "/explain/../../x"} {
		if status := ask(http.MethodGet, path, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	if host, _, err := net.SplitHostPort(strings.TrimPrefix(h.ops, "http://")); err != nil || !slices.Contains([]string{"127.0.0.1", "::1"}, host) {
		t.Errorf("ops is at %s", h.ops)
	}
}
