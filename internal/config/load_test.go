package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
)

// canary is the password; it must never be in an error, a warning or a description.
const canary = "canary-5e1f"

// folder makes the folder that the examples speak of and works in it.
func folder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "klamm"}, DNSNames: []string{"kafka.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, "tls/klamm.crt", chain)
	write(t, "tls/kafka.crt", chain)
	write(t, "tls/klamm.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	write(t, "secrets/kafka", []byte(canary+"\n"))
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// details is one line for each fault, with its hint.
func details(err error) string {
	list, ok := errors.AsType[config.Errors](err)
	if !ok {
		return fmt.Sprint(err)
	}
	lines := make([]string, len(list))
	for i, f := range list {
		lines[i] = f.Error()
		if f.Hint != "" {
			lines[i] += " (" + f.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

func TestLoad(t *testing.T) {
	text := testdata(t, "klamm.yaml")
	folder(t)
	write(t, "etc/klamm.yaml", []byte(text))
	for _, dir := range []string{"tls", "secrets"} {
		if err := os.Rename(dir, "etc/"+dir); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load("etc/klamm.yaml", config.Options{})
	if err != nil {
		t.Fatal(details(err))
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	k, orders := c.Listeners.Kafka, c.Clusters["lkc-orders"]
	for _, f := range []struct{ got, want any }{
		{k.Address, config.Address(":9092")},
		{k.Mechanisms, []string{"OAUTHBEARER"}},
		{k.Brokers.Ports, config.Ports{First: 9093, Last: 9192}},
		{k.Brokers.Host, "kafka.example.com"},
		{k.LogicalCluster, "required"},
		{k.Cluster, "lkc-orders"},
		{c.Listeners.Ops, config.Local{Network: "tcp", Address: "127.0.0.1:9644"}},
		{orders.Bootstrap, []config.Address{"kafka-1:9092", "kafka-2:9092"}},
		{orders.TLS.CA, config.Path("etc/tls/kafka.crt")},
		{orders.Login.Mechanism, "SCRAM-SHA-512"},
		{orders.Login.Password.Value.Reveal(), canary},
		{c.Identity.Files, config.Path("etc/identity")},
		{c.Audit, config.Audit{File: "etc/audit.jsonl", Rotate: 256 << 20}},
		{c.Cache, config.Path("etc/cache")},
	} {
		if !reflect.DeepEqual(f.got, f.want) {
			t.Errorf("got %v, want %v", f.got, f.want)
		}
	}
	if _, err := k.TLS.Certificate(); err != nil {
		t.Error(err)
	}
	if pool, err := orders.TLS.Pool(); err != nil || pool == nil {
		t.Errorf("pool %v, %v", pool, err)
	}
	if printed := fmt.Sprintf("%+v %v", *orders, config.Describe(c)); strings.Contains(printed, canary) {
		t.Errorf("the password got out: %s", printed)
	}
}

// What a later version will know is refused, and only that.
func TestDesign(t *testing.T) {
	text := testdata(t, "design.yaml")
	folder(t)
	_, err := config.Read("klamm.yaml", []byte(text), config.Options{})
	want := `klamm.yaml:7:14: listeners.kafka.brokers.host is missing, expected the name that clients find klamm by (the address :9092 listens everywhere and names no host; the certificate must hold the name)
klamm.yaml:7:14: listeners.kafka.brokers.ports is missing, expected FIRST-LAST such as 9093-9192, or auto
klamm.yaml:7:15: listeners.kafka.brokers.sni is not in this version
klamm.yaml:8:3: listeners.http is not in this version`
	if got := details(err); sorted(got) != sorted(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	list, _ := errors.AsType[config.Errors](err)
	if kind := list[len(list)-1].Kind; kind != fault.Unsupported {
		t.Errorf("kind %q, want %q", kind, fault.Unsupported)
	}
}

func sorted(lines string) string {
	l := strings.Split(lines, "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}

// edit replaces one piece of the good example; the piece must be in it once.
func edit(t *testing.T, text, old, new string) []byte {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q stands %d times in the example", old, strings.Count(text, old))
	}
	return []byte(strings.Replace(text, old, new, 1))
}

func TestMissing(t *testing.T) {
	text := testdata(t, "klamm.yaml")
	folder(t)
	for _, c := range []struct{ cut, want string }{
		{"version: 1\n", "klamm.yaml:1:1: version is missing, expected a whole number"},
		{"    address: \":9092\"\n", "klamm.yaml:4:5: listeners.kafka.address is missing, expected HOST:PORT"},
		{"    tls: {cert: tls/klamm.crt, key: tls/klamm.key}\n", "klamm.yaml:4:5: listeners.kafka.tls is missing, expected a mapping with cert, key"},
		{"cert: tls/klamm.crt, ", "klamm.yaml:6:10: listeners.kafka.tls.cert is missing, expected a path"},
		{", key: tls/klamm.key", "klamm.yaml:6:10: listeners.kafka.tls.key is missing, expected a path"},
		{"    brokers: {ports: 9093-9192, host: kafka.example.com}\n", "klamm.yaml:4:5: listeners.kafka.brokers is missing, expected a mapping with ports, host"},
		{"ports: 9093-9192, ", "klamm.yaml:7:14: listeners.kafka.brokers.ports is missing, expected FIRST-LAST such as 9093-9192, or auto"},
		{", host: kafka.example.com", "klamm.yaml:7:14: listeners.kafka.brokers.host is missing, expected the name that clients find klamm by (the address :9092 listens everywhere and names no host; the certificate must hold the name)"},
		{"    bootstrap: [kafka-1:9092, kafka-2:9092]\n", "klamm.yaml:11:5: clusters.lkc-orders.bootstrap is missing, expected a list of HOST:PORT"},
		{"    tls: {ca: tls/kafka.crt}\n", "klamm.yaml:11:5: clusters.lkc-orders.tls is missing, expected {ca: PATH} or {}: SCRAM in plain text shows enough to guess the password, and does not show who answers"},
		{"mechanism: SCRAM-SHA-512, ", "klamm.yaml:13:12: clusters.lkc-orders.login.mechanism is missing, expected none or SCRAM-SHA-512"},
		{"username: klamm, ", "klamm.yaml:13:12: clusters.lkc-orders.login.username is missing, expected klamm's own user on the cluster"},
		{", password: {file: secrets/kafka}", "klamm.yaml:13:12: clusters.lkc-orders.login.password is missing, expected {file: PATH} or {env: NAME}, since secrets must not stand in a configuration"},
		{"file: secrets/kafka", "klamm.yaml:13:66: expected exactly one of file and env"},
		{"identity: {files: ./identity}\n", "klamm.yaml:1:1: identity is missing, expected a mapping with files"},
		{"files: ./identity", "klamm.yaml:14:11: identity.files is missing, expected the folder of the identity documents"},
		{"audit: {file: audit.jsonl, rotate: 256MiB}\n", "klamm.yaml:1:1: audit is missing, expected a mapping with file, rotate"},
		{"file: audit.jsonl, ", "klamm.yaml:15:8: audit.file is missing, expected a path"},
	} {
		_, err := config.Read("klamm.yaml", edit(t, text, c.cut, ""), config.Options{})
		if got := details(err); got != c.want {
			t.Errorf("without %q:\n got %s\nwant %s", c.cut, got, c.want)
		}
	}
	for _, c := range []struct{ first, last, want string }{
		{"listeners:\n", "  ops: 127.0.0.1:9644\n", "klamm.yaml:1:1: listeners is missing, expected a mapping with kafka, ops"},
		{"  kafka:\n", "host: kafka.example.com}\n", "klamm.yaml:3:3: listeners.kafka is missing, expected a mapping with address, mechanisms, tls, brokers, logical_cluster"},
		{"clusters:\n", "password: {file: secrets/kafka}}\n", "klamm.yaml:1:1: clusters is missing, expected a mapping"},
	} {
		before, rest, _ := strings.Cut(text, c.first)
		_, after, _ := strings.Cut(rest, c.last)
		_, err := config.Read("klamm.yaml", []byte(before+after), config.Options{})
		if got := details(err); got != c.want {
			t.Errorf("without %q:\n got %s\nwant %s", c.first, got, c.want)
		}
	}
}

// What may be absent has a default that is the strict one.
func TestOptional(t *testing.T) {
	text := testdata(t, "klamm.yaml")
	folder(t)
	for _, c := range []struct {
		cut, warning string
		check        func(*config.Config) bool
	}{
		{"    mechanisms: [OAUTHBEARER]\n", "", func(c *config.Config) bool {
			return slices.Equal(c.Listeners.Kafka.Mechanisms, []string{"OAUTHBEARER"})
		}},
		{", rotate: 256MiB", "", func(c *config.Config) bool { return c.Audit.Rotate == 256<<20 }},
		{"cache: ./cache\n", "", func(c *config.Config) bool { return c.Cache == "" }},
		{"ca: tls/kafka.crt", "", func(c *config.Config) bool {
			p, err := c.Clusters["lkc-orders"].TLS.Pool()
			return p == nil && err == nil
		}},
		{"  ops: 127.0.0.1:9644\n", "no-ops", func(c *config.Config) bool { return c.Listeners.Ops == config.Local{} }},
		{"    login: {mechanism: SCRAM-SHA-512, username: klamm, password: {file: secrets/kafka}}\n", "", func(c *config.Config) bool { return c.Clusters["lkc-orders"].Login.Mechanism == "none" }},
	} {
		got, err := config.Read("klamm.yaml", edit(t, text, c.cut, ""), config.Options{})
		if err != nil {
			t.Errorf("without %q: %s", c.cut, details(err))
			continue
		}
		if !c.check(got) {
			t.Errorf("without %q: %+v", c.cut, got)
		}
		if codes := warningCodes(got); codes != c.warning {
			t.Errorf("without %q: warnings %q, want %q", c.cut, codes, c.warning)
		}
	}
}

func warningCodes(c *config.Config) string {
	var codes []string
	for _, w := range c.Warnings {
		codes = append(codes, w.Code)
	}
	return strings.Join(codes, " ")
}

func TestWarnings(t *testing.T) {
	text := testdata(t, "klamm.yaml")
	folder(t)
	read := func(old, new string, o config.Options) string {
		c, err := config.Read("klamm.yaml", edit(t, text, old, new), o)
		if err != nil {
			return details(err)
		}
		return fmt.Sprint(c.Warnings)
	}
	for _, c := range []struct{ old, new, want string }{
		{"host: kafka.example.com", "host: other.example.com",
			"[klamm.yaml:6:17: the certificate does not hold other.example.com, which clients are given for the brokers (clients will refuse it)]"},
		{"    tls: {ca: tls/kafka.crt}\n    login: {mechanism: SCRAM-SHA-512, username: klamm, password: {file: secrets/kafka}}", "    login: {mechanism: none}",
			"[klamm.yaml:11:5: clusters.lkc-orders is reached in plain text and without a login (whoever is on that network can pass klamm by; set tls and login)]"},
		{"[kafka-1:9092, kafka-2:9092]\n    tls: {ca: tls/kafka.crt}\n    login: {mechanism: SCRAM-SHA-512, username: klamm, password: {file: secrets/kafka}}", "[localhost:9092, '127.77.0.9:1', '[::1]:9092']", "[]"},
	} {
		if got := read(c.old, c.new, config.Options{}); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.new, got, c.want)
		}
	}
	future := config.Options{Now: func() time.Time { return time.Now().Add(48 * time.Hour) }}
	if got := read("version: 1", "version: 1", future); !strings.HasPrefix(got, "[klamm.yaml:6:17: the certificate holds from ") {
		t.Errorf("two days later: %s", got)
	}
	for _, name := range []string{"secrets/kafka", "tls/klamm.key"} {
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := "[klamm.yaml:6:37: tls/klamm.key can be read by every user of this machine (chmod 600) klamm.yaml:13:66: secrets/kafka can be read by every user of this machine (chmod 600)]"
	if got := read("version: 1", "version: 1", config.Options{}); got != want {
		t.Errorf("secrets for all:\n got %s\nwant %s", got, want)
	}
}

func TestEngine(t *testing.T) {
	text := testdata(t, "klamm.yaml")
	folder(t)
	start := strings.Index(text, "    bootstrap:")
	end := strings.Index(text, "identity:")
	lab := text[:start] + "    engine: {}\n" + text[end:]
	if _, err := config.Read("klamm.yaml", []byte(lab), config.Options{}); details(err) !=
		"klamm.yaml:11:13: the engine is the lab's embedded Kafka and keeps nothing, expected bootstrap (use klamm lab, or name a Kafka cluster)" {
		t.Error(details(err))
	}
	c, err := config.Read("klamm.yaml", []byte(lab), config.Options{Engine: true})
	if err != nil || c.Clusters["lkc-orders"].Engine == nil {
		t.Errorf("in the lab: %s", details(err))
	}
	if _, err := config.Read("klamm.yaml", edit(t, text, "    bootstrap", "    engine: {}\n    bootstrap"), config.Options{Engine: true}); details(err) !=
		"klamm.yaml:11:13: engine stands beside other settings, expected it alone" {
		t.Error(details(err))
	}
}

func TestDescribe(t *testing.T) {
	text := testdata(t, "klamm.yaml")
	folder(t)
	c, err := config.Read("klamm.yaml", []byte(text), config.Options{})
	if err != nil {
		t.Fatal(details(err))
	}
	want := `Kafka clients come in at :9092 over TLS with OAUTHBEARER and are in lkc-orders.
Broker N is kafka.example.com:9093+N, up to port 9192; a broker beyond that is an error.
Clients must send the extension logicalCluster=lkc-orders.
lkc-orders is behind kafka-1:9092, kafka-2:9092, reached over TLS, checked with tls/kafka.crt, as klamm with SCRAM-SHA-512.
Who may do what is read from the folder identity.
Every decision is written to audit.jsonl, which is rotated at 256MiB.
The providers' last good keys are kept in cache.
Health, metrics, reload and explain are at 127.0.0.1:9644, for this machine only.`
	if got := strings.Join(config.Describe(c), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// FuzzRead finds input that panics, or an error without a place.
func FuzzRead(f *testing.F) {
	good, err := os.ReadFile("testdata/klamm.yaml")
	if err != nil {
		f.Fatal(err)
	}
	design, err := os.ReadFile("testdata/design.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{good, design, []byte("version: 1\nversion: [1\n"), []byte("a: &a [*a]\n<<: *a"), []byte("---\n---\n? {}\n: !x ''"),
		[]byte("clusters: {lkc-a: {engine: {}, login: ~}}"), bytes.Repeat([]byte("{a: "), 64)} {
		f.Add(seed)
	}
	o := config.Options{LookupEnv: func(string) (string, bool) { return "", false }}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Read("klamm.yaml", data, o)
		if err == nil {
			t.Fatalf("read without its certificates: %+v", c)
		}
		list, ok := err.(config.Errors)
		if !ok {
			t.Fatalf("%T", err)
		}
		for _, e := range list {
			if e.Message == "" || !strings.HasPrefix(e.Where, "klamm.yaml") {
				t.Errorf("%q at %q", e.Message, e.Where)
			}
		}
	})
}
