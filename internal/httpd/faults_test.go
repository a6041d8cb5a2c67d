package httpd_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

const whole = `{"access_token":"abcdef"}`

func token(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, whole)
}

// faulty is a handler behind faults, in memory.
func faulty(faults *httpd.Faults) func() *httptest.ResponseRecorder {
	h := faults.Wrap(http.HandlerFunc(token))
	return func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w
	}
}

func TestFaultAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault       httpd.Fault
		status      int
		header      string // of Retry-After
		contentType string
		body        string
	}{
		"not found":  {httpd.Fault{Status: 404}, 404, "", "", ""},
		"gone":       {httpd.Fault{Status: 410}, 410, "", "", ""},
		"throttled":  {httpd.Fault{Status: 429, Header: http.Header{"retry-after": {"7"}}}, 429, "7", "", ""},
		"broken":     {httpd.Fault{Status: 500, Body: "oops"}, 500, "", "", "oops"},
		"a portal":   {httpd.Fault{HTML: true}, 200, "", "text/html; charset=utf-8", "<!DOCTYPE html>"},
		"a gateway":  {httpd.Fault{Status: 502, HTML: true}, 502, "", "text/html; charset=utf-8", "<!DOCTYPE html>"},
		"own page":   {httpd.Fault{HTML: true, Body: "<p>"}, 200, "", "text/html; charset=utf-8", "<p>"},
		"half JSON":  {httpd.Fault{Body: `{"a`, Header: http.Header{"Content-Type": {"application/json"}}}, 200, "", "application/json", `{"a`},
		"a redirect": {httpd.Fault{Status: 302, Header: http.Header{"Location": {"/x"}}}, 302, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var faults httpd.Faults
			ask := faulty(&faults)
			if err := faults.Set(c.fault); err != nil {
				t.Fatal(err)
			}
			w := ask()
			if w.Code != c.status || w.Header().Get("Retry-After") != c.header || w.Header().Get("Content-Type") != c.contentType || !strings.HasPrefix(w.Body.String(), c.body) || (c.body == "") != (w.Body.Len() == 0) {
				t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
			}
			faults.Clear()
			if w := ask(); w.Code != 200 || w.Body.String() != whole {
				t.Errorf("after Clear: %d %q", w.Code, w.Body)
			}
		})
	}
}

func TestFaultRefuses(t *testing.T) {
	for name, f := range map[string]httpd.Fault{
		"nothing": {}, "only an end": {Times: 2}, "a status too small": {Status: 101}, "too large": {Status: 600}, "negative": {Status: -1},
		"latency below zero": {Latency: -1}, "latency of a day": {Latency: 24 * time.Hour}, "times below zero": {Status: 500, Times: -1},
		"a length":     {Header: http.Header{"Content-Length": {"3"}}},
		"a framing":    {Header: http.Header{"Transfer-Encoding": {"chunked"}}},
		"a path alone": {Path: "/keys"}, "a path without slash": {Status: 500, Path: "keys"}, "a path with a query": {Status: 500, Path: "/keys?x=1"},
		"a path of two lines": {Status: 500, Path: "/a\nb"}, "tokens where there are none": {Token: httpd.TokenFault{Opaque: true}},
	} {
		var faults httpd.Faults
		if err := faults.Set(httpd.Fault{Status: 404}); err != nil {
			t.Fatal(err)
		}
		if err := faults.Set(f); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
		if got := faulty(&faults)().Code; got != 404 {
			t.Errorf("%s: %d, want the fault of before", name, got)
		}
	}
}

// TestFaultTimes: a fault for three requests hits three, however they come.
func TestFaultTimes(t *testing.T) {
	var faults httpd.Faults
	ask := faulty(&faults)
	if err := faults.Set(httpd.Fault{Status: 410, Times: 3}); err != nil {
		t.Fatal(err)
	}
	var hit atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if ask().Code == 410 {
				hit.Add(1)
			}
		})
	}
	all.Wait()
	if hit.Load() != 3 {
		t.Errorf("%d of 20 requests were hit, want 3", hit.Load())
	}
	if got := ask().Code; got != 200 {
		t.Errorf("afterwards %d", got)
	}
}

func TestFaultUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var faults httpd.Faults
		ask := faulty(&faults)
		if err := faults.Set(httpd.Fault{Status: 500, Times: 100, Until: time.Now().Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 500}, {time.Minute - 1, 500}, {1, 200}, {time.Hour, 200}} {
			<-time.After(c.after)
			if got := ask().Code; got != c.want {
				t.Errorf("after %s more: %d, want %d", c.after, got, c.want)
			}
		}
	})
}

// TestFaultLatency: what a fault holds goes on when it is time, or when the
// fault is told to end.
func TestFaultLatency(t *testing.T) {
	replace := func(s *httpd.Faults) { _ = s.Set(httpd.Fault{Status: 404}) }
	for name, c := range map[string]struct {
		fault  httpd.Fault
		until  time.Duration // from the start
		change func(*httpd.Faults)
		took   time.Duration
		status int
	}{
		"passes":                {httpd.Fault{Latency: 30 * time.Second}, 0, nil, 30 * time.Second, 200},
		"passes before a fault": {httpd.Fault{Latency: 30 * time.Second, Status: 503}, 0, nil, 30 * time.Second, 503},
		"cleared":               {httpd.Fault{Latency: 30 * time.Second, Status: 503}, 0, (*httpd.Faults).Clear, 10 * time.Second, 200},
		"used up and cleared":   {httpd.Fault{Latency: 30 * time.Second, Times: 1}, 0, (*httpd.Faults).Clear, 10 * time.Second, 200},
		"replaced":              {httpd.Fault{Latency: 30 * time.Second, Status: 503}, 0, replace, 10 * time.Second, 200},
		"over":                  {httpd.Fault{Latency: 30 * time.Second, Status: 503}, 20 * time.Second, nil, 20 * time.Second, 200},
		"over later":            {httpd.Fault{Latency: 30 * time.Second, Status: 503}, 40 * time.Second, nil, 30 * time.Second, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var faults httpd.Faults
				ask, began := faulty(&faults), time.Now()
				if c.until > 0 {
					c.fault.Until = began.Add(c.until)
				}
				if err := faults.Set(c.fault); err != nil {
					t.Fatal(err)
				}
				if c.change != nil {
					time.AfterFunc(10*time.Second, func() {
						if c.fault.Times == 1 {
							ask() // finds it used up
						}
						c.change(&faults)
					})
				}
				w := ask()
				if took := time.Since(began); took != c.took || w.Code != c.status {
					t.Errorf("%d after %s, want %d after %s", w.Code, took, c.status, c.took)
				}
			})
		})
	}
}

// TestFaultLatencyOutlivesTheServersLimit, and a client that goes away is let go.
func TestFaultLatencyOutlivesTheServersLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var faults httpd.Faults
		if err := faults.Set(httpd.Fault{Latency: 5 * time.Minute, Times: 2}); err != nil {
			t.Fatal(err)
		}
		p := serve(t, func(w http.ResponseWriter, r *http.Request) error {
			faults.Wrap(http.HandlerFunc(token)).ServeHTTP(w, r)
			return nil
		})
		gone := p.dial()
		_, _ = io.WriteString(gone, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		_ = gone.Close()
		synctest.Wait()
		conn, began := p.dial(), time.Now()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != whole || time.Since(began) != 5*time.Minute {
			t.Errorf("%q, %v after %s", body, err, time.Since(began))
		}
	})
}

// TestFaultTruncates: a client sees an end before the length that it was told,
// over either version of HTTP.
func TestFaultTruncates(t *testing.T) {
	for name, c := range map[string]struct {
		http2 bool
		fault httpd.Fault
		got   string
	}{
		"the handler's, HTTP/1.1": {false, httpd.Fault{Truncate: true, Times: 1}, whole[:len(whole)/2]},
		"the handler's, HTTP/2":   {true, httpd.Fault{Truncate: true, Times: 1}, whole[:len(whole)/2]},
		"its own":                 {false, httpd.Fault{Truncate: true, Times: 1, Status: 502, Body: "0123456789"}, "01234"},
	} {
		t.Run(name, func(t *testing.T) {
			var faults httpd.Faults
			server := httptest.NewUnstartedServer(httpd.NewServer(faults.Wrap(http.HandlerFunc(token)), nil).Handler)
			server.EnableHTTP2 = c.http2
			server.StartTLS()
			defer server.Close()
			if err := faults.Set(c.fault); err != nil {
				t.Fatal(err)
			}
			body, proto, err := fetch(server.Client(), server.URL)
			if err == nil || string(body) != c.got || (proto == 2) != c.http2 {
				t.Errorf("HTTP/%d: %q, %v; want %q and an error", proto, body, err, c.got)
			}
			if !c.http2 && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v, want an unexpected end", err)
			}
			if body, _, err := fetch(server.Client(), server.URL); err != nil || string(body) != whole {
				t.Errorf("afterwards %q, %v", body, err)
			}
		})
	}
}

func fetch(client *http.Client, url string) (body []byte, proto int, err error) {
	resp, err := client.Get(url)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return body, resp.ProtoMajor, err
}

func TestFaultsAdmin(t *testing.T) {
	for name, c := range map[string]struct {
		method, body string
		change       func(*http.Request)
		status, then int
	}{
		"set":                 {"POST", `{"status":429,"header":{"Retry-After":"1"},"times":2}`, nil, 204, 429},
		"set over IPv6":       {"POST", `{"status":429}`, from("[::1]:1"), 204, 429},
		"set over mapped":     {"POST", `{"status":429}`, from("[::ffff:127.0.0.1]:1"), 204, 429},
		"replaced":            {"POST", `{"status":410,"for":"1h"}`, nil, 204, 410},
		"cleared":             {"DELETE", "", nil, 204, 200},
		"another machine":     {"DELETE", "", from("192.0.2.1:1"), 403, 404},
		"link-local":          {"DELETE", "", from("169.254.1.1:1"), 403, 404},
		"no address":          {"DELETE", "", from("@"), 403, 404},
		"a name":              {"DELETE", "", from("localhost:1"), 403, 404},
		"behind a proxy":      {"DELETE", "", withHeader("X-Forwarded-For", "127.0.0.1"), 403, 404},
		"a page in a browser": {"POST", `{"status":429}`, withHeader("Origin", "http://evil.example"), 403, 404},
		"a page from nowhere": {"DELETE", "", withHeader("Origin", "null"), 403, 404},
		"PUT":                 {"PUT", `{"status":429}`, nil, 405, 404},
		"a clock as number":   {"POST", `{"clock":600}`, nil, 400, 404},
		"no clock":            {"POST", `{"clock":"0s"}`, nil, 400, 404},
		"a path of words":     {"POST", `{"status":429,"path":"the keys"}`, nil, 400, 404},
		"of tokens, not here": {"POST", `{"opaque":true}`, nil, 400, 404},
		"no JSON":             {"POST", "status=429", nil, 400, 404},
		"nothing":             {"POST", "", nil, 400, 404},
		"an empty object":     {"POST", "{}", nil, 400, 404},
		"an array":            {"POST", "[]", nil, 400, 404},
		"two objects":         {"POST", `{"status":429}{}`, nil, 400, 404},
		"an unknown member":   {"POST", `{"statuss":429}`, nil, 400, 404},
		"a status as text":    {"POST", `{"status":"429"}`, nil, 400, 404},
		"a status of 1000":    {"POST", `{"status":1000}`, nil, 400, 404},
		"a number as latency": {"POST", `{"latency":2}`, nil, 400, 404},
		"latency 2":           {"POST", `{"latency":"2"}`, nil, 400, 404},
		"latency backwards":   {"POST", `{"latency":"-2s"}`, nil, 400, 404},
		"for nothing":         {"POST", `{"status":429,"for":"0s"}`, nil, 400, 404},
		"too large":           {"POST", `{"body":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 429, 404},
	} {
		t.Run(name, func(t *testing.T) {
			var faults httpd.Faults
			if err := faults.Set(httpd.Fault{Status: 404}); err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(c.method, "/", strings.NewReader(c.body))
			r.RemoteAddr = "127.0.0.1:1"
			if c.change != nil {
				c.change(r)
			}
			w := httptest.NewRecorder()
			faults.Admin().ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.status)
			}
			if c.status != 204 && c.status != 405 && !strings.Contains(w.Body.String(), `{"error":"`) {
				t.Errorf("says %q", w.Body)
			}
			if got := faulty(&faults)().Code; got != c.then {
				t.Errorf("afterwards %d, want %d", got, c.then)
			}
		})
	}
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func FuzzParseFault(f *testing.F) {
	for _, seed := range []string{
		`{"status":429,"header":{"Retry-After":"1"},"times":2}`, `{"html":true,"latency":"2s","truncate":true,"for":"1m","body":"x"}`,
		`{}`, `[]`, `{"status":1e9}`, `{"header":{"":""}}`, `{"header":{"a\r\nb":"c\r\nd"}}`, `{"latency":"9999999h"}`, "\xff", `{"status":204,"body":"x","truncate":true}`,
		`{"opaque":true,"clock":"-2h","path":"/token","times":1}`, `{"clock":"0s"}`, `{"status":500,"path":"/%2fkeys"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := httpd.ParseFault(raw)
		if err != nil {
			return
		}
		got.Latency, got.Truncate, got.Body = 0, false, got.Body+"x" // an answer at once, and a whole one
		if got.Token != (httpd.TokenFault{}) {
			return
		}
		var faults httpd.Faults
		if err := faults.Set(got); err != nil {
			t.Fatalf("%q is read and then refused: %v", raw, err)
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.URL.Path += strings.TrimPrefix(got.Path, "/")
		faults.Wrap(http.HandlerFunc(token)).ServeHTTP(w, r)
		if !got.Until.IsZero() && !time.Now().Before(got.Until) {
			return
		}
		if bytes.Equal(w.Body.Bytes(), []byte(whole)) && got.Body != whole {
			t.Fatalf("%q changes nothing", raw)
		}
	})
}

func BenchmarkNoFault(b *testing.B) {
	var faults httpd.Faults
	h := faults.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nil, r)
	}
}
