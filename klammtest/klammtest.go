// Package klammtest runs a whole lab inside a test: a gateway with TLS and
// SASL/OAUTHBEARER, an embedded Kafka behind it, and emulators of Microsoft
// Entra ID, of Azure's instance metadata service and of OAuth servers in the
// shapes of Okta, Cloudentity, Cognito and Keycloak, on loopback ports of the
// system's choice. What net/http/httptest is to HTTP, this package is to Kafka
// behind an identity gateway:
//
//	func TestOrders(t *testing.T) {
//		lab := klammtest.Start(t)
//		// lab.Bootstrap is what a client connects to, lab.TLS() how, and
//		// lab.ManagedIdentity as whom.
//	}
//
// Each lab stands alone, so that tests may run in parallel; one starts in
// milliseconds once the process has made its RSA keys. A lab ends with its
// test. Everything in it is in memory, but for its CA's certificate in a
// temporary file.
//
// It is for tests only: its client secrets are known to everybody. It reaches
// nothing outside of this machine.
package klammtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/token"
)

// T is what [Start] needs of a *testing.T, *testing.B or *testing.F, or of the
// likes of them in other test frameworks.
type T interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Option changes what [Start] starts.
type Option func(*options)

type options struct {
	world    string
	lifetime time.Duration
}

// World replaces the built-in world (docs/lab.md) by another of the same form,
// as YAML text: applications, identities, secrets, topics, pools and role
// bindings.
func World(yaml string) Option { return func(o *options) { o.world = yaml } }

// TokenLifetime is from now to the end of every new token, in whole seconds.
// Without it tokens live as long as the real services' do.
func TokenLifetime(d time.Duration) Option { return func(o *options) { o.lifetime = d } }

// Lab is a running lab. Its methods are safe for concurrent use; its fields are
// set by [Start] and are not to be changed.
type Lab struct {
	// Bootstrap is the gateway's address, host:port. It speaks SASL_SSL.
	Bootstrap string
	// Cluster is the id of the logical cluster, the extension logicalCluster.
	Cluster string
	// CA is the certificate of the authority that signed every server
	// certificate here, PEM. It lives as long as the lab.
	CA []byte

	// Topic and Group may be used by the first three identities, ForbiddenTopic
	// exists and may be used by none. In a world of one's own these are its defaults.
	Topic, ForbiddenTopic, Group string

	// ManagedIdentity is a user-assigned managed identity of Azure's, whose
	// tokens come from the instance metadata service. Like the real one it keeps
	// tokens for a while, and answers at most 20 requests a second.
	ManagedIdentity Identity
	// Application is a client application of Entra ID with a secret.
	Application Identity
	// Okta is a service application of the Okta-shaped server.
	Okta Identity
	// OIDC are clients of the servers of other shapes: the first with a secret of
	// each server under oidc in the world, by the server's name ("cloudentity",
	// "cognito", "keycloak"), as the pool "pool-" and that name, which may write
	// to Topic.
	OIDC map[string]Identity

	// AppService are IDENTITY_ENDPOINT and IDENTITY_HEADER, by which Azure's SDKs
	// find managed identities as in an App Service. They are not in Env, because
	// an SDK that sees them never asks the instance metadata service.
	AppService map[string]string

	// Env are all settings by the names of docs/lab.md ("IMDS_TOKEN_URL",
	// "OAUTH_CLIENT_SECRET", …), for clients that are configured by variables or
	// run as processes of their own.
	Env map[string]string

	app *app.Lab
}

// Identity is somebody who may log in at a lab's gateway. As a [token.Source]
// it asks its emulator anew at each call: give clients that run for a while
// token.Cached of it. [token.Token.Reveal] shows the token's text.
type Identity struct {
	token.Source
	// ClientID is its id where its tokens come from.
	ClientID string
	// Pool is the id of its identity pool. The principal is "User:" + Pool.
	Pool string
	// Extensions are the SASL extensions that its clients send: logicalCluster
	// and identityPoolId. They fit package token/franz.
	Extensions map[string]string

	faults   string // where its emulator takes faults
	emulator *http.Client
}

// keys are made once for a process.
var keys = sync.OnceValues(app.MakeLabKeys)

// startTime bounds the start of a lab, which takes milliseconds.
const startTime = time.Minute

// Start starts a lab and returns when clients can log in and the topics exist.
// The test's end closes it, after the cleanups that were registered later. The
// test ends at once when the lab cannot start.
func Start(t T, opts ...Option) *Lab {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	l, err := start(o)
	if err != nil {
		t.Fatalf("klammtest: the lab does not start: %v", err)
	}
	client := l.client()
	l.identities(client)
	l.AppService = l.app.AppService()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := l.app.Close(); err != nil {
			t.Errorf("klammtest: closing the lab: %v", err)
		}
	})
	return l
}

func start(o options) (*Lab, error) {
	shared, err := keys()
	if err != nil {
		return nil, err
	}
	config := app.LabOptions{Keys: shared, Remember: true, WorldText: o.world, TokenLifetime: o.lifetime, Version: "klammtest"}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	running, err := app.StartLab(ctx, config)
	if err != nil {
		return nil, err
	}
	l := &Lab{app: running, CA: running.CA(), Env: map[string]string{}}
	for _, v := range running.Env {
		l.Env[v.Key] = v.Value
	}
	l.Bootstrap, l.Cluster = l.Env["KAFKA_BOOTSTRAP_SERVER"], l.Env["KAFKA_LOGICAL_CLUSTER_ID"]
	l.Topic, l.ForbiddenTopic, l.Group = l.Env["KAFKA_TOPIC"], l.Env["KAFKA_FORBIDDEN_TOPIC"], l.Env["KAFKA_GROUP"]
	return l, nil
}

// TLS is a client's configuration that trusts the lab's authority alone, for
// the gateway and for the emulators. Each call makes a new one.
func (l *Lab) TLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(l.CA)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}

// client is for the emulators. It knows no proxy and follows no redirect.
func (l *Lab) client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: l.TLS()},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// SetIdentity replaces the gateway's identity documents (providers, pools, role
// bindings) by those of a YAML text, in which ${ENTRA_ISSUER}, ${ENTRA_JWKS},
// ${OKTA_ISSUER}, ${OKTA_JWKS}, ${CA} and the others of the world stand for
// this lab's. When it returns nil they are in force, and open sessions that no
// longer fit have been ended. An error names every fault with its place in the
// text; nothing has changed then.
func (l *Lab) SetIdentity(yaml string) error {
	return l.app.SetIdentity(context.Background(), yaml)
}

// PublishKey begins a rotation of Entra ID's signing keys: a new key is in the
// key set, and signs nothing yet. At the start there are two, and the first
// signs.
func (l *Lab) PublishKey() error { return l.app.PublishKey() }

// SignWithNewKey goes on with a rotation: new tokens are signed with the key
// published last. The gateway fetches the key set when it first sees one;
// ManagedIdentity gets such a token once the one that is kept for it has aged,
// Application at once. It is an error when that key signs already.
func (l *Lab) SignWithNewKey() error { return l.app.SignWithNewKey() }

// RemoveOldKey ends a rotation: the key that signed before is not published any
// more. The gateway refuses its tokens once it has fetched the key set again.
// It is an error when no key has stopped signing.
func (l *Lab) RemoveOldKey() error { return l.app.RemoveOldKey() }

// RefreshKeys has the gateway fetch the keys of an identity provider ("op-entra")
// now, as an operator does who has heard of a stolen key, and ends the open
// sessions of keys that are gone. It returns how many those were. Without it
// they last until their tokens end.
func (l *Lab) RefreshKeys(provider string) (ended int, err error) {
	return l.app.RefreshKeys(context.Background(), provider)
}
