package jwt_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// connectProxy is a real HTTP proxy that knows CONNECT only. It resolves every
// name to one server, as a proxy with a DNS of its own may.
type connectProxy struct {
	*httptest.Server
	to   string // where every tunnel leads
	want string // Proxy-Authorization; "": none is asked for

	mu    sync.Mutex
	asked []string
}

func newConnectProxy(t *testing.T, to, want string) *connectProxy {
	p := &connectProxy{to: to, want: want}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
		return
	}
	if p.want != "" && r.Header.Get("Proxy-Authorization") != p.want {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	far, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	fmt.Fprint(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(far, buffered); _ = far.Close() }()
	_, _ = io.Copy(near, far)
}

func (p *connectProxy) tunnels() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.asked, ", ")
}

// TestRemoteThroughAProxy: keys come through a proxy when one is named, TLS is
// the provider's all the way, and what the proxy could be made to reach is
// refused before it is asked.
func TestRemoteThroughAProxy(t *testing.T) {
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "" {
			t.Error("the provider sees the login at the proxy")
		}
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(set(ecKey())))
	}))
	defer keys.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: keys.Certificate().Raw}))
	to := keys.Listener.Addr().String()
	const password = "canary-proxy-5d1f"
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte("klamm:"+password))

	for name, c := range map[string]struct {
		url    string
		proxy  jwt.Proxy
		ca     string
		asked  string // of the proxy
		status string // "" when the keys are there
	}{
		"by name":            {"https://example.com/keys", jwt.Proxy{}, ca, "CONNECT example.com:443", ""},
		"with a login":       {"https://example.com/keys", jwt.Proxy{Username: "klamm", Password: secret.New(password)}, ca, "CONNECT example.com:443", ""},
		"a wrong login":      {"https://example.com/keys", jwt.Proxy{Username: "klamm", Password: secret.New(password + "-wrong")}, ca, "CONNECT example.com:443", "Proxy Authentication Required"},
		"another CA":         {"https://example.com/keys", jwt.Proxy{}, "", "CONNECT example.com:443", "x509"},
		"redirect elsewhere": {"https://example.com/keys?to=https://metadata.example.com/", jwt.Proxy{}, ca, "CONNECT example.com:443", "behind a proxy"},
		"redirect to itself": {"https://example.com/keys?to=/keys", jwt.Proxy{}, ca, "CONNECT example.com:443, CONNECT example.com:443", ""},
		"direct":             {keys.URL, jwt.Proxy{Direct: []string{".corp.example", "127.0.0.1"}}, ca, "", ""},
		"not direct":         {"https://example.com/keys", jwt.Proxy{Direct: []string{".example.com", "ample.com"}}, ca, "CONNECT example.com:443", ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := ""
			if c.proxy.Username != "" {
				want = login
			}
			p := newConnectProxy(t, to, want)
			c.proxy.URL = p.URL
			r, err := jwt.NewRemote(jwt.RemoteOptions{URL: c.url, CA: c.ca, Proxy: c.proxy, NamedInConfiguration: true})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, err = r.Key(t.Context(), ecKey().Kid)
			status := r.Status().Error
			if (err == nil) != (c.status == "") || !strings.Contains(status, c.status) || p.tunnels() != c.asked {
				t.Errorf("%v, status %q, the proxy was asked %q", err, status, p.tunnels())
			}
			if strings.Contains(fmt.Sprint(err, status, c.proxy), password) {
				t.Error("the password at the proxy is told")
			}
		})
	}
}

// TestProxyOfTheEnvironment: a proxy that nobody named in the configuration is
// not used.
func TestProxyOfTheEnvironment(t *testing.T) {
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(set(ecKey()))) }))
	defer keys.Close()
	p := newConnectProxy(t, keys.Listener.Addr().String(), "")
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, p.URL)
	}
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: keys.Certificate().Raw}))
	r, err := jwt.NewRemote(jwt.RemoteOptions{URL: keys.URL, CA: ca, NamedInConfiguration: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Key(t.Context(), ecKey().Kid); err != nil || p.tunnels() != "" {
		t.Errorf("%v, the proxy was asked %q", err, p.tunnels())
	}
}

func TestProxyRefused(t *testing.T) {
	for _, u := range []string{
		"https://proxy.example:3128", "proxy.example:3128", "socks5://proxy.example", "http://", "http://user:secret@proxy.example", "http://proxy.example/path",
		"http://169.254.169.254", "http://[fe80::1]:3128", "http://[::ffff:169.254.169.254]:80", "http://0.0.0.0:3128",
	} {
		_, err := jwt.NewRemote(jwt.RemoteOptions{URL: "https://id.example/keys", Proxy: jwt.Proxy{URL: u}, NamedInConfiguration: true})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", u, err)
		}
	}
	// What an address says is checked whatever leads there.
	for _, u := range []string{"https://169.254.169.254/latest", "https://[64:ff9b::a9fe:a9fe]/", "http://127.0.0.1/keys", "https://10.1.2.3/keys"} {
		if _, err := jwt.NewRemote(jwt.RemoteOptions{URL: u, Proxy: jwt.Proxy{URL: "http://proxy.example:3128"}}); err == nil {
			t.Errorf("%q is reached through the proxy", u)
		}
	}
}
