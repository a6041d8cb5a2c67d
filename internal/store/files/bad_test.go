package files_test

import (
	"errors"
	"testing"

	"github.com/klammhq/klamm/internal/store/files"
)

func providerWith(settings string) string {
	return "{kind: IdentityProvider, id: op-a, " + settings + "}"
}

func bindingWith(settings string) string {
	return org + "---\n{kind: RoleBinding, " + settings + "}"
}

const who = "principal: 'User:pool-a', role: R, "

func TestBadDocuments(t *testing.T) {
	example := func(issuer, keys string) string {
		return providerWith("issuer: '" + issuer + "', jwks_uri: '" + keys + "'")
	}
	entra := func(issuer, keys string) string {
		return providerWith("type: entra, issuer: '" + issuer + "', jwks_uri: '" + keys + "'")
	}
	for _, c := range []struct{ name, text, want string }{
		// documents
		{"no kind", "id: op-a", "a.yaml:1:1: the document has no kind, expected Organization, IdentityProvider, IdentityPool or RoleBinding"},
		{"no mapping", "- kind", "a.yaml:1:1: the document has no kind, expected Organization, IdentityProvider, IdentityPool or RoleBinding"},
		{"unknown kind", "kind: IdentityPol", `a.yaml:1:1: kind "IdentityPol" is unknown, expected Organization, IdentityProvider, IdentityPool or RoleBinding (did you mean IdentityPool?)`},
		{"later kind", "kind: ServiceAccount", "a.yaml:1:1: kind ServiceAccount is not in this version"},
		{"unknown key", "{kind: IdentityPool, id: pool-a, provider: op-a, fliter: x, filter: x}",
			`a.yaml:1:50: unknown key "fliter" in IdentityPool, expected kind, id, provider, display_name, description, identity_claim, filter or disabled (did you mean "filter"?)`},
		{"no YAML after the first", provider + "---\n}", "a.yaml:3:1: this is not YAML: did not find expected node content"},
		{"several", "{kind: IdentityPool, id: pool-a}\n---\n{kind: Organization, id: 7}", `a.yaml:1:1: IdentityPool.provider is missing, expected a string
a.yaml:1:1: IdentityPool.filter is missing, expected a string
a.yaml:3:1: Organization.environment is missing, expected a string
a.yaml:3:26: Organization.id is a number, expected a string (put it in quotes)`},

		// organization
		{"two", org + "---\n" + org, "a.yaml:3:1: a second Organization, expected one, which is at a.yaml:1:1"},
		{"no UUID", "{kind: Organization, id: acme, environment: env-a}", `a.yaml:1:26: id "acme" is no UUID in lower case`},
		{"bad environment", "{kind: Organization, id: 6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11, environment: prod}",
			`a.yaml:1:77: environment "prod" is not valid, expected env- and letters, digits, hyphens or underscores`},

		// providers: required settings and ids
		{"no id", "{kind: IdentityProvider, entra_tenant: " + tenant + "}", "a.yaml:1:1: IdentityProvider.id is missing, expected a string"},
		{"no issuer", providerWith("jwks_uri: 'https://a.example.com/keys'"), "a.yaml:1:1: issuer is missing, expected an https address"},
		{"no keys", providerWith("issuer: 'https://a.example.com'"), "a.yaml:1:1: jwks_uri is missing, expected an https address"},
		{"bad id", "{kind: IdentityProvider, id: entra, entra_tenant: " + tenant + "}", `a.yaml:1:30: id "entra" is not valid, expected op- and letters, digits, hyphens or underscores`},
		{"id with comma", "{kind: IdentityPool, id: 'pool-a,pool-b', provider: op-a, filter: x}", `a.yaml:1:26: id "pool-a,pool-b" is not valid, expected pool- and letters, digits, hyphens or underscores`},
		{"id taken", provider + "---\n" + providerWith("issuer: 'https://b.example.com', jwks_uri: 'https://a.example.com/keys'"), "a.yaml:3:30: id op-a is taken, first at a.yaml:1:1"},
		{"issuer taken", provider + "---\n{kind: IdentityProvider, id: op-b, issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'}",
			"a.yaml:3:1: issuer https://a.example.com has an enabled provider already, at a.yaml:1:1"},
		{"issuer of a disabled one", provider + "---\n{kind: IdentityProvider, id: op-b, disabled: true, issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'}", ""},
		{"bad type", providerWith("type: okta, issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'"), `a.yaml:1:42: type "okta" is unknown, expected entra or none`},
		{"bad claim", providerWith("identity_claim: sub, issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'"),
			`a.yaml:1:52: identity_claim "sub" is not valid, expected claims.NAME such as claims.sub, or claims['A:B']`},
		{"no audience", providerWith("audiences: [], issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'"),
			"a.yaml:1:47: audiences has none, expected at least one (leave the setting out to leave aud to the pools' filters)"},
		{"empty audience", providerWith("audiences: [a, '', a], issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'"),
			"a.yaml:1:51: an audience is empty\na.yaml:1:55: audience \"a\" stands twice"},
		{"no CA", providerWith("ca: none.crt, issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'"), "a.yaml:1:40: cannot read none.crt: no such file or directory"},
		{"CA without PEM", providerWith("ca: files_test.go, issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'"), "a.yaml:1:40: files_test.go has no certificate in PEM"},

		// providers: addresses
		{"http", example("http://a.example.com", "http://a.example.com/keys"), `a.yaml:1:44: issuer is an address of "http", expected https
a.yaml:1:78: jwks_uri is an address of "http", expected https`},
		{"http on loopback", example("https://a.example.com", "http://127.0.0.1:8080/keys"), `a.yaml:1:79: jwks_uri is an address of "http", expected https`},
		{"https on loopback", example("https://127.0.0.1:8443", "https://127.0.0.1:8443/keys"), ""},
		{"https on a private address", example("https://a.example.com", "https://10.1.2.3/keys"), ""},
		{"file", example("https://a.example.com", "file:///etc/keys"), "a.yaml:1:79: jwks_uri is no address, expected https://HOST/PATH"},
		{"file with host", example("https://a.example.com", "file://localhost/etc/keys"), `a.yaml:1:79: jwks_uri is an address of "file", expected https`},
		{"no host", example("https://a.example.com", "https:///keys"), "a.yaml:1:79: jwks_uri is no address, expected https://HOST/PATH"},
		{"port alone", example("https://a.example.com", "https://:443/keys"), "a.yaml:1:79: jwks_uri is no address, expected https://HOST/PATH"},
		{"user", example("https://a.example.com", "https://u:p@a.example.com/keys"), "a.yaml:1:79: jwks_uri has a user, expected none"},
		{"pattern", example("https://a.example.com/{tenantid}", "https://a.example.com/keys"),
			"a.yaml:1:44: issuer https://a.example.com/{tenantid} has a { or }, expected one issuer and no pattern (put the tenant's id in place of {tenantid})"},
		{"query", example("https://a.example.com?a=b", "https://a.example.com/keys?p=b"), "a.yaml:1:44: issuer https://a.example.com?a=b has a query, expected none (OpenID Connect Discovery 1.0, section 3)"},
		{"fragment", example("https://a.example.com#", "https://a.example.com/keys"), "a.yaml:1:44: issuer https://a.example.com# has a fragment, expected none"},
		{"metadata", example("https://a.example.com", "https://169.254.169.254/keys"), "a.yaml:1:79: jwks_uri is on 169.254.169.254, expected no link-local, multicast or unspecified address"},
		{"metadata mapped", example("https://a.example.com", "https://[::ffff:169.254.169.254]/keys"), "a.yaml:1:79: jwks_uri is on ::ffff:169.254.169.254, expected no link-local, multicast or unspecified address"},
		{"link-local v6", example("https://a.example.com", "https://[fe80::1%25eth0]/keys"), "a.yaml:1:79: jwks_uri is on fe80::1%eth0, expected no link-local, multicast or unspecified address"},
		{"unspecified", example("https://a.example.com", "https://0.0.0.0/keys"), "a.yaml:1:79: jwks_uri is on 0.0.0.0, expected no link-local, multicast or unspecified address"},
		{"one number", example("https://a.example.com", "https://2852039166/keys"), `a.yaml:1:79: jwks_uri is on "2852039166", expected a name, or an IP address in its usual form`},
		{"hexadecimal", example("https://a.example.com", "https://0xa9.0xfe.0xa9.0xfe/keys"), `a.yaml:1:79: jwks_uri is on "0xa9.0xfe.0xa9.0xfe", expected a name, or an IP address in its usual form`},
		{"octal", example("https://a.example.com", "https://0251.0376.0251.0376/keys"), `a.yaml:1:79: jwks_uri is on "0251.0376.0251.0376", expected a name, or an IP address in its usual form`},

		// providers: Microsoft
		{"tenant beside issuer", providerWith("entra_tenant: " + tenant + ", issuer: 'https://a.example.com'"),
			"a.yaml:1:50: entra_tenant stands beside issuer, jwks_uri or type, expected it alone, since it stands for them"},
		{"tenant common", providerWith("entra_tenant: common"), `a.yaml:1:50: entra_tenant "common" is no tenant id, expected a UUID (common, organizations and names of domains stand for no single tenant; the portal shows the id as Directory (tenant) ID)`},
		{"tenant twice", providerWith("entra_tenant: "+tenant) + "\n---\n{kind: IdentityProvider, id: op-b, entra_tenant: " + tenant + "}",
			"a.yaml:3:1: issuer https://login.microsoftonline.com/" + tenant + "/v2.0 has an enabled provider already, at a.yaml:1:1"},
		{"v1", entra("https://sts.windows.net/"+tenant+"/", "https://login.microsoftonline.com/common/discovery/keys"), ""},
		{"US", entra("https://login.microsoftonline.us/"+tenant+"/v2.0", "https://login.microsoftonline.us/"+tenant+"/discovery/v2.0/keys"), ""},
		{"US v1", entra("https://sts.windows.net/"+tenant+"/", "https://login.microsoftonline.us/common/discovery/keys"), ""},
		{"China", entra("https://login.partner.microsoftonline.cn/"+tenant+"/v2.0", "https://login.partner.microsoftonline.cn/"+tenant+"/discovery/v2.0/keys"), ""},
		{"B2C", example("https://acme.b2clogin.com/"+tenant+"/v2.0/", "https://acme.b2clogin.com/"+tenant+"/discovery/v2.0/keys"), ""},
		{"foreign keys", entra("https://login.microsoftonline.com/"+tenant+"/v2.0", "https://evil.example.com/keys"),
			"a.yaml:1:146: jwks_uri is on evil.example.com, expected a host of Microsoft's, as the issuer is (for Entra ID write entra_tenant instead of issuer and jwks_uri)"},
		{"foreign keys, v1", entra("https://sts.windows.net/"+tenant+"/", "https://login.microsoftonline.com.evil.example.com/keys"),
			"a.yaml:1:132: jwks_uri is on login.microsoftonline.com.evil.example.com, expected a host of Microsoft's, as the issuer is (for Entra ID write entra_tenant instead of issuer and jwks_uri)"},
		{"foreign keys, spelling", entra("https://LOGIN.microsoftonline.com./"+tenant+"/v2.0", "https://evil.example.com/keys"),
			"a.yaml:1:147: jwks_uri is on evil.example.com, expected a host of Microsoft's, as the issuer is (for Entra ID write entra_tenant instead of issuer and jwks_uri)"},
		{"foreign keys, China", entra("https://login.partner.microsoftonline.cn/"+tenant+"/v2.0", "https://login.microsoftonline.com/common/discovery/v2.0/keys"),
			"a.yaml:1:153: jwks_uri is on login.microsoftonline.com, expected a host of Microsoft's, as the issuer is (for Entra ID write entra_tenant instead of issuer and jwks_uri)"},
		{"foreign keys, loopback", entra("https://login.microsoftonline.com/"+tenant+"/v2.0", "https://127.0.0.1:8443/keys"),
			"a.yaml:1:146: jwks_uri is on 127.0.0.1:8443, expected a host of Microsoft's, as the issuer is (for Entra ID write entra_tenant instead of issuer and jwks_uri)"},
		{"foreign port", entra("https://login.microsoftonline.com/"+tenant+"/v2.0", "https://login.microsoftonline.com:8443/keys"),
			"a.yaml:1:146: jwks_uri is on login.microsoftonline.com:8443, expected a host of Microsoft's, as the issuer is (for Entra ID write entra_tenant instead of issuer and jwks_uri)"},
		{"foreign B2C", example("https://acme.b2clogin.com/"+tenant+"/v2.0/", "https://evil.b2clogin.com/keys"),
			"a.yaml:1:126: jwks_uri is on evil.b2clogin.com, expected a host of Microsoft's, as the issuer is (for Entra ID write entra_tenant instead of issuer and jwks_uri)"},
		{"no type", example("https://login.microsoftonline.com/"+tenant+"/v2.0", "https://login.microsoftonline.com/"+tenant+"/discovery/v2.0/keys"),
			"a.yaml:1:1: type is missing, expected entra, since the issuer is Microsoft's"},
		{"every tenant", entra("https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/common/discovery/v2.0/keys"),
			"a.yaml:1:57: issuer https://login.microsoftonline.com/common/v2.0 names no tenant, expected the tenant's id in lower case in it (common and organizations accept every tenant there is)"},
		{"Entra-shaped, own host", entra("https://entra.example.com/"+tenant+"/v2.0", "https://entra.example.com/"+tenant+"/keys"), ""},

		// pools
		{"pool without provider", "{kind: IdentityPool, id: pool-a, provider: op-a, filter: 'true'}", `a.yaml:1:44: provider "op-a" does not exist, expected the id of an IdentityProvider`},
		{"pool of a pool", provider + "---\n" + pool + "---\n{kind: IdentityPool, id: pool-b, provider: pool-a, filter: 'true'}", `a.yaml:5:44: provider "pool-a" does not exist, expected the id of an IdentityProvider`},
		{"pool of a faulty provider", example("http://a", "https://a/keys") + "\n---\n" + pool, `a.yaml:1:44: issuer is an address of "http", expected https`},
		{"pool without filter", provider + "---\n{kind: IdentityPool, id: pool-a, provider: op-a}", "a.yaml:3:1: IdentityPool.filter is missing, expected a string"},
		{"filter empty", provider + "---\n{kind: IdentityPool, id: pool-a, provider: op-a, filter: ' '}", `a.yaml:3:58: filter is empty, expected a CEL expression over claims (to let every token of the provider in, write filter: "true")`},
		{"filter true", provider + "---\n{kind: IdentityPool, id: pool-a, provider: op-a, filter: true}", "a.yaml:3:58: IdentityPool.filter is true or false, expected a string (put it in quotes)"},
		{"nested claim", provider + "---\n{kind: IdentityPool, id: pool-a, provider: op-a, identity_claim: claims.a.b, filter: 'true'}", ""},
		{"claim with a colon", provider + "---\n{kind: IdentityPool, id: pool-a, provider: op-a, identity_claim: \"claims['cognito:username']\", filter: 'true'}", ""},
		{"claim in a list", provider + "---\n{kind: IdentityPool, id: pool-a, provider: op-a, identity_claim: 'claims.a[0]', filter: 'true'}",
			`a.yaml:3:66: identity_claim "claims.a[0]" is not valid, expected claims.NAME such as claims.sub, or claims['A:B']`},
		{"no pool id", "{kind: IdentityPool, provider: op-a, filter: 'true'}", "a.yaml:1:1: IdentityPool.id is missing, expected a string"},

		// bindings
		{"no organization", "{kind: RoleBinding, " + who + "on: {cluster: lkc-a}}",
			"a.yaml:1:1: a RoleBinding without an Organization, expected one Organization, since every CRN begins with it (add {kind: Organization, id: A-UUID, environment: env-NAME})"},
		{"no principal", bindingWith("role: R, on: {cluster: lkc-a}"), "a.yaml:3:1: RoleBinding.principal is missing, expected a string"},
		{"no role", bindingWith("principal: 'User:pool-a', on: {cluster: lkc-a}"), "a.yaml:3:1: RoleBinding.role is missing, expected a string"},
		{"role empty", bindingWith("principal: 'User:pool-a', role: '', on: {cluster: lkc-a}"), "a.yaml:3:53: role is empty, expected a role such as DeveloperRead"},
		{"no place", bindingWith("principal: 'User:pool-a', role: R"), "a.yaml:3:1: expected exactly one of on and crn"},
		{"two places", bindingWith(who + "on: {organization: true}, crn: x"), "a.yaml:3:1: expected exactly one of on and crn"},
		{"bad principal", bindingWith("principal: pool-a, role: R, on: {cluster: lkc-a}"), `a.yaml:3:32: principal "pool-a" is not valid, expected User:pool-NAME`},
		{"group", bindingWith("principal: 'Group:g', role: R, on: {cluster: lkc-a}"), "a.yaml:3:32: principals of groups are not in this version, expected User:pool-NAME"},
		{"same binding", bindingWith(who+"on: {cluster: lkc-a}") + "\n---\n{kind: RoleBinding, " + who + "on: {cluster: lkc-a}}", "a.yaml:5:1: the same RoleBinding is at a.yaml:3:1"},
		{"bad id", bindingWith("id: x, " + who + "on: {cluster: lkc-a}"), `a.yaml:3:25: id "x" is not valid, expected rb- and letters, digits, hyphens or underscores`},
		{"nowhere", bindingWith(who + "on: {}"), "a.yaml:3:60: expected exactly one of cluster, environment and organization: true"},
		{"two scopes", bindingWith(who + "on: {organization: true, cluster: lkc-a}"), "a.yaml:3:60: expected exactly one of cluster, environment and organization: true"},
		{"other environment", bindingWith(who + "on: {environment: env-b}"), `a.yaml:3:74: environment "env-b" does not exist, expected env-prod`},
		{"bad cluster", bindingWith(who + "on: {cluster: '*'}"), `a.yaml:3:70: cluster "*" is not valid, expected a logical cluster id, lkc-NAME`},
		{"topic without cluster", bindingWith(who + "on: {environment: env-prod, topic: t}"), "a.yaml:3:91: topic stands without cluster, expected the logical cluster that it is in"},
		{"two resources", bindingWith(who + "on: {cluster: lkc-a, topic: t, group: g}"), "a.yaml:3:94: group stands beside another resource, expected one in a RoleBinding"},
		{"topic empty", bindingWith(who + "on: {cluster: lkc-a, topic: ''}"), "a.yaml:3:84: topic is empty, expected a name, a beginning and *, or *"},
		{"star inside", bindingWith(who + "on: {cluster: lkc-a, topic: 'a*b'}"), `a.yaml:3:84: topic "a*b" has a * before its end, expected it only there`},
		{"no topic's name", bindingWith(who + "on: {cluster: lkc-a, topic: 'a/b'}"), `a.yaml:3:84: topic "a/b" is no name that Kafka allows, expected letters, digits, '.', '_' and '-'`},
		{"misspelt resource", bindingWith(who + "on: {cluster: lkc-a, topc: a}"),
			`a.yaml:3:77: unknown key "topc" in RoleBinding.on, expected cluster, topic, group, transactional_id, environment or organization (did you mean "topic"?)`},
		{"bad CRN", bindingWith(who + "crn: 'crn://evil.cloud/organization=1'"),
			`a.yaml:3:61: CRN "crn://evil.cloud/organization=1": it must begin with crn://confluent.cloud/ (write it as crn://confluent.cloud/organization=ORG/environment=ENV/cloud-cluster=LKC/kafka=LKC/topic=NAME)`},
		{"foreign CRN", bindingWith(who + "crn: 'crn://confluent.cloud/organization=1'"), `a.yaml:3:61: crn is of organization "1", expected this one, 6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11`},
		{"other environment's CRN", bindingWith(who + "crn: 'crn://confluent.cloud/organization=6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11/environment=env-b'"),
			`a.yaml:3:61: crn is of environment "env-b", expected this one, env-prod`},
		{"prefix of environments", bindingWith(who + "crn: 'crn://confluent.cloud/organization=6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11/environment=env-1*'"),
			`a.yaml:3:61: CRN "crn://confluent.cloud/organization=6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11/environment=env-1*": in segment "environment=env-1*" a * may stand only at the end of a resource name (write it as crn://confluent.cloud/organization=ORG/environment=ENV/cloud-cluster=LKC/kafka=LKC/topic=NAME)`},
	} {
		_, err := memory(c.text, files.Options{}).Load(t.Context())
		if got := details(err); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// What the lab allows, and that it allows no more.
func TestLab(t *testing.T) {
	ms := "https://login.microsoftonline.com/" + tenant + "/v2.0"
	for _, c := range []struct {
		name, issuer, keys string
		good               bool
	}{
		{"own keys for Microsoft's issuer", ms, "http://127.0.0.1:8080/keys", true},
		{"own keys over https", ms, "https://[::1]:8443/keys", true},
		{"plain http", "http://localhost:8080/" + tenant, "http://localhost:8080/keys", true},
		{"somebody else's keys", ms, "https://evil.example.com/keys", false},
		{"plain http elsewhere", "https://a.example.com/" + tenant, "http://a.example.com/keys", false},
		{"plain http to the metadata service", "https://a.example.com/" + tenant, "http://169.254.169.254/keys", false},
	} {
		text := providerWith("type: entra, issuer: '" + c.issuer + "', jwks_uri: '" + c.keys + "'")
		if _, err := memory(text, files.Options{Lab: true}).Load(t.Context()); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, details(err))
		}
		if _, err := memory(text, files.Options{}).Load(t.Context()); err == nil {
			t.Errorf("%s: allowed outside the lab", c.name)
		}
	}
}

func TestAudited(t *testing.T) {
	_, err := memory(provider, files.Options{Audited: true}).Load(t.Context())
	if got, want := details(err), "there is no Organization, expected one, since every audit event names it (add {kind: Organization, id: A-UUID, environment: env-NAME})"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// All files are read, and all their faults told in order, before any is believed.
func TestSeveralFiles(t *testing.T) {
	_, err := files.Memory(map[string][]byte{
		"b.yaml": []byte("kind: Pool"),
		"a.yaml": []byte("kind: [\n"),
		"c.yaml": []byte(provider),
	}, files.Options{}).Load(t.Context())
	want := "a.yaml:2:1: this is not YAML: did not find expected node content\n" +
		`b.yaml:1:1: kind "Pool" is unknown, expected Organization, IdentityProvider, IdentityPool or RoleBinding`
	if got := details(err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if errors.Unwrap(err) != nil {
		t.Error("a list has no single cause")
	}
}
