package jwt_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
)

// TestNewRemoteURL is docs/security.md row 5 for what a URL says.
func TestNewRemoteURL(t *testing.T) {
	const never, named, always, lab = 0, 1, 2, 3 // who may have it: nobody, a configuration file, anybody, the lab
	for address, who := range map[string]int{
		"https://id.example/keys": always, "https://id.example:8443/keys?p=x": always, "https://8.8.8.8/keys": always, "https://[2606:4700::1]/keys": always,
		"https://127.0.0.1/keys": named, "https://127.9.9.9/keys": named, "https://[::1]/keys": named, "https://10.1.2.3/keys": named, "https://172.16.0.1/": named,
		"https://192.168.1.1/": named, "https://100.64.0.1/": named, "https://[fd12::1]/": named, "https://[::ffff:10.0.0.1]/": named,
		"http://127.0.0.1:8080/keys": lab, "http://localhost/keys": lab, "http://[::1]/keys": lab,
		"https://169.254.169.254/latest": never, "https://169.254.0.1/": never, "https://[fe80::1]/": never, "https://[fe80::1%25eth0]/": never,
		"https://[fd00:ec2::254]/": never, "https://168.63.129.16/": never, "https://100.100.100.200/": never, "https://[::ffff:169.254.169.254]/": never,
		"https://[64:ff9b::a9fe:a9fe]/": never, "https://[2002:a9fe:a9fe::1]/": never, "https://0.0.0.0/": never, "https://[::]/": never, "https://0.1.2.3/": never,
		"https://224.0.0.1/": never, "https://[ff02::1]/": never, "https://255.255.255.255/": never, "https://240.0.0.1/": never,
		"http://id.example/keys": never, "http://10.0.0.1/keys": never, "http://localhost.evil.example/": never, "http://8.8.8.8/": never,
		"file:///etc/passwd": never, "ftp://id.example/keys": never, "https:/keys": never, "https:id.example/keys": never, "//id.example/keys": never,
		"https://user@id.example/keys": never, "https://user:secret@id.example/keys": never, "": never, "keys.json": never, "https://": never,
		"gopher://id.example/": never, "https://id.example:port/": never, "HTTP://id.example/": never, "unix:///run/x.sock": never,
	} {
		for option, c := range map[string]struct {
			options jwt.RemoteOptions
			want    bool
		}{
			"none":  {jwt.RemoteOptions{}, who == always},
			"named": {jwt.RemoteOptions{NamedInConfiguration: true}, who == always || who == named},
			"lab":   {jwt.RemoteOptions{AllowPlainLoopback: true}, who != never},
		} {
			c.options.URL = address
			_, err := jwt.NewRemote(c.options)
			if (err == nil) != c.want {
				t.Errorf("%q with option %s: %v", address, option, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: the error repeats the password: %v", address, err)
			}
		}
	}
}

// TestRemoteDials is the same for what names resolve to, over real sockets.
func TestRemoteDials(t *testing.T) {
	keys := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(set(ecKey())))
	})
	tls := httptest.NewTLSServer(keys)
	defer tls.Close()
	plain := httptest.NewServer(keys)
	defer plain.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}))
	byName := func(u string) string { return strings.Replace(u, "127.0.0.1", "localhost", 1) }

	for name, c := range map[string]struct {
		options jwt.RemoteOptions
		want    string // in the status, or nothing
	}{
		"named, with its CA":          {jwt.RemoteOptions{URL: tls.URL, CA: ca, NamedInConfiguration: true}, ""},
		"without its CA":              {jwt.RemoteOptions{URL: tls.URL, NamedInConfiguration: true}, "x509"},
		"CA of another name":          {jwt.RemoteOptions{URL: byName(tls.URL), CA: ca, NamedInConfiguration: true}, "x509"},
		"a name of loopback":          {jwt.RemoteOptions{URL: byName(tls.URL), CA: ca}, "loopback or private"},
		"redirect to another address": {jwt.RemoteOptions{URL: tls.URL + "?to=https://127.0.0.2/keys", CA: ca, NamedInConfiguration: true}, "loopback or private"},
		"redirect to another name":    {jwt.RemoteOptions{URL: tls.URL + "?to=" + byName(tls.URL), CA: ca, NamedInConfiguration: true}, "loopback or private"},
		"redirect from TLS to plain":  {jwt.RemoteOptions{URL: tls.URL + "?to=" + plain.URL, CA: ca, NamedInConfiguration: true}, "expected https"},
		"plain in the lab":            {jwt.RemoteOptions{URL: plain.URL, AllowPlainLoopback: true}, ""},
		"plain in the lab, by name":   {jwt.RemoteOptions{URL: byName(plain.URL), AllowPlainLoopback: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := jwt.NewRemote(c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, err = r.Key(t.Context(), ecKey().Kid)
			if status := r.Status().Error; (err == nil) != (c.want == "") || !strings.Contains(status, c.want) {
				t.Errorf("%v, status %q, want %q", err, status, c.want)
			}
		})
	}
}

func TestNewRemoteCA(t *testing.T) {
	if _, err := jwt.NewRemote(jwt.RemoteOptions{URL: setURL, CA: "not PEM"}); err == nil {
		t.Error("a CA without a certificate was accepted: the system's would have been used")
	}
}
