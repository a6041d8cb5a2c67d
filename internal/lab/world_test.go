package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/lab"
)

const (
	kafkaID   = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	billingID = "5c8f7a35-3c0e-4c13-9e86-6bb16cb1dd5b"
	ordersID  = "9f3b5c1e-2a74-4b41-8a39-0c7d1f6e2b90"
)

// changed is the built-in world with some texts replaced, in pairs, as a file.
func changed(t *testing.T, pairs ...string) (path, text string) {
	t.Helper()
	builtIn, err := os.ReadFile("lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = string(builtIn)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the built-in world has no %q", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	path = filepath.Join(t.TempDir(), "my world.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "§", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

// section is the part of the built-in world from a line to the next with the
// same or a lesser indentation.
func section(t *testing.T, first string) string {
	t.Helper()
	builtIn, err := os.ReadFile("lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(builtIn), first)
	if at < 0 {
		t.Fatalf("the built-in world has no %q", first)
	}
	indented := len(first) - len(strings.TrimLeft(first, " "))
	var b strings.Builder
	for line := range strings.Lines(string(builtIn)[at:]) {
		if b.Len() > 0 && len(line)-len(strings.TrimLeft(line, " ")) <= indented {
			break
		}
		b.WriteString(line)
	}
	return b.String()
}

// Each fault is told with the place of the value that is wrong: § stands
// before it.
func TestWorldFaultsHaveTheirPlace(t *testing.T) {
	identities := section(t, "  managed_identities:")
	clients := section(t, "  clients:")
	for name, c := range map[string]struct{ old, new, want string }{
		"version":                 {"version: 1", "version: §2", "version 2 is not known"},
		"unknown key":             {"  topic: orders", "  §topik: orders", `"topik"`},
		"second world":            {"# A server in the shape", "---\n§version: 1\n#", "a second YAML document begins here"},
		"several tenants":         {"tenant: random", "tenant: §[random, random]", "entra.tenant is a list, expected a string"},
		"tenants":                 {"tenant: random", "tenant: random\n  §tenants: [random]", `unknown key "tenants"`},
		"tenant":                  {"tenant: random", "tenant: §contoso", `"contoso" is no tenant id`},
		"no managed identity":     {identities, "", `no identity named "orders-app" under entra.managed_identities`},
		"managed identity":        {"managed_identity: orders-app", "managed_identity: §nobody", `no identity named "nobody"`},
		"two system-assigned":     {"    - name: orders-app              # user-assigned", "    - name: orders-app\n      system: true", "the first is at "},
		"no Okta client":          {clients, "", "there is no client"},
		"Okta client":             {"okta_client: 0oa1klamm2lab3reports", "okta_client: §0oa2", `no client "0oa2"`},
		"Okta client's colon":     {"{client_id: 0oa1klamm2lab3reports", "{client_id: §'0oa:1', secret: x}\n    - {client_id: 0oa1klamm2lab3reports", "has a colon"},
		"Okta client twice":       {"    - {client_id: 0oa1klamm2lab3reports", "    - {client_id: 0oa1klamm2lab3reports, secret: x}\n    - {client_id: §0oa1klamm2lab3reports", "is taken, see "},
		"Okta client's secret":    {"secret: lab-reports-secret", "secret: §''", "is empty"},
		"Okta server":             {"server: default", "server: §a/b", "one part of a path"},
		"Okta audience":           {"audience: api://default", "audience: §''", "is empty"},
		"no Okta scope":           {"scopes: [kafka]", "scopes: §[]", "there is no scope"},
		"Okta scope":              {"scopes: [kafka]", "scopes: [§a b]", "has blanks"},
		"server's name":           {"  - name: cognito", "  - name: §Cognito", `"Cognito" is no name of a server`},
		"server's name twice":     {"  - name: cognito", "  - name: §cloudentity", `the name "cloudentity" is taken, see `},
		"server's name is kept":   {"  - name: cognito", "  - name: §okta", `the name "okta" is taken, see okta`},
		"server without a shape":  {"    shape: cognito                  # its access tokens have no audience\n", "", "shape"},
		"client id":               {"client_id: " + kafkaID, "client_id: §kafka", `client id "kafka" is no UUID`},
		"client id, short":        {"client_id: " + kafkaID, "client_id: §" + kafkaID[1:], "is no UUID"},
		"client id of another":    {"client_id: " + billingID, "client_id: §" + strings.ToUpper(kafkaID), `"` + kafkaID + `" is taken, see `},
		"identity's client id":    {"client_id: " + ordersID, "client_id: §" + billingID, "is taken, see "},
		"object id":               {"object_id: 3d0e8e52-71c5-4d8e-b0a4-1f2f4a6f9c33", "object_id: §3d0e8e52", `object id "3d0e8e52" is no UUID`},
		"object id, no text":      {"object_id: 3d0e8e52-71c5-4d8e-b0a4-1f2f4a6f9c33", "object_id: §17", "expected a string"},
		"application's name":      {"- name: billing", "- name: §kafka", `the name "kafka" is taken, see `},
		"identity's name":         {"- name: this-machine", "- name: §orders-app", `the name "orders-app" is taken, see `},
		"App ID URI twice":        {"app_id_uris: [api://klamm-lab-kafka]", "app_id_uris: [api://klamm-lab-kafka, §api://klamm-lab-kafka]", "is taken, see "},
		"App ID URI of the other": {"app_id_uris: [api://klamm-lab-kafka]", "app_id_uris: [api://klamm-lab-kafka, 'api://" + billingID + "']", "is taken, see "},
		"App ID URI, v1":          {"      client_id: " + billingID, "      client_id: " + billingID + "\n      app_id_uris: [§'localhost:9092']", "needs access_token_version: 2"},
		"App ID URI, UUID":        {"app_id_uris: [api://klamm-lab-kafka]", "app_id_uris: [§" + ordersID + "]", "is a bare UUID"},
		"App ID URI, empty":       {"app_id_uris: [api://klamm-lab-kafka]", "app_id_uris: [§'']", "is empty"},
		"no App ID URI":           {"      app_id_uris: [api://klamm-lab-kafka]\n", "", "has no App ID URI"},
		"token version":           {"access_token_version: 2", "access_token_version: §3", "access token version 3, expected 1 or 2"},
		"role twice":              {"roles: [Kafka.Read, Kafka.Write]", "roles: [Kafka.Write, §Kafka.Write]", `the role "Kafka.Write" is taken`},
		"role of two words":       {"roles: [Kafka.Read, Kafka.Write]", "roles: [Kafka.Write, §Kafka Read]", "has blanks"},
		"permission, application": {"permissions: [{application: kafka,", "permissions: [{application: §kafk,", `no application named "kafk"`},
		"permission, role":        {"role: Kafka.Write, consent: true", "role: §Kafka.Rite, consent: true", `"kafka" does not define the role "Kafka.Rite"`},
		"assignment, application": {"assignments: [{application: kafka", "assignments: [{application: §billin", `no application named "billin"`},
		"assignment, role":        {"assignments: [{application: kafka, role: Kafka.Write}", "assignments: [{application: billing, role: §Kafka.Write}", `"billing" does not define`},
		"no secret":               {"secrets: [{id: 0f1d9c2e-6f38-4c6a-93a5-5a4c0e4a7d11, value: lab-billing-secret}]", "secrets: []", "has no secret"},
		"secret of two lines":     {"value: lab-billing-secret", `value: §"a\nKAFKA_TOPIC=payroll"`, "control characters"},
		"secret's id twice":       {"value: lab-billing-secret}", "value: lab-billing-secret}, {id: §0f1d9c2e-6f38-4c6a-93a5-5a4c0e4a7d11, value: x}", "is taken, see "},
		"cluster id":              {"id: lkc-lab", "id: §lab", "no logical cluster id"},
		"brokers":                 {"brokers: 3", "brokers: §-1", "-1 brokers"},
		"partitions":              {"payroll: {partitions: 1}", "payroll: {partitions: -1}", `topic "payroll" has -1 partitions`},
		"topic's name":            {"orders.retry: {", "orders/retry: {", `"orders/retry" is no topic name`},
		"no such topic":           {"  topic: orders", "  topic: §order", `no topic "order" under cluster.topics`},
		"forbidden is allowed":    {"forbidden_topic: payroll", "forbidden_topic: §orders", "is the allowed topic"},
		"group of two lines":      {"group: orders-lab", `group: §"a\nb"`, "control characters"},
		"resource application":    {"resource_application: kafka", "resource_application: §kafkaa", `no application named "kafkaa"`},
	} {
		t.Run(name, func(t *testing.T) {
			path, text := changed(t, c.old, c.new)
			_, err := lab.LoadWorld(path)
			where := path + ":"
			if before, _, marked := strings.Cut(text, "§"); marked {
				line := strings.Count(before, "\n") + 1
				where = fmt.Sprintf("%s:%d:%d: ", path, line, len([]rune(before[strings.LastIndex(before, "\n")+1:]))+1)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), where) {
				t.Errorf("error %v\nwant %q at %s", err, c.want, where)
			}
		})
	}
}

// What only the emulator knows of a shape is told with its place as well.
func TestServersThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"shape":                {"    shape: keycloak\n    server: klamm ", "    shape: acme\n    server: §klamm ", `no shape "acme"`},
		"parts of a path":      {"server: klamm/lab ", "server: §klamm ", "expected 2 part(s) of a path"},
		"audience":             {"server: eu-central-1_klammLab1", "audience: kafka\n    server: §eu-central-1_klammLab1", "tokens of this shape have no aud"},
		"no audience":          {"server: klamm                   # the realm", "server: §klamm\n  - name: other\n    shape: keycloak\n    server: other", "no audience"},
		"at another's paths":   {"shape: cloudentity\n    server: klamm/lab               # tenant and workspace\n    audience: api://klamm-lab", "shape: cognito\n    server: other", `answers at /oauth2/token`},
		"a client id of colon": {"client_id: shipping", "client_id: 'a:b'", "without colon"},
	} {
		t.Run(name, func(t *testing.T) {
			path, text := changed(t, c.old, c.new)
			l, err := app.StartLab(t.Context(), app.LabOptions{World: path, EmulatorsOnly: true})
			if err == nil {
				_ = l.Close()
			}
			where := path + ":"
			if before, _, marked := strings.Cut(text, "§"); marked {
				where = fmt.Sprintf("%s:%d:", path, strings.Count(before, "\n")+1)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), where) {
				t.Errorf("error %v\nwant %q at %s", err, c.want, where)
			}
		})
	}
}

// All faults are told at once, in the order of the file.
func TestWorldFaultsTogether(t *testing.T) {
	path, _ := changed(t, "id: lkc-lab", "id: x", "role: Kafka.Write, consent: true", "role: y", "client_id: "+ordersID, "client_id: z")
	_, err := lab.LoadWorld(path)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"x"`) || !strings.Contains(lines[1], `"y"`) || !strings.Contains(lines[2], `"z"`) {
		t.Errorf("%v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, filepath.Join(t.TempDir(), "absent.yaml")} {
		if _, err := lab.LoadWorld(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Odd worlds that are right start: what the check lets through the emulators
// take.
func TestOddWorldsStart(t *testing.T) {
	for name, c := range map[string]struct {
		change  []string
		issuers string
	}{
		"as it is":               {nil, "microsoft"},
		"a tenant of one's own":  {[]string{"tenant: random", "tenant: 67E9D472-7fbe-48f4-ade6-03e3f3c0dbe6"}, "own"},
		"no scheme":              {[]string{"app_id_uris: [api://klamm-lab-kafka]", "app_id_uris: ['localhost:9092', 'https://kafka.example/', api://klamm-lab-kafka]"}, "microsoft"},
		"one identity":           {[]string{section(t, "    - name: this-machine"), ""}, "microsoft"},
		"version 1":              {[]string{"access_token_version: 2", "access_token_version: 1"}, "microsoft"},
		"capitals in ids":        {[]string{"client_id: " + billingID, "client_id: " + strings.ToUpper(billingID)}, "own"},
		"no other shapes":        {[]string{section(t, "oidc:"), ""}, "own"},
		"no partitions are said": {[]string{"payroll: {partitions: 1}", "payroll: {}"}, "microsoft"},
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := changed(t, c.change...)
			l, err := app.StartLab(t.Context(), app.LabOptions{World: path, EmulatorsOnly: true, Issuers: c.issuers})
			if err != nil {
				t.Fatal(err)
			}
			if l.Env.Get("AZURE_CLIENT_ID") != ordersID {
				t.Errorf("environment %v", l.Env)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
