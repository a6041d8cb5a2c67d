package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
)

func TestBadSettings(t *testing.T) {
	text := testdata(t, "klamm.yaml")
	folder(t)
	write(t, "secrets/empty", []byte("\n"))
	write(t, "tls/other.crt", []byte("no PEM"))
	for _, c := range []struct{ old, new, want string }{
		// unknown, twice, of the wrong type
		{"address:", "adress:", `klamm.yaml:4:5: unknown key "adress" in listeners.kafka, expected address, mechanisms, tls, brokers or logical_cluster (did you mean "address"?)
klamm.yaml:4:5: listeners.kafka.address is missing, expected HOST:PORT`},
		{"cache: ./cache", "debug: true", `klamm.yaml:16:1: unknown key "debug" in the document, expected version, listeners, clusters, identity, audit, cache or proxy`},
		{"cache: ./cache", "cache: ./cache\ncache: ./other", "klamm.yaml:17:1: cache is set twice, first in line 16"},
		{"cache: ./cache", "cache:", "klamm.yaml:16:7: cache has no value, expected a path"},
		{"cache: ./cache", "cache: ''", "klamm.yaml:16:8: the path is empty"},
		{"cache: ./cache", "cache: 7", "klamm.yaml:16:8: cache is a number, expected a path (put it in quotes)"},
		{"cache: ./cache", "cache: &c ./cache", "klamm.yaml:16:8: cache is an anchor or an alias, which are not supported: write the value itself"},
		{"cache: ./cache", "cache: !x ./cache", "klamm.yaml:16:8: cache has a tag, which is not supported: put a value that begins with ! in quotes"},
		{"version: 1", "version: one", "klamm.yaml:1:10: version is a string, expected a whole number"},
		{"version: 1", "version: 0x1", "klamm.yaml:1:10: version is a number, expected a whole number"},
		{"version: 1", "version: 2", "klamm.yaml:1:10: version is 2, expected 1"},
		{"[OAUTHBEARER]", "OAUTHBEARER", "klamm.yaml:5:17: listeners.kafka.mechanisms is a string, expected a list"},
		{"[OAUTHBEARER]", "[{a: b}]", "klamm.yaml:5:18: listeners.kafka.mechanisms[0] is a mapping, expected a string"},
		{"{files: ./identity}", "./identity", "klamm.yaml:14:11: identity is a string, expected a mapping with files"},
		{"cache: ./cache", "? {a: b}\n: c", "klamm.yaml:16:3: a key in the document is no plain word"},
		{"cache: ./cache", "<<: {cache: ./cache}", `klamm.yaml:16:1: unknown key "<<" in the document, expected version, listeners, clusters, identity, audit, cache or proxy`},
		{"cache: ./cache", "cache: ./cache\n---\nkind: RoleBinding", "klamm.yaml:18:1: a second document, expected one (identity documents stand in files of their own, see identity.files)"},

		// known, and not built
		{"[OAUTHBEARER]", "[OAUTHBEARER, PLAIN]", "klamm.yaml:5:31: mechanism PLAIN is not in this version, expected OAUTHBEARER"},
		{"[OAUTHBEARER]", "[mTLS]", "klamm.yaml:5:18: mechanism mTLS is not in this version, expected OAUTHBEARER"},
		{", key: tls/klamm.key}", ", key: tls/klamm.key, client_ca: ca.crt}", "klamm.yaml:6:52: listeners.kafka.tls.client_ca is not in this version"},
		{"{ca: tls/kafka.crt}", "{ca: tls/kafka.crt, cert: a.crt, key: a.key}", `klamm.yaml:12:30: clusters.lkc-orders.tls.cert is not in this version
klamm.yaml:12:43: clusters.lkc-orders.tls.key is not in this version`},
		{"SCRAM-SHA-512", "SCRAM-SHA-256", "klamm.yaml:13:24: mechanism SCRAM-SHA-256 is not in this version, expected none or SCRAM-SHA-512"},
		{"{files: ./identity}", "{dir: ./state}", `klamm.yaml:14:11: identity.files is missing, expected the folder of the identity documents
klamm.yaml:14:12: identity.dir is not in this version`},
		{"{files: ./identity}", "{cluster: lkc-orders, topic: __klamm_state}", `klamm.yaml:14:11: identity.files is missing, expected the folder of the identity documents
klamm.yaml:14:12: identity.cluster is not in this version
klamm.yaml:14:33: identity.topic is not in this version`},
		{"cache: ./cache", "login: {issuer: x}", "klamm.yaml:16:1: login is not in this version"},
		{"identity:", "  lkc-b: {bootstrap: [kafka-3:9092], tls: {}}\nidentity:",
			"klamm.yaml:10:3: 2 clusters, expected one: listeners.kafka has one address for clients to begin with, which stands for one cluster (run one klamm for each cluster; several behind one listener need brokers.sni, which is not in this version)"},

		// the proxy
		{"cache: ./cache", "proxy: {url: 'http://proxy:3128', username: klamm, password: {file: secrets/kafka}, direct: [idp.corp.example, .corp.example]}", ""},
		{"cache: ./cache", "proxy: {}", "klamm.yaml:16:8: proxy.url is missing, expected a string"},
		{"cache: ./cache", "proxy: {url: 'https://proxy:3128'}", "klamm.yaml:16:14: proxy.url is not http://HOST:PORT"},
		{"cache: ./cache", "proxy: {url: 'http://klamm:secret@proxy:3128'}", "klamm.yaml:16:14: proxy.url has a user, expected none (set proxy.username and proxy.password)"},
		{"cache: ./cache", "proxy: {url: 'http://proxy:3128', username: klamm}", "klamm.yaml:16:8: proxy has one of username and password, expected both or none"},
		{"cache: ./cache", "proxy: {url: 'http://proxy:3128', username: klamm, password: secret}", "klamm.yaml:16:62: proxy.password is a string, expected {file: PATH} or {env: NAME}, since secrets must not stand in a configuration"},
		{"cache: ./cache", "proxy: {url: 'http://proxy:3128', direct: ['*.corp.example']}", `klamm.yaml:16:44: "*.corp.example" is no host, expected a name, or .example.com for every name under one`},

		// the listener
		{`":9092"`, "9092", `klamm.yaml:4:14: listeners.kafka.address: "9092" is no address, expected HOST:PORT`},
		{`":9092"`, "localhost:kafka", `klamm.yaml:4:14: listeners.kafka.address: "localhost:kafka" is no address, expected HOST:PORT`},
		{`":9092"`, "localhost:65536", `klamm.yaml:4:14: listeners.kafka.address: "localhost:65536" is no address, expected HOST:PORT`},
		{`":9092"`, `":9100"`, "klamm.yaml:7:22: ports 9093-9192 hold the listener's own port 9100 (clients take a broker at the address they began with for the same server; begin at 9101)"},
		{`":9092"`, "0.0.0.0:9092", ""},
		{"[OAUTHBEARER]", "[]", "klamm.yaml:5:17: listeners.kafka.mechanisms has none, expected OAUTHBEARER"},
		{"[OAUTHBEARER]", "[OAUTHBEARER, OAUTHBEARER]", `klamm.yaml:5:31: mechanism "OAUTHBEARER" stands twice`},
		{"[OAUTHBEARER]", "[OAUTHBEARRER]", `klamm.yaml:5:18: mechanism "OAUTHBEARRER" is unknown, expected OAUTHBEARER (did you mean "OAUTHBEARER"?)`},
		{"9093-9192", "9192-9093", `klamm.yaml:7:22: listeners.kafka.brokers.ports: "9192-9093" is no range of ports, expected FIRST-LAST such as 9093-9192, or auto`},
		{"9093-9192", "9093", `klamm.yaml:7:22: listeners.kafka.brokers.ports: "9093" is no range of ports, expected FIRST-LAST such as 9093-9192, or auto`},
		{"9093-9192", "auto", ""},
		{"host: kafka.example.com", "host: 'kafka.example.com:9092'", `klamm.yaml:7:39: "kafka.example.com:9092" is no host, expected a DNS name or an IP address without a port`},
		{"brokers:", "logical_cluster: never\n    brokers:", `klamm.yaml:7:22: listeners.kafka.logical_cluster "never" is unknown, expected required or optional`},
		{"brokers:", "logical_cluster: optional\n    brokers:", ""},
		{"cert: tls/klamm.crt", "cert: tls/none.crt", "klamm.yaml:6:10: cannot read tls/none.crt: no such file or directory"},
		{"cert: tls/klamm.crt", "cert: tls", "klamm.yaml:6:10: tls is no regular file"},
		{"cert: tls/klamm.crt", "cert: tls/other.crt", "klamm.yaml:6:10: tls/other.crt and tls/klamm.key are no certificate with its key: failed to find any PEM data in certificate input"},
		{"127.0.0.1:9644", "0.0.0.0:9644", `klamm.yaml:8:8: listeners.ops: "0.0.0.0:9644" is not local, expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH (it shows who is connected and why somebody was refused, to everybody who reaches it)`},
		{"127.0.0.1:9644", "':9644'", `klamm.yaml:8:8: listeners.ops: ":9644" is not local, expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH (it shows who is connected and why somebody was refused, to everybody who reaches it)`},
		{"127.0.0.1:9644", "10.0.0.1:9644", `klamm.yaml:8:8: listeners.ops: "10.0.0.1:9644" is not local, expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH (it shows who is connected and why somebody was refused, to everybody who reaches it)`},
		{"127.0.0.1:9644", "unix:ops.sock", ""},
		{"127.0.0.1:9644", "'[::1]:9644'", ""},
		{"127.0.0.1:9644", "{address: '127.0.0.1:9644'}", "klamm.yaml:8:8: listeners.ops is a mapping, expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH"},

		// the cluster behind
		{"lkc-orders", "orders", `klamm.yaml:11:5: "orders" is no logical cluster id, expected lkc- and lower-case letters, digits or hyphens`},
		{"[kafka-1:9092, kafka-2:9092]", "[]", "klamm.yaml:11:5: clusters.lkc-orders.bootstrap is missing, expected a list of HOST:PORT"},
		{"[kafka-1:9092, kafka-2:9092]", "[kafka-1, ':9092', 'kafka-2:0']", `klamm.yaml:11:17: clusters.lkc-orders.bootstrap[0]: "kafka-1" is no address, expected HOST:PORT
klamm.yaml:11:26: :9092 is no address to dial, expected HOST:PORT
klamm.yaml:11:35: kafka-2:0 is no address to dial, expected HOST:PORT`},
		{"{ca: tls/kafka.crt}", "{ca: tls/none.crt}", "klamm.yaml:12:15: cannot read tls/none.crt: no such file or directory"},
		{"{ca: tls/kafka.crt}", "{ca: tls/other.crt}", "klamm.yaml:12:15: tls/other.crt has no certificate in PEM"},
		{"{ca: tls/kafka.crt}", "{insecure: true}", `klamm.yaml:12:11: unknown key "insecure" in clusters.lkc-orders.tls, expected ca`},
		{"mechanism: SCRAM-SHA-512", "mechanism: none", "klamm.yaml:13:12: clusters.lkc-orders.login has a username or a password, expected neither with mechanism none"},
		{"username: klamm", "username: ''", "klamm.yaml:13:12: clusters.lkc-orders.login.username is missing, expected klamm's own user on the cluster"},

		// secrets
		{"{file: secrets/kafka}", canary, "klamm.yaml:13:66: clusters.lkc-orders.login.password is a string, expected {file: PATH} or {env: NAME}, since secrets must not stand in a configuration"},
		{"{file: secrets/kafka}", "[" + canary + "]", "klamm.yaml:13:66: clusters.lkc-orders.login.password is a list, expected {file: PATH} or {env: NAME}, since secrets must not stand in a configuration"},
		{"{file: secrets/kafka}", "{" + canary + "}", "klamm.yaml:13:67: unknown key in clusters.lkc-orders.login.password, expected {file: PATH} or {env: NAME}, since secrets must not stand in a configuration"},
		{"{file: secrets/kafka}", "*" + canary, "klamm.yaml:13:66: a value that begins with * is an alias, which is not supported: put it in quotes"},
		{"{file: secrets/kafka}", "&" + canary + " x", "klamm.yaml:13:66: clusters.lkc-orders.login.password is an anchor or an alias, which are not supported: write the value itself"},
		{"{file: secrets/kafka}", "!" + canary, "klamm.yaml:13:66: clusters.lkc-orders.login.password has a tag, which is not supported: put a value that begins with ! in quotes"},
		{"{file: secrets/kafka}", "{file: a, env: B}", "klamm.yaml:13:66: expected exactly one of file and env"},
		{"{file: secrets/kafka}", "{env: KLAMM_NONE}", "klamm.yaml:13:66: the environment variable KLAMM_NONE is not set or empty"},
		{"{file: secrets/kafka}", "{env: KLAMM_PASSWORD}", ""},
		{"{file: secrets/kafka}", "{file: secrets/none}", "klamm.yaml:13:66: cannot read secrets/none: no such file or directory"},
		{"{file: secrets/kafka}", "{file: secrets/empty}", "klamm.yaml:13:66: the file secrets/empty is empty, expected a secret"},

		// the rest
		{"256MiB", "256MB", `klamm.yaml:15:36: audit.rotate: "256MB" is no size, expected a size such as 256MiB (KiB, MiB or GiB)`},
		{"256MiB", "1KiB", "klamm.yaml:15:36: audit.rotate is 1KiB, expected at least 1MiB"},

		// no YAML
		{"cache: ./cache", "cache: [", "klamm.yaml:17:1: this is not YAML: did not find expected node content"},
		{"cache: ./cache", "cache: a: b", "klamm.yaml:16:9: a second ': ' in one line: put the value in quotes, or begin a new line"},
		{"cache: ./cache", "cache:\n\tx: y", "klamm.yaml:17:1: a value or an indentation cannot begin with this character: put a value in quotes, and indent with blanks instead of tabs"},
		{"cache: ./cache", "cache: \xff", "klamm.yaml:16:8: byte 0xff is not UTF-8"},
		{"cache: ./cache", "cache: \x00", "klamm.yaml:16:8: control character U+0000 is not allowed"},
	} {
		env := func(name string) (string, bool) { return canary, name == "KLAMM_PASSWORD" }
		if c.old == "{file: secrets/kafka}" && strings.Contains(c.new, "NONE") {
			env = func(string) (string, bool) { return "", false }
		}
		_, err := config.Read("klamm.yaml", edit(t, text, c.old, c.new), config.Options{LookupEnv: env})
		got := ""
		if err != nil {
			got = details(err)
		}
		if got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.new, got, c.want)
		}
		if strings.Contains(got, canary) {
			t.Errorf("%q: the secret got out", c.new)
		}
	}
}

// All faults are told at once, in the order of the file.
func TestSeveral(t *testing.T) {
	folder(t)
	_, err := config.Read("klamm.yaml", []byte(`version: two
listners: {}
clusters:
  lkc-a:
    bootstrap: localhost:9092
    login: {mechanism: PLAIN, pasword: x}
audit: {file: [], rotate: 1}
`), config.Options{})
	want := `klamm.yaml:1:1: identity is missing, expected a mapping with files
klamm.yaml:1:1: listeners is missing, expected a mapping with kafka, ops
klamm.yaml:1:10: version is a string, expected a whole number
klamm.yaml:2:1: unknown key "listners" in the document, expected version, listeners, clusters, identity, audit, cache or proxy (did you mean "listeners"?)
klamm.yaml:5:16: clusters.lkc-a.bootstrap is a string, expected a list
klamm.yaml:6:24: mechanism PLAIN is not in this version, expected none or SCRAM-SHA-512
klamm.yaml:6:31: unknown key "pasword" in clusters.lkc-a.login, expected mechanism, username or password (did you mean "password"?)
klamm.yaml:7:15: audit.file is a list, expected a path
klamm.yaml:7:27: audit.rotate is 1, expected at least 1MiB`
	if got := details(err); sorted(got) != sorted(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("kind %q", fault.KindOf(err))
	}
	var list config.Errors
	if !errors.As(err, &list) || list[0].Where != "klamm.yaml:1:1" || list[len(list)-1].Where != "klamm.yaml:7:27" {
		t.Errorf("not in the order of the file: %v", err)
	}
}

// A list takes in what others found, whatever they return it as.
func TestErrors(t *testing.T) {
	var list config.Errors
	at := func(where string) *fault.Error { return fault.New(fault.Conflict, "x").At(where) }
	list.Add(nil)
	if list.Err() != nil {
		t.Error("no fault, and an error")
	}
	list.Add(errors.Join(at("b:2:1"), config.Errors{at("b:10:1"), at("a:1:1")}))
	list.Add(os.ErrClosed)
	list.Add(at("C:\\a:3:1"))
	list.Add(at("no place"))
	want := "file already closed\nC:\\a:3:1: x\na:1:1: x\nb:2:1: x\nb:10:1: x\nno place: x"
	if err := list.Err(); err.Error() != want || fault.KindOf(err) != fault.Internal {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		make func()
		want string
	}{
		{func() {}, "cannot read klamm.yaml: no such file or directory"},
		{func() { write(t, "klamm.yaml", nil) }, "klamm.yaml:1:1: the file is empty, expected a mapping with version, listeners, clusters, identity, audit, cache, proxy"},
		{func() { write(t, "klamm.yaml", []byte("# nothing\n---\n")) }, "klamm.yaml:1:1: the file is empty, expected a mapping with version, listeners, clusters, identity, audit, cache, proxy"},
		{func() { write(t, "klamm.yaml", []byte("- a")) }, "klamm.yaml:1:1: the document is a list, expected a mapping with version, listeners, clusters, identity, audit, cache, proxy"},
		{func() { write(t, "klamm.yaml", make([]byte, config.MaxDocument+1)) }, "the file klamm.yaml has 4194305 bytes, expected at most 4194304"},
		{func() {
			if err := os.Remove("klamm.yaml"); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir("klamm.yaml", 0o700); err != nil {
				t.Fatal(err)
			}
		}, "klamm.yaml is no regular file"},
	} {
		c.make()
		_, err := config.Load("klamm.yaml", config.Options{})
		if got := details(err); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
