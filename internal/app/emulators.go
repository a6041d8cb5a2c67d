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
	// machine is what the metadata service serves.
	machine *machine
	faults  labFaults

	entraURL, oktaURL, imdsURL   string // as clients are told: https, https, http
	entraHTTP, oktaHTTP, imdsTLS string // the other way
	imdsAlso                     string // at an address of --imds-listen; "" without
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
	address string              // instead of port and host: one that --imds-listen names
	url     *string             // how clients reach it, once it is open
	handler func() http.Handler // asked once the emulators are made

	listeners []net.Listener
}

// doors lists the ports. Each emulator has one handler for all of its own, in
// which no injected fault hits or counts an administrator's calls.
func (e *emulators) doors(o LabOptions) []*emulatorDoor {
	directory := sync.OnceValue(func() http.Handler { return below(EntraPath, e.entra.Admin(), faulty(&e.faults.entra, e.entra)) })
	servers := sync.OnceValue(func() http.Handler { return below(OIDCPath, e.host.Admin(), faulty(&e.faults.oidc, &e.host)) })
	identities := sync.OnceValue(func() http.Handler { return below(IMDSPath, e.imds.Admin(e.machine), faulty(&e.faults.imds, e.imds)) })
	p := o.Ports
	doors := []*emulatorDoor{
		{what: "Entra ID (https)", port: p.EntraTLS, tls: true, host: "localhost", url: &e.entraURL, handler: directory},
		{what: "Entra ID (http)", port: p.Entra, host: "localhost", url: &e.entraHTTP, handler: directory},
		{what: "the Okta-shaped server (https)", port: p.OktaTLS, tls: true, host: "localhost", url: &e.oktaURL, handler: servers},
		{what: "the Okta-shaped server (http)", port: p.Okta, host: "localhost", url: &e.oktaHTTP, handler: servers},
		{what: "IMDS (http)", port: p.IMDS, host: "127.0.0.1", url: &e.imdsURL, handler: identities},
		{what: "IMDS (https)", port: p.IMDSTLS, tls: true, host: "127.0.0.1", url: &e.imdsTLS, handler: identities},
	}
	if o.IMDSListen != "" {
		doors = append(doors, &emulatorDoor{what: "IMDS", address: o.IMDSListen, url: &e.imdsAlso, handler: identities})
	}
	return doors
}

// open listens on the door's port.
func (d *emulatorDoor) open(config *tls.Config) (err error) {
	if d.address != "" {
		ln, err := listenMetadata(d.address)
		if err != nil {
			return err
		}
		d.listeners, *d.url = []net.Listener{ln}, "http://"+ln.Addr().String()
		return nil
	}
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
	e := &emulators{faults: labFaults{entra: httpd.Faults{Tokens: true}, oidc: httpd.Faults{Tokens: true}}}
	if err := e.faults.set(o.Faults); err != nil {
		return nil, err
	}
	doors := e.doors(o)
	for _, d := range doors {
		if err == nil {
			err = d.open(config)
		}
	}
	if err == nil {
		err = e.build(w, ca, o)
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
func (e *emulators) build(w *lab.World, ca *lab.CA, o LabOptions) (err error) {
	var both errgroup.Group
	both.Go(func() (err error) {
		e.entra, err = entra.New(entra.Config{
			BaseURL: e.entraURL, Issuers: entra.Issuers(o.Issuers), TokenLifetime: o.TokenLifetime,
			Tenants: []entra.Tenant{tenant(w)}, Keys: o.Keys.ofEntra(), IssuerKeys: issuerKeys(ca),
		})
		return err
	})
	both.Go(func() error { return e.buildOIDC(w, o) })
	if err := both.Wait(); err != nil {
		return err
	}
	e.tenant = e.entra.TenantID(0)
	e.appService = secret.New(rand.Text())
	e.machine = &machine{directory: e.entra, tenant: e.tenant, away: map[string]bool{}}
	e.imds, err = imds.New(imds.Config{Issuer: e.machine, AppService: e.appService, ArcKeys: o.ArcKeys})
	return err
}

// buildOIDC makes the servers at one address. They begin with one key together:
// to make one takes longer than all the rest.
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
			Name: s.Name, Shape: oidc.Shape(s.Shape), Server: s.Server, Audience: s.Audience, Scopes: s.Scopes,
			BaseURL: e.oktaURL, TokenLifetime: o.TokenLifetime, Key: key,
		}
		for _, client := range s.Clients {
			c.Clients = append(c.Clients, oidc.Client{ID: client.ClientID, Secret: secret.New(client.Secret), Roles: client.Roles, Method: client.Method})
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
