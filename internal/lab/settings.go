package lab

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"
)

// Settings are ready to paste into clients. heading sets off the title of each.
// Without a gateway they are those of the token alone.
func Settings(e Env, heading func(string) string) string {
	var b strings.Builder
	part := func(title string, lines []string) {
		b.WriteString(heading(title) + "\n")
		for _, line := range lines {
			b.WriteString("  " + line + "\n")
		}
		b.WriteString("\n")
	}
	only := ""
	if e.Get("KAFKA_BOOTSTRAP_SERVER") == "" {
		only = " (add bootstrap.servers and the CA of your gateway)"
	}
	part("librdkafka (Python, Go, .NET, JavaScript, C; 2.12 or later): a managed identity through IMDS"+only, librdkafka(e))
	part("Java (4.x, a .properties file; run it with -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls="+e.Get("OAUTH_TOKEN_URL")+"): an application with a secret"+only, java(e))
	part("curl: the tokens themselves", curl(e))
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// broker are a client's settings for the gateway, none without one.
func broker(e Env, settings ...string) []string {
	if e.Get("KAFKA_BOOTSTRAP_SERVER") == "" {
		return nil
	}
	return settings
}

// librdkafka appends the query to the URL as it is, so that the resource is
// percent-encoded; query= must be the first and only key of its setting.
func librdkafka(e Env) []string {
	v := e.Get
	return append(broker(e, "bootstrap.servers="+v("KAFKA_BOOTSTRAP_SERVER"), "ssl.ca.location="+v("KAFKA_CA_FILE")),
		"security.protocol=SASL_SSL",
		"sasl.mechanisms=OAUTHBEARER",
		"sasl.oauthbearer.method=oidc",
		"sasl.oauthbearer.metadata.authentication.type=azure_imds",
		"sasl.oauthbearer.token.endpoint.url="+v("IMDS_TOKEN_URL"),
		"sasl.oauthbearer.config="+listItem("query=api-version=2025-04-07&"+imdsQuery(e)),
		"sasl.oauthbearer.extensions="+listItem("logicalCluster="+v("KAFKA_LOGICAL_CLUSTER_ID"))+","+listItem("identityPoolId="+v("KAFKA_IDENTITY_POOL_ID")),
	)
}

func java(e Env) []string {
	v := e.Get
	login := "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
	for _, option := range []struct{ name, value string }{
		{"clientId", v("OAUTH_CLIENT_ID")},
		{"clientSecret", v("OAUTH_CLIENT_SECRET")},
		{"scope", v("OAUTH_SCOPE")},
		{"extension_logicalCluster", v("KAFKA_LOGICAL_CLUSTER_ID")},
		{"extension_identityPoolId", v("OAUTH_IDENTITY_POOL_ID")},
		{"ssl.truststore.type", "PEM"}, // of the token endpoint
		{"ssl.truststore.location", v("KAFKA_CA_FILE")},
	} {
		login += " " + option.name + "=" + jaasString(option.value)
	}
	settings := append(broker(e, "bootstrap.servers="+v("KAFKA_BOOTSTRAP_SERVER"), "ssl.truststore.type=PEM", "ssl.truststore.location="+v("KAFKA_CA_FILE")),
		"security.protocol=SASL_SSL",
		"sasl.mechanism=OAUTHBEARER",
		"sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
		"sasl.oauthbearer.token.endpoint.url="+v("OAUTH_TOKEN_URL"),
		"sasl.jaas.config="+login+";",
	)
	for i := range settings {
		settings[i] = javaProperty(settings[i])
	}
	return settings
}

func curl(e Env) []string {
	v := e.Get
	line := func(words ...string) string {
		for i := range words {
			words[i] = shellWord(words[i])
		}
		return "curl " + strings.Join(words, " ")
	}
	return []string{
		line("-H", "Metadata:true", "--noproxy", "*", v("IMDS_TOKEN_URL")+"?api-version=2018-02-01&"+imdsQuery(e)),
		line("--cacert", v("KAFKA_CA_FILE"), "-d", "grant_type=client_credentials", "--data-urlencode", "client_id="+v("OAUTH_CLIENT_ID"),
			"--data-urlencode", "client_secret="+v("OAUTH_CLIENT_SECRET"), "--data-urlencode", "scope="+v("OAUTH_SCOPE"), v("OAUTH_TOKEN_URL")),
		line("--cacert", v("KAFKA_CA_FILE"), "-u", v("OKTA_CLIENT_ID")+":"+v("OKTA_CLIENT_SECRET"),
			"-d", "grant_type=client_credentials", "--data-urlencode", "scope="+v("OKTA_SCOPE"), v("OKTA_TOKEN_URL")),
	}
}

func imdsQuery(e Env) string {
	return "resource=" + url.QueryEscape(e.Get("KAFKA_RESOURCE")) + "&client_id=" + url.QueryEscape(e.Get("AZURE_CLIENT_ID"))
}

// listItem is one element of librdkafka's comma lists.
func listItem(s string) string { return strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(s) }

// jaasString is a quoted value of a JAAS configuration.
func jaasString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// javaProperty is a line of a .properties file, which Kafka reads as Latin-1
// and in which a backslash escapes.
func javaProperty(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(strings.ReplaceAll(s, `\`, `\\`))) {
		if unit < 0x7f {
			b.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// plainWord needs no quotes in any shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord is one word of a POSIX shell's command line.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
