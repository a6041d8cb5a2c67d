package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/klammhq/klamm/klammtest"
)

// librdkafkaKeys and javaKeys are the settings that pages use, from the
// libraries' own lists: CONFIGURATION.md of librdkafka, SaslConfigs of Kafka.
var (
	librdkafkaKeys = strings.Fields(`bootstrap.servers security.protocol ssl.ca.location sasl.mechanism sasl.mechanisms https.ca.location
		sasl.oauthbearer.method sasl.oauthbearer.metadata.authentication.type sasl.oauthbearer.token.endpoint.url sasl.oauthbearer.config
		sasl.oauthbearer.extensions sasl.oauthbearer.client.id sasl.oauthbearer.client.secret sasl.oauthbearer.scope`)
	javaKeys = strings.Fields(`bootstrap.servers security.protocol ssl.truststore.type ssl.truststore.location sasl.mechanism
		sasl.login.callback.handler.class sasl.oauthbearer.token.endpoint.url sasl.oauthbearer.client.credentials.client.id
		sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.scope sasl.jaas.config`)
)

// TestClientSettings reads the settings on the pages of clients as the clients
// do, gets a token as they say and logs in with it.
func TestClientSettings(t *testing.T) {
	lab := klammtest.Start(t)
	logins := 0
	for _, b := range allBlocks(t) {
		if !strings.HasPrefix(b.page, clientPages) {
			continue
		}
		settings := settingsIn(b, lab.Env)
		for key := range settings {
			if !slices.Contains(librdkafkaKeys, key) && !slices.Contains(javaKeys, key) {
				t.Errorf("%s:%d: no client knows the setting %s", b.page, b.line, key)
			}
		}
		reads := map[bool]func(map[string]string, map[string]string) (login, error){true: readJava, false: readLibrdkafka}[settings["sasl.jaas.config"] != ""]
		if settings["bootstrap.servers"] == "" || settings["sasl.jaas.config"] == "" && settings["sasl.oauthbearer.method"] == "" {
			continue // a fragment, or a callback's
		}
		logins++
		l, err := reads(settings, lab.Env)
		if err == nil {
			err = l.in(t, lab, settings)
		}
		if err != nil {
			t.Errorf("%s:%d: %v", b.page, b.line, err)
		}
	}
	if logins < 10 {
		t.Fatalf("only %d blocks of settings were found: the search is broken", logins)
	}
}

// login is what a client sends, and how it asks for the token.
type login struct {
	token      *http.Request
	extensions map[string]string
}

func (l login) in(t *testing.T, lab *klammtest.Lab, settings map[string]string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: lab.TLS()}}
	resp, err := web.Do(l.token.WithContext(ctx))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("no token: %s: %s", resp.Status, body)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(settings["bootstrap.servers"]), kgo.DialTLSConfig(lab.TLS()),
		kgo.SASL(oauth.Auth{Token: answer.Token, Extensions: l.extensions}.AsMechanism()))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx)
}

// readLibrdkafka reads settings as rdkafka_sasl_oauthbearer_oidc.c does: of
// sasl.oauthbearer.config the first pair, query; one element of the extensions
// without = drops all of them.
func readLibrdkafka(s, _ map[string]string) (login, error) {
	if s["security.protocol"] != "SASL_SSL" || s["sasl.mechanisms"]+s["sasl.mechanism"] != "OAUTHBEARER" || s["sasl.oauthbearer.method"] != "oidc" || s["ssl.ca.location"] == "" {
		return login{}, fmt.Errorf("librdkafka wants sasl_ssl, OAUTHBEARER, method oidc and an authority: %v", s)
	}
	l := login{extensions: map[string]string{}}
	for _, element := range splitList(s["sasl.oauthbearer.extensions"]) {
		key, value, ok := strings.Cut(element, "=")
		if !ok {
			l.extensions = nil
			break
		}
		l.extensions[key] = value
	}
	at := s["sasl.oauthbearer.token.endpoint.url"]
	if s["sasl.oauthbearer.metadata.authentication.type"] == "azure_imds" {
		query, ok := strings.CutPrefix(splitList(s["sasl.oauthbearer.config"])[0], "query=")
		if !ok || strings.Contains(query, " ") {
			return login{}, fmt.Errorf("librdkafka finds no query in %q", s["sasl.oauthbearer.config"])
		}
		req, err := http.NewRequest(http.MethodGet, at+"?"+query, nil)
		if err == nil {
			req.Header.Set("Metadata", "true")
		}
		l.token = req
		return l, err
	}
	if s["https.ca.location"] == "" {
		return login{}, fmt.Errorf("the authority of the token endpoint is not named")
	}
	var err error
	l.token, err = clientCredentials(at, s["sasl.oauthbearer.client.id"], s["sasl.oauthbearer.client.secret"], s["sasl.oauthbearer.scope"])
	return l, err
}

// splitList splits at commas that have no backslash before them.
func splitList(text string) []string {
	var all []string
	for _, part := range regexp.MustCompile(`(?:\\.|[^,\\])+`).FindAllString(text, -1) {
		all = append(all, strings.ReplaceAll(part, `\,`, ","))
	}
	if all == nil {
		all = []string{""}
	}
	return all
}

func clientCredentials(at, id, secret, scope string) (*http.Request, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	req, err := http.NewRequest(http.MethodPost, at, strings.NewReader(form.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(id, secret)
	}
	return req, err
}

// jaasLine is the grammar of javax.security.auth.login.Configuration for one entry.
var (
	jaasLine   = regexp.MustCompile(`^(\S+) required((?:\s+[A-Za-z_.]+=(?:"[^"]*"|'[^']*'))*)\s*;$`)
	jaasOption = regexp.MustCompile(`([A-Za-z_.]+)=(?:"([^"]*)"|'([^']*)')`)
)

// readJava reads settings as OAuthBearerLoginCallbackHandler does; those of a
// token file get the token that the file would hold.
func readJava(s, lab map[string]string) (login, error) {
	m := jaasLine.FindStringSubmatch(s["sasl.jaas.config"])
	if m == nil || m[1] != "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule" {
		return login{}, fmt.Errorf("no JAAS line of OAuthBearerLoginModule: %s", s["sasl.jaas.config"])
	}
	if s["security.protocol"] != "SASL_SSL" || s["sasl.mechanism"] != "OAUTHBEARER" || s["ssl.truststore.location"] == "" ||
		s["sasl.login.callback.handler.class"] != "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler" {
		return login{}, fmt.Errorf("Java wants SASL_SSL, OAUTHBEARER, a handler and an authority: %v", s)
	}
	options, extensions := map[string]string{}, map[string]string{}
	for _, o := range jaasOption.FindAllStringSubmatch(m[2], -1) {
		options[o[1]] = o[2] + o[3]
		if name, ok := strings.CutPrefix(o[1], "extension_"); ok {
			extensions[name] = o[2] + o[3]
		}
	}
	or := func(key, option string) string {
		if s[key] != "" {
			return s[key]
		}
		return options[option]
	}
	at := s["sasl.oauthbearer.token.endpoint.url"]
	if strings.HasPrefix(at, "file://") {
		l, err := readLibrdkafka(map[string]string{
			"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc", "ssl.ca.location": "any",
			"sasl.oauthbearer.metadata.authentication.type": "azure_imds", "sasl.oauthbearer.token.endpoint.url": lab["IMDS_TOKEN_URL"],
			"sasl.oauthbearer.config": "query=api-version=2018-02-01&resource=" + lab["KAFKA_RESOURCE"] + "&client_id=" + lab["AZURE_CLIENT_ID"],
		}, nil)
		l.extensions = extensions
		return l, err
	}
	req, err := clientCredentials(at, or("sasl.oauthbearer.client.credentials.client.id", "clientId"),
		or("sasl.oauthbearer.client.credentials.client.secret", "clientSecret"), or("sasl.oauthbearer.scope", "scope"))
	return login{req, extensions}, err
}

// How the languages write settings.
var (
	propertyLine = regexp.MustCompile(`(?m)^([a-z][a-z.]+)=(.*)$`)
	quotedPair   = regexp.MustCompile(`["']([a-z]+\.[a-z.]+)["'](?:: |, )(?:["'](.*)["'])`)
	csharpMember = regexp.MustCompile(`(?m)^ +((?:Bootstrap|Security|Ssl|Sasl)[A-Za-z]+) = (?:"(.*)"|[A-Za-z]+\.([A-Za-z]+)),$`)
	csharpWords  = map[string]string{"SaslSsl": "SASL_SSL", "OAuthBearer": "OAUTHBEARER", "Oidc": "oidc", "AzureIMDS": "azure_imds"}
)

// settingsIn are the settings of a block, by librdkafka's or Java's names.
func settingsIn(b block, lab map[string]string) map[string]string {
	text := specimens(b.text, lab, "")
	all := map[string]string{}
	switch b.lang {
	case "properties":
		text = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(text, "")
		for _, m := range propertyLine.FindAllStringSubmatch(text, -1) {
			all[m[1]] = m[2]
		}
	case "yaml":
		text = regexp.MustCompile(`>-\n\s+`).ReplaceAllString(strings.ReplaceAll(text, "${KAFKA_CLIENT_SECRET}", lab["OAUTH_CLIENT_SECRET"]), "")
		text = regexp.MustCompile(`\n\s+(clientId|extension_)`).ReplaceAllString(text, " $1")
		for _, m := range regexp.MustCompile(`(?m)^ +([a-z-]+[.-][a-z.-]+): (.*)$`).FindAllStringSubmatch(text, -1) {
			all[strings.ReplaceAll(m[1], "-", ".")] = m[2]
		}
	case "python", "javascript":
		for _, m := range quotedPair.FindAllStringSubmatch(text, -1) {
			all[m[1]] = m[2]
		}
	case "csharp":
		for _, m := range csharpMember.FindAllStringSubmatch(text, -1) {
			key := strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(m[1], "$1.$2"))
			all[key] = m[2] + csharpWords[m[3]]
		}
		for _, m := range quotedPair.FindAllStringSubmatch(text, -1) {
			all[m[1]] = m[2]
		}
	}
	return all
}
