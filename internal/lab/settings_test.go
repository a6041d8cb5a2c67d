package lab_test

import (
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/lab"
)

// oddEnv has every character that some client reads otherwise.
var oddEnv = lab.Env{
	{Key: "KAFKA_BOOTSTRAP_SERVER", Value: "localhost:9092"},
	{Key: "KAFKA_LOGICAL_CLUSTER_ID", Value: "lkc-lab"},
	{Key: "KAFKA_IDENTITY_POOL_ID", Value: "pool-a,pool-b"},
	{Key: "KAFKA_RESOURCE", Value: `api://a b,c\d&e=f+g%h#i`},
	{Key: "KAFKA_CA_FILE", Value: "/tmp/Ada's files/ü ca.pem"},
	{Key: "AZURE_CLIENT_ID", Value: ordersID},
	{Key: "IMDS_TOKEN_URL", Value: "http://127.0.0.1:9482/metadata/identity/oauth2/token"},
	{Key: "OAUTH_TOKEN_URL", Value: "https://localhost:9443/t/oauth2/v2.0/token"},
	{Key: "OAUTH_CLIENT_ID", Value: billingID},
	{Key: "OAUTH_CLIENT_SECRET", Value: `q~"\n'$&=+%;#`},
	{Key: "OAUTH_SCOPE", Value: "api://kafka/.default"},
	{Key: "OAUTH_IDENTITY_POOL_ID", Value: "pool-billing"},
	{Key: "OKTA_TOKEN_URL", Value: "https://localhost:9444/oauth2/default/v1/token"},
	{Key: "OKTA_CLIENT_ID", Value: "0oa1"},
	{Key: "OKTA_CLIENT_SECRET", Value: "$(exit) `x`"},
	{Key: "OKTA_SCOPE", Value: "kafka other"},
}

// parts are the settings by the first word of their titles.
func parts(e lab.Env) map[string][]string {
	out, title := map[string][]string{}, ""
	for line := range strings.Lines(lab.Settings(e, func(s string) string { return s })) {
		line = strings.TrimSuffix(line, "\n")
		if setting, ok := strings.CutPrefix(line, "  "); ok {
			out[title] = append(out[title], setting)
		} else if line != "" {
			title, _, _ = strings.Cut(strings.ReplaceAll(line, ":", " "), " ")
		}
	}
	return out
}

func pairs(lines []string) map[string]string {
	out := map[string]string{}
	for _, line := range lines {
		key, value, _ := strings.Cut(line, "=")
		out[key] = value
	}
	return out
}

// elements reads a list as librdkafka does: a comma ends an element, a
// backslash takes the next character as it is (rdstring.c, rd_string_split).
func elements(s string) map[string]string {
	var list []string
	var b strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == ',':
			list = append(list, b.String())
			b.Reset()
		default:
			b.WriteRune(r)
		}
	}
	return pairs(append(list, b.String()))
}

func TestSettingsLibrdkafka(t *testing.T) {
	got := pairs(parts(oddEnv)["librdkafka"])
	config := elements(got["sasl.oauthbearer.config"])
	if len(config) != 1 || !strings.HasPrefix(got["sasl.oauthbearer.config"], "query=") {
		t.Errorf("sasl.oauthbearer.config %v, want query= alone", config)
	}
	if strings.ContainsAny(config["query"], " \"<>\\") {
		t.Errorf("libcurl refuses a URL with %q", config["query"])
	}
	u, err := url.Parse(got["sasl.oauthbearer.token.endpoint.url"] + "?" + config["query"])
	if err != nil {
		t.Fatal(err)
	}
	if q := u.Query(); len(q) != 3 || q.Get("api-version") != "2025-04-07" || q.Get("resource") != oddEnv.Get("KAFKA_RESOURCE") || q.Get("client_id") != ordersID {
		t.Errorf("query %v", q)
	}
	extensions := elements(got["sasl.oauthbearer.extensions"])
	if len(extensions) != 2 || extensions["logicalCluster"] != "lkc-lab" || extensions["identityPoolId"] != "pool-a,pool-b" {
		t.Errorf("extensions %v", extensions)
	}
	for key, want := range map[string]string{
		"bootstrap.servers": "localhost:9092", "security.protocol": "SASL_SSL", "sasl.mechanisms": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc",
		"sasl.oauthbearer.metadata.authentication.type": "azure_imds", "ssl.ca.location": "/tmp/Ada's files/ü ca.pem",
	} {
		if got[key] != want {
			t.Errorf("%s=%s, want %s", key, got[key], want)
		}
	}
}

// property reads a line as java.util.Properties does: its escapes that may
// stand here are Go's.
func property(t *testing.T, line string) string {
	t.Helper()
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return text
}

// jaasOptions reads name="value" pairs as Kafka's JaasConfig does.
func jaasOptions(t *testing.T, s string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for s != ";" {
		name, rest, ok := strings.Cut(strings.TrimPrefix(s, " "), "=")
		quoted, err := strconv.QuotedPrefix(rest)
		if !ok || err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if out[name], err = strconv.Unquote(quoted); err != nil {
			t.Fatal(err)
		}
		s = rest[len(quoted):]
	}
	return out
}

func TestSettingsJava(t *testing.T) {
	got := map[string]string{}
	for _, line := range parts(oddEnv)["Java"] {
		if strings.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("not ASCII, which .properties files are read as: %s", line)
		}
		key, value, _ := strings.Cut(property(t, line), "=")
		got[key] = value
	}
	options, ok := strings.CutPrefix(got["sasl.jaas.config"], "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required")
	if !ok {
		t.Fatalf("sasl.jaas.config=%s", got["sasl.jaas.config"])
	}
	jaas := jaasOptions(t, options)
	for name, key := range map[string]string{
		"clientId": "OAUTH_CLIENT_ID", "clientSecret": "OAUTH_CLIENT_SECRET", "scope": "OAUTH_SCOPE", "extension_logicalCluster": "KAFKA_LOGICAL_CLUSTER_ID",
		"extension_identityPoolId": "OAUTH_IDENTITY_POOL_ID", "ssl.truststore.location": "KAFKA_CA_FILE",
	} {
		if jaas[name] != oddEnv.Get(key) {
			t.Errorf("%s is %q, want %q", name, jaas[name], oddEnv.Get(key))
		}
	}
	if got["ssl.truststore.location"] != oddEnv.Get("KAFKA_CA_FILE") || got["ssl.truststore.type"] != "PEM" || jaas["ssl.truststore.type"] != "PEM" {
		t.Errorf("truststore %q of type %q and %q", got["ssl.truststore.location"], got["ssl.truststore.type"], jaas["ssl.truststore.type"])
	}
	if got["sasl.mechanism"] != "OAUTHBEARER" || got["security.protocol"] != "SASL_SSL" || got["sasl.oauthbearer.token.endpoint.url"] != oddEnv.Get("OAUTH_TOKEN_URL") {
		t.Errorf("%v", got)
	}
}

// A real shell takes the command lines apart.
func TestSettingsCurl(t *testing.T) {
	lines := parts(oddEnv)["curl"]
	if len(lines) != 3 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i, want := range [][]string{
		{"-H", "Metadata:true", "--noproxy", "*", oddEnv.Get("IMDS_TOKEN_URL") + "?api-version=2018-02-01&resource=" + url.QueryEscape(oddEnv.Get("KAFKA_RESOURCE")) + "&client_id=" + ordersID},
		{
			"--cacert", oddEnv.Get("KAFKA_CA_FILE"), "-d", "grant_type=client_credentials", "--data-urlencode", "client_id=" + billingID,
			"--data-urlencode", "client_secret=" + oddEnv.Get("OAUTH_CLIENT_SECRET"), "--data-urlencode", "scope=api://kafka/.default", oddEnv.Get("OAUTH_TOKEN_URL"),
		},
		{
			"--cacert", oddEnv.Get("KAFKA_CA_FILE"), "-u", "0oa1:" + oddEnv.Get("OKTA_CLIENT_SECRET"), "-d", "grant_type=client_credentials",
			"--data-urlencode", "scope=kafka other", oddEnv.Get("OKTA_TOKEN_URL"),
		},
	} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `curl() { printf '%s\n' "$@"; }; `+lines[i]).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); !slices.Equal(got, want) {
			t.Errorf("%s\nis %q\nwant %q", lines[i], got, want)
		}
	}
}

func TestSettingsWithoutAGateway(t *testing.T) {
	text := lab.Settings(oddEnv[1:], func(s string) string { return s })
	for _, line := range []string{"bootstrap.servers=", "\n  ssl."} {
		if strings.Contains(text, line) {
			t.Errorf("%q is there without a gateway:\n%s", line, text)
		}
	}
	if !strings.Contains(text, "add bootstrap.servers") || !strings.Contains(text, "query=api-version") || !strings.Contains(text, "sasl.jaas.config=") {
		t.Errorf("settings:\n%s", text)
	}
}
