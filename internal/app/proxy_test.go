package app

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestKeysThroughTheProxy: klamm serve asks the proxy of its configuration, and
// no other, for the keys; the login there is told to nobody else.
func TestKeysThroughTheProxy(t *testing.T) {
	t.Parallel()
	const password = "canary-proxy-77aa"
	var mu sync.Mutex
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	s := newSetup(t).with("KEYS", "https://idp.example/keys").with("127.0.0.1:0\nclusters", "unix:ops.sock\nclusters").
		with("audit:", "proxy: {url: '"+proxy.URL+"', username: klamm, password: {file: proxy.secret}}\naudit:")
	s.log = &lockedBuffer{}
	s.write(t, "proxy.secret", []byte(password+"\n"))
	err := s.serve(t, func(string) {
		client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "ops.sock"))
		}}}
		resp, err := client.Post("http://localhost/keys/op-main/refresh", "", nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode/100 == 2 {
			t.Errorf("keys came from nowhere: %s", resp.Status)
		}
	})
	if err != nil {
		t.Fatal(details(err))
	}
	want := "CONNECT idp.example:443 Basic " + base64.StdEncoding.EncodeToString([]byte("klamm:"+password))
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 1 || asked[0] != want {
		t.Errorf("the proxy was asked %q", asked)
	}
	if log := s.log.String(); strings.Contains(log, password) || strings.Contains(log, strings.TrimPrefix(want, "CONNECT idp.example:443 Basic ")) {
		t.Error("the password is in the log")
	}
}
