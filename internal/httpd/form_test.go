package httpd_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

const formType = "application/x-www-form-urlencoded"

func post(body, contentType string) *http.Request {
	r := httptest.NewRequest("POST", "/token?client_id=of-the-query", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestParseForm(t *testing.T) {
	for text, want := range map[string]httpd.Form{
		"":        {},
		"&&":      {},
		"a":       {"a": ""},
		"a=b&c=d": {"a": "b", "c": "d"},
		"a=b=c":   {"a": "b=c"},
		"=b":      {"": "b"},
		"a=%41%2": {"a": "%41%2"},
		"a=100%":  {"a": "100%"},
		"%61=b":   {"a": "b"},
		// librdkafka puts scope and extras into the body as they are configured.
		"grant_type=client_credentials&scope=api://x/.default other+y": {"grant_type": "client_credentials", "scope": "api://x/.default other y"},
		"scope=api%3A%2F%2Fx%2F.default+other%2By":                     {"scope": "api://x/.default other+y"},
	} {
		got, err := httpd.ParseForm(text)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%q = %q, %v, want %q", text, got, err, want)
		}
	}
}

// RFC 6749 section 3.2. Whoever reads the first and whoever reads the last
// would see two different requests.
func TestParseFormRefusesDuplicates(t *testing.T) {
	for _, text := range []string{"scope=a&scope=a", "scope=a&%73cope=b", "a&a", "=x&=y"} {
		if form, err := httpd.ParseForm(text); fault.KindOf(err) != fault.Invalid || form != nil {
			t.Errorf("%q = %q, %v", text, form, err)
		}
	}
}

func TestReadForm(t *testing.T) {
	for _, kind := range []string{formType, formType + "; charset=UTF-8", strings.ToUpper(formType)} {
		form, err := httpd.ReadForm(post("a=b", kind))
		if err != nil || !maps.Equal(form, httpd.Form{"a": "b"}) {
			t.Errorf("%s: %q, %v", kind, form, err)
		}
	}
	for _, kind := range []string{"", "application/json", "multipart/form-data; boundary=x", formType + ";;"} {
		if form, err := httpd.ReadForm(post("a=b", kind)); err != nil || len(form) != 0 {
			t.Errorf("%q: %q, %v", kind, form, err)
		}
	}
}

func TestReadFormHasALimit(t *testing.T) {
	const most = 64 << 10
	if _, err := httpd.ReadForm(post("a="+strings.Repeat("x", most-2), formType)); err != nil {
		t.Errorf("a form of the limit: %v", err)
	}
	if form, err := httpd.ReadForm(post("a="+strings.Repeat("x", most-1), formType)); fault.KindOf(err) != fault.Exhausted || form != nil {
		t.Errorf("a form above the limit: %v", err)
	}
}

func TestReadFormThatIsCut(t *testing.T) {
	read := make(chan error, 1)
	p := serve(t, func(_ http.ResponseWriter, r *http.Request) error {
		_, err := httpd.ReadForm(r)
		read <- err
		return nil
	})
	conn := p.dial()
	_, _ = conn.Write([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: " + formType + "\r\nContent-Length: 9\r\n\r\na=b"))
	_ = conn.Close()
	if err := <-read; fault.KindOf(err) != fault.Malformed {
		t.Errorf("a body that ends early: %v", err)
	}
}

// FuzzParseForm wants the standard library's reading wherever that has one,
// and a form of which nothing is lost when it is written again.
func FuzzParseForm(f *testing.F) {
	for _, text := range []string{"", "a=b&c=d", "a=b=c", "a&a", "=", "%", "a=%zz&b=%41", "scope=api://x/.default other+y", "a;b=c", "\x00=\xff", "%2&%252"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := httpd.ParseForm(text)
		values, odd := url.ParseQuery(text)
		if odd == nil {
			once := true
			for key, all := range values {
				once = once && len(all) == 1
				if err == nil && form[key] != all[0] {
					t.Fatalf("%q: %q = %q, want %q", text, key, form[key], all)
				}
			}
			if once != (err == nil) || once && len(form) != len(values) {
				t.Fatalf("%q = %q, %v; net/url has %q", text, form, err, values)
			}
		}
		if err != nil {
			return
		}
		again := url.Values{}
		for key, value := range form {
			again.Set(key, value)
		}
		if back, err := httpd.ParseForm(again.Encode()); err != nil || !maps.Equal(back, form) {
			t.Fatalf("%q = %q, written again %q, %v", text, form, back, err)
		}
	})
}
