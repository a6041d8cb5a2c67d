package app

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/lab"
	"github.com/klammhq/klamm/internal/secret"
)

// emulators are the lab's identity providers with their listeners.
type emulators struct {
	entra *entra.Entra
	okta  *oidc.Provider
	oidc  map[string]*oidc.Provider // by name, the Okta-shaped one too
	host  oidc.Host                 // of them all
	imds  *imds.IMDS

	entraURL, oktaURL, imdsURL   string // as clients are told: https, https, http
	entraHTTP, oktaHTTP, imdsTLS string // the other way
	tenant                       string
	appService                   secret.String // that programs of an App Service send to IMDS
	servers                      []*http.Server
	serving                      sync.WaitGroup
}

// emulatorDoor is one port of the emulators.
type emulatorDoor struct {
	what    string
	port    int // 0: of the system's choice
	tls     bool
	host    string
	url     *string             // how clients reach it, once it is open
	handler func() http.Handler // asked once the emulators are made

	listeners []net.Listener
}

// doors lists the ports. Each emulator has one handler for both of its own.
func (e *emulators) doors(p lab.Ports) []*emulatorDoor {
	directory := sync.OnceValue(func() http.Handler { return administered(e.entra, faulty(e.entra)) })
	servers := sync.OnceValue(func() http.Handler { return faulty(&e.host) })
	identities := sync.OnceValue(func() http.Handler { return faulty(e.imds) })
	return []*emulatorDoor{
		{what: "Entra ID (https)", port: p.EntraTLS, tls: true, host: "localhost", url: &e.entraURL, handler: directory},
		{what: "Entra ID (http)", port: p.Entra, host: "localhost", url: &e.entraHTTP, handler: directory},
		{what: "the Okta-shaped server (https)", port: p.OktaTLS, tls: true, host: "localhost", url: &e.oktaURL, handler: servers},
		{what: "the Okta-shaped server (http)", port: p.Okta, host: "localhost", url: &e.oktaHTTP, handler: servers},
		{what: "IMDS (http)", port: p.IMDS, host: "127.0.0.1", url: &e.imdsURL, handler: identities},
		{what: "IMDS (https)", port: p.IMDSTLS, tls: true, host: "127.0.0.1", url: &e.imdsTLS, handler: identities},
	}
}

// open listens on the door's port.
func (d *emulatorDoor) open(config *tls.Config) (err error) {
	scheme, port := "http", 0
	if d.listeners, port, err = listenLoopback(d.port, d.what, takenPort); err != nil {
		return err
	}
	if d.tls {
		scheme = "https"
		for i, ln := range d.listeners {
			d.listeners[i] = tls.NewListener(ln, config)
		}
	}
	*d.url = fmt.Sprintf("%s://%s:%d", scheme, d.host, port)
	return nil
}

// startEmulators opens the doors first, because issuers and endpoints carry
// their ports, and then makes what answers there.
func startEmulators(w *lab.World, ca *lab.CA, o LabOptions) (*emulators, error) {
	config, err := ca.ServerTLS()
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	e := &emulators{}
	doors := e.doors(o.Ports)
	for _, d := range doors {
		if err == nil {
			err = d.open(config)
		}
	}
	if err == nil {
		err = e.build(w, o)
	}
	for _, d := range doors {
		if err == nil {
			e.serve(d.handler(), d.listeners, o)
			continue
		}
		for _, ln := range d.listeners {
			_ = ln.Close()
		}
	}
	return e, err
}

// build makes the emulators; their RSA keys take the longest, so that both
// are made at the same time.
func (e *emulators) build(w *lab.World, o LabOptions) (err error) {
	var both errgroup.Group
	both.Go(func() (err error) {
		e.entra, err = entra.New(entra.Config{
			BaseURL: e.entraURL, Issuers: entra.Issuers(o.Issuers), TokenLifetime: o.TokenLifetime,
			Tenants: []entra.Tenant{tenant(w)}, Keys: o.Keys.ofEntra(),
		})
		return err
	})
	both.Go(func() error { return e.buildOIDC(w, o) })
	if err := both.Wait(); err != nil {
		return err
	}
	e.tenant = e.entra.TenantID(0)
	e.appService = secret.New(rand.Text())
	e.imds, err = imds.New(imds.Config{Issuer: machine{e.entra, e.tenant}, AppService: e.appService, ArcKeys: o.ArcKeys})
	return err
}

// buildOIDC makes the servers at one address. They share a key: to make one
// takes longer than all the rest.
func (e *emulators) buildOIDC(w *lab.World, o LabOptions) (err error) {
	key := o.Keys.ofOkta()
	if key == nil {
		if key, err = jwt.GenerateRSA(2048); err != nil {
			return err
		}
	}
	e.oidc = map[string]*oidc.Provider{}
	for _, s := range servers(w) {
		c := oidc.Config{
			Shape: oidc.Shape(s.Shape), Server: s.Server, Audience: s.Audience, Scopes: s.Scopes,
			BaseURL: e.oktaURL, TokenLifetime: o.TokenLifetime, Key: key,
		}
		for _, client := range s.Clients {
			c.Clients = append(c.Clients, oidc.Client{ID: client.ClientID, Secret: secret.New(client.Secret), Roles: client.Roles})
		}
		p, err := oidc.New(c)
		if err == nil {
			err = e.host.Add(p)
		}
		if f, ok := errors.AsType[*fault.Error](err); ok && s.Place != "" {
			return f.At(s.Place)
		}
		if err != nil {
			return err
		}
		e.oidc[s.Name] = p
	}
	e.okta = e.oidc["okta"]
	return nil
}

func (e *emulators) serve(handler http.Handler, listeners []net.Listener, o LabOptions) {
	server := httpd.NewServer(handler, o.Log)
	e.servers = append(e.servers, server)
	for _, ln := range listeners {
		e.serving.Go(func() {
			if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				o.Log.Error("an emulator's listener ended", "error", err)
			}
		})
	}
}

func (e *emulators) close() {
	for _, s := range e.servers {
		_ = s.Close()
	}
	e.serving.Wait()
}

// values are what identity documents may name as ${…}.
func (e *emulators) values() lab.Env {
	env := lab.Env{
		{Key: "ENTRA_ISSUER", Value: e.entra.Issuer(e.tenant, 2)},
		{Key: "ENTRA_ISSUER_V1", Value: e.entra.Issuer(e.tenant, 1)},
		{Key: "ENTRA_JWKS", Value: e.entra.JWKSURL(e.tenant)},
		{Key: "ENTRA_JWKS_V1", Value: e.entra.JWKSURLV1(e.tenant)},
	}
	for name, p := range e.oidc {
		name = strings.ToUpper(name)
		env = append(env, lab.Var{Key: name + "_ISSUER", Value: p.Issuer()}, lab.Var{Key: name + "_JWKS", Value: p.JWKSURL()})
	}
	return env
}
