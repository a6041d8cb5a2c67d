package httpd_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/secret"
)

func basic(id, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))
}

// A secret of the characters that Entra ID puts into secrets, and of those
// that form encoding changes.
const oddSecret = "8Q~a+b/c=d%41 e:f&g"

func TestReadClient(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		form   httpd.Form
		id     string
		method string
		sent   string // the secret that matches
	}{
		"nobody":                   {"", nil, "", "", ""},
		"a public client":          {"", httpd.Form{"client_id": "app"}, "app", "", ""},
		"post":                     {"", httpd.Form{"client_id": "app", "client_secret": oddSecret}, "app", httpd.SecretPost, oddSecret},
		"post without a secret":    {"", httpd.Form{"client_id": "app", "client_secret": ""}, "app", httpd.SecretPost, ""},
		"basic as librdkafka":      {basic("app", oddSecret), nil, "app", httpd.SecretBasic, oddSecret},
		"basic as the RFC":         {basic("a%3Ap", url.QueryEscape(oddSecret)), nil, "a:p", httpd.SecretBasic, oddSecret},
		"basic, id in the body":    {basic("app", "s"), httpd.Form{"client_id": "app"}, "app", httpd.SecretBasic, "s"},
		"basic, id encoded":        {basic("a%20p", "s"), httpd.Form{"client_id": "a p"}, "a p", httpd.SecretBasic, "s"},
		"basic in lower case":      {strings.Replace(basic("app", "s"), "Basic", "basic", 1), nil, "app", httpd.SecretBasic, "s"},
		"basic without a password": {basic("app", ""), nil, "app", httpd.SecretBasic, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := post("", formType)
			if c.header != "" {
				r.Header.Set("Authorization", c.header)
			}
			got, err := httpd.ReadClient(r, c.form)
			if err != nil || got.ID != c.id || got.Method != c.method {
				t.Fatalf("%q by %q, %v", got.ID, got.Method, err)
			}
			if want := c.sent != ""; got.Sent(secret.New(c.sent)) != want {
				t.Errorf("the secret %q: want %v", c.sent, want)
			}
			for _, other := range []string{"", "other", c.sent + "x", strings.ToUpper(c.sent) + "!"} {
				if got.Sent(secret.New(other)) {
					t.Errorf("%q is accepted", other)
				}
			}
			if text := fmt.Sprintf("%v %+v %#v", got, got, got); len(c.sent) > 3 && strings.Contains(text, c.sent) {
				t.Errorf("the secret is printed: %s", text)
			}
		})
	}
}

func TestReadClientRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		form    httpd.Form
		kind    fault.Kind
	}{
		"secrets in both":          {[]string{basic("app", "s")}, httpd.Form{"client_secret": "s"}, fault.Invalid},
		"an empty second secret":   {[]string{basic("app", "s")}, httpd.Form{"client_id": "app", "client_secret": ""}, fault.Invalid},
		"two clients":              {[]string{basic("app", "s")}, httpd.Form{"client_id": "other"}, fault.Invalid},
		"an empty second client":   {[]string{basic("app", "s")}, httpd.Form{"client_id": ""}, fault.Invalid},
		"two headers":              {[]string{basic("app", "s"), basic("app", "s")}, nil, fault.Malformed},
		"another scheme":           {[]string{"Bearer abc"}, nil, fault.Malformed},
		"no base64":                {[]string{"Basic ???"}, nil, fault.Malformed},
		"no colon":                 {[]string{"Basic " + base64.StdEncoding.EncodeToString([]byte("app"))}, nil, fault.Malformed},
		"an empty header":          {[]string{""}, nil, fault.Malformed},
		"base64 of an URL, no pad": {[]string{"Basic YXBwOn5-fg"}, nil, fault.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			r := post("", formType)
			r.Header["Authorization"] = c.headers
			got, err := httpd.ReadClient(r, c.form)
			if fault.KindOf(err) != c.kind || got.ID != "" || got.Sent(secret.New("s")) {
				t.Errorf("%q by %q, %v", got.ID, got.Method, err)
			}
		})
	}
}
