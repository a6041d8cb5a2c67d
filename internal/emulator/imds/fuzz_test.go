package imds_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"api-version=2018-02-01&resource=pkc-abc:9092", "api-version=2018-02-01&resource=pkc-abc%3A9092&client_id=" + orders.ClientID,
		"api-version=&resource=&client_id=", "api-version=2018-02-01&resource=a&resource=b", "%zz", ";", "api-version=2025-04-07&resource=api://x+y&bypass_cache=true",
		"api-version=2018-02-01&resource=\xff", "api-version=2018-02-01&resource=a&client_id=b&object_id=c",
	} {
		f.Add(seed)
	}
	m := newMachine(f, false, system, orders)
	f.Fuzz(func(t *testing.T, raw string) {
		r := request(base)
		r.URL.RawQuery = raw
		w := m.do(r)
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("no JSON: %q", w.Body)
		}
		if w.Code != http.StatusOK {
			return
		}
		values, err := url.ParseQuery(raw)
		if err != nil || values.Get("resource") == "" || values.Get("api-version") < "2018-02-01" {
			t.Fatalf("a token for %q", raw)
		}
		for name, all := range values {
			if len(all) > 1 {
				t.Fatalf("a token with %q twice: %q", name, raw)
			}
		}
	})
}

func BenchmarkToken(b *testing.B) {
	m := newMachine(b, false, system)
	b.ReportAllocs()
	for b.Loop() {
		if w := m.do(request(base + kafka)); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
