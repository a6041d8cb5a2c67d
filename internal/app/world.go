package app

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"syscall"

	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/lab"
	"github.com/klammhq/klamm/internal/secret"
)

// tenant is the world's tenant as the emulator of Entra ID takes it.
func tenant(w *lab.World) entra.Tenant {
	t := entra.Tenant{ID: w.Entra.Tenant}
	for _, a := range w.Entra.Applications {
		app := entra.Application{
			Name: a.Name, ClientID: a.ClientID, AppIDURIs: a.AppIDURIs, AccessTokenVersion: a.AccessTokenVersion,
			AssignmentRequired: a.AssignmentRequired, GroupMembershipClaims: a.GroupMembershipClaims, FederatedCredentials: federated(a.FederatedCredentials),
		}
		for _, c := range a.Certificates {
			app.Certificates = append(app.Certificates, entra.Certificate{PEM: c})
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
		identity := entra.ManagedIdentity{
			Name: m.Name, System: m.System, ClientID: m.ClientID, ObjectID: m.ObjectID, FederatedCredentials: federated(m.FederatedCredentials),
		}
		for _, a := range m.Assignments {
			identity.Assignments = append(identity.Assignments, entra.Assignment{Application: a.Application, Role: a.Role})
		}
		t.ManagedIdentities = append(t.ManagedIdentities, identity)
	}
	for _, g := range w.Entra.Groups {
		t.Groups = append(t.Groups, entra.Group{Name: g.Name, ObjectID: g.ObjectID, NotSecurity: g.NotSecurity, Members: g.Members})
	}
	return t
}

func federated(list []lab.FederatedCredential) []entra.FederatedCredential {
	var out []entra.FederatedCredential
	for _, c := range list {
		out = append(out, entra.FederatedCredential{Name: c.Name, Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience})
	}
	return out
}

// issuerKeys fetches the keys of those whom federated credentials trust: anybody
// with a certificate of the system's authorities, or of the lab's, as its own
// emulators have.
func issuerKeys(ca *lab.CA) entra.IssuerKeys {
	roots, err := x509.SystemCertPool()
	if err != nil { // of a system without authorities
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(ca.PEM())
	dialer := net.Dialer{Control: notLinkLocal}
	transport := &http.Transport{
		DialContext:     dialer.DialContext,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, Proxy: http.ProxyFromEnvironment,
		DisableKeepAlives: true, // an issuer is asked rarely, and a lab that ends leaves no connection
	}
	return entra.NewIssuerKeys(&http.Client{Transport: transport})
}

// notLinkLocal keeps a fetch from metadata services, which give credentials to
// whoever asks (docs/security.md row 5).
func notLinkLocal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Addr().Unmap().IsLinkLocalUnicast() {
		return fault.New(fault.Forbidden, "%s is a link-local address, where no issuer is", address)
	}
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
