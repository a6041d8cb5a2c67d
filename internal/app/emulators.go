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

	entraURL, oktaURL, imdsURL   string // as clients are told: https, https, http
	entraHTTP, oktaHTTP, imdsTLS string // the other way
	tenant                       string
	appService                   secret.String // that programs of an App Service send to IMDS
	servers                      []*http.Server
	serving                      sync.WaitGroup
}

// startEmulators opens the listeners first, because issuers and endpoints carry
// their ports, and then makes what answers on them.
func startEmulators(w *lab.World, ca *lab.CA, o LabOptions) (_ *emulators, err error) {
	e := &emulators{}
	var open []net.Listener
	defer func() {
		if err != nil {
			for _, ln := range open {
				_ = ln.Close()
			}
			e.close()
		}
	}()
	doors := []struct {
		what string
		port int
		tls  bool
		lns  []net.Listener
		at   int
	}{
		{what: "Entra ID (https)", port: o.Ports.EntraTLS, tls: true}, {what: "Entra ID (http)", port: o.Ports.Entra},
		{what: "the Okta-shaped server (https)", port: o.Ports.OktaTLS, tls: true}, {what: "the Okta-shaped server (http)", port: o.Ports.Okta},
		{what: "IMDS (http)", port: o.Ports.IMDS}, {what: "IMDS (https)", port: o.Ports.IMDSTLS, tls: true},
	}
	config, err := ca.ServerTLS()
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	for i := range doors {
		d := &doors[i]
		if d.lns, d.at, err = listenLoopback(d.port, d.what, takenPort); err != nil {
			return nil, err
		}
		for j, ln := range d.lns {
			open = append(open, ln)
			if d.tls {
				d.lns[j] = tls.NewListener(ln, config)
			}
		}
	}
	for i, url := range []struct {
		to   *string
		base string
	}{
		{&e.entraURL, "https://localhost"}, {&e.entraHTTP, "http://localhost"}, {&e.oktaURL, "https://localhost"}, {&e.oktaHTTP, "http://localhost"},
		{&e.imdsURL, "http://127.0.0.1"}, {&e.imdsTLS, "https://127.0.0.1"},
	} {
		*url.to = fmt.Sprintf("%s:%d", url.base, doors[i].at)
	}
	metadata, err := e.build(w, o)
	if err != nil {
		return nil, err
	}
	directory, servers, identities := administered(e.entra, faulty(e.entra)), faulty(&e.host), faulty(metadata)
	for i, handler := range []http.Handler{directory, directory, servers, servers, identities, identities} {
		e.serve(handler, doors[i].lns, o)
	}
	return e, nil
}

// build makes the emulators; their RSA keys take the longest, so that both
// are made at the same time.
func (e *emulators) build(w *lab.World, o LabOptions) (*imds.IMDS, error) {
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
		return nil, err
	}
	e.tenant = e.entra.TenantID(0)
	e.appService = secret.New(rand.Text())
	return imds.New(imds.Config{Issuer: machine{e.entra, e.tenant}, AppService: e.appService, ArcKeys: o.ArcKeys})
}

func tenant(w *lab.World) entra.Tenant {
	t := entra.Tenant{ID: w.Entra.Tenant}
	for _, a := range w.Entra.Applications {
		app := entra.Application{
			Name: a.Name, ClientID: a.ClientID, AppIDURIs: a.AppIDURIs, AccessTokenVersion: a.AccessTokenVersion,
			AssignmentRequired: a.AssignmentRequired,
		}
		for _, role := range a.Roles {
			app.Roles = append(app.Roles, entra.AppRole{Value: role})
		}
		for _, s := range a.Secrets {
			app.Secrets = append(app.Secrets, entra.Secret{ID: s.ID, Value: secret.New(s.Value)})
		}
		for _, p := range a.Permissions {
			app.Permissions = append(app.Permissions, entra.Permission{Application: p.Application, Role: p.Role, Consent: p.Consent})
		}
		t.Applications = append(t.Applications, app)
	}
	for _, m := range w.Entra.ManagedIdentities {
		identity := entra.ManagedIdentity{Name: m.Name, System: m.System, ClientID: m.ClientID, ObjectID: m.ObjectID}
		for _, a := range m.Assignments {
			identity.Assignments = append(identity.Assignments, entra.Assignment{Application: a.Application, Role: a.Role})
		}
		t.ManagedIdentities = append(t.ManagedIdentities, identity)
	}
	return t
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

// servers are all that speak OpenID Connect, Okta's shape first.
func servers(w *lab.World) []lab.OIDC {
	okta := lab.OIDC{Name: "okta", Shape: string(oidc.Okta), Server: w.Okta.Server, Audience: w.Okta.Audience, Scopes: w.Okta.Scopes}
	for _, c := range w.Okta.Clients {
		okta.Clients = append(okta.Clients, lab.OIDCClient{ClientID: c.ClientID, Secret: c.Secret})
	}
	return append([]lab.OIDC{okta}, w.OIDC...)
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
