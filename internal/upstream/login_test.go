package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
	"github.com/klammhq/klamm/internal/testkit"
)

// certificate is one for localhost, with the pool that trusts it.
var certificate = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) { return testkit.Certificate("localhost") })

func TestScramOverTLS(t *testing.T) {
	cert, pool := certificate()
	secure := &tls.Config{RootCAs: pool}
	right := Login{"SCRAM-SHA-512", "klamm", secret.New("canary-right")}
	for name, c := range map[string]struct {
		tls   *tls.Config
		login Login
		ok    bool
	}{
		"SCRAM-SHA-512":  {secure, right, true},
		"SCRAM-SHA-256":  {secure, Login{"SCRAM-SHA-256", "klamm256", secret.New("canary-256")}, true},
		"wrong password": {secure, Login{"SCRAM-SHA-512", "klamm", secret.New("canary-wrong")}, false},
		"unknown user":   {secure, Login{"SCRAM-SHA-512", "nobody", secret.New("canary-wrong")}, false},
		"no login":       {secure, Login{}, false},
		"no CA":          {&tls.Config{}, right, false},
		"another name":   {&tls.Config{RootCAs: pool, ServerName: "kafka.example.com"}, right, false},
		"no TLS":         {nil, Login{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, Config{TLS: c.tls, Login: c.login, Timeout: 3 * time.Second}, 1,
				kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}), kfake.EnableSASL(),
				kfake.Superuser("SCRAM-SHA-512", "klamm", "canary-right"), kfake.Superuser("SCRAM-SHA-256", "klamm256", "canary-256"))
			err := f.Refresh(t.Context())
			if c.ok {
				f.must(err)
				l, err := f.Dial(t.Context(), 0)
				f.must(err)
				l.Close()
				return
			}
			unavailable(t, name, err)
			if strings.Contains(fault.Detail(err), "canary") {
				t.Errorf("a password in %s", fault.Detail(err))
			}
		})
	}
}

// Connections for look-ups are replaced before the broker ends their session.
func TestSessionLifetime(t *testing.T) {
	cert, pool := certificate()
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{TLS: &tls.Config{RootCAs: pool}, Login: Login{"SCRAM-SHA-512", "klamm", secret.New("x")}}, 1,
			kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "klamm", "x"),
			kfake.BrokerConfigs(map[string]string{"connections.max.reauth.ms": "20000"}))
		defer f.close()
		f.must(f.Refresh(t.Context()))
		f.must(f.Refresh(t.Context()))
		f.dials.Store(0)
		<-time.After(15 * time.Second)
		f.must(f.Refresh(t.Context()))
		f.dialled(0)
		<-time.After(2 * time.Second)
		f.must(f.Refresh(t.Context()))
		f.dialled(1)
	})
}

func TestIterations(t *testing.T) {
	for message, ok := range map[string]bool{
		"r=abc,s=YQ==,i=4096":                   true,
		"r=abc,s=YQ==,i=1000000":                true,
		"v=signature":                           true,
		"r=abc,s=YQ==,i=1000001":                false,
		"r=abc,s=YQ==,i=99999999999999999999":   false,
		"r=abc,s=YQ==,i=4096,i=2147483647":      false,
		"m=ext,r=abc,s=YQ==,x=1,i=2147483647,z": false,
	} {
		if err := checkIterations([]byte(message)); (err == nil) != ok {
			t.Errorf("%s: %v", message, err)
		}
	}
}
