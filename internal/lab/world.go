package lab

import (
	_ "embed"
	"os"
	"strings"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
)

//go:embed lab.yaml
var builtIn []byte

// World is what the lab consists of: lab.yaml, or a file of its form.
type World struct {
	Version  int      `config:"version,required"`
	Cluster  Cluster  `config:"cluster,required"`
	Entra    Entra    `config:"entra,required"`
	Okta     Okta     `config:"okta,required"`
	OIDC     []OIDC   `config:"oidc"`
	Defaults Defaults `config:"defaults,required"`
	// Identity are the gateway's identity documents, with ${NAME} for what is
	// known only once the lab runs.
	Identity string `config:"identity,required"`
}

// Cluster is the logical cluster that the gateway stands for.
type Cluster struct {
	ID      string           `config:"id,required"`
	Brokers int              `config:"brokers"` // of the embedded engine
	Topics  map[string]Topic `config:"topics"`
}

// Topic is made at the start unless it exists.
type Topic struct {
	Partitions int `config:"partitions"`
}

// Entra is one tenant of Microsoft Entra ID.
type Entra struct {
	Tenant            string            `config:"tenant,required"` // a UUID, or "random"
	Place             string            // where the tenant is said, file:line:column
	Applications      []Application     `config:"applications"`
	ManagedIdentities []ManagedIdentity `config:"managed_identities"`
	Groups            []Group           `config:"groups"`
}

// Application is an app registration with its service principal.
type Application struct {
	Name               string       `config:"name,required"`
	ClientID           string       `config:"client_id,required"`
	AppIDURIs          []string     `config:"app_id_uris"`
	AccessTokenVersion int          `config:"access_token_version"` // 1 when absent, as in a new registration
	Roles              []string     `config:"roles"`
	Secrets            []Secret     `config:"secrets"`
	AssignmentRequired bool         `config:"assignment_required"`
	Permissions        []Permission `config:"permissions"`
	// GroupMembershipClaims are the groups in tokens for this application:
	// SecurityGroup, All, or None, as when absent.
	GroupMembershipClaims string                `config:"group_membership_claims"`
	Certificates          []string              `config:"certificates"` // PEM; their keys sign client assertions
	FederatedCredentials  []FederatedCredential `config:"federated_credentials"`
}

// FederatedCredential trusts an issuer's tokens for one subject as client
// assertions.
type FederatedCredential struct {
	Name     string `config:"name,required"`
	Issuer   string `config:"issuer,required"` // below it is its discovery document
	Subject  string `config:"subject,required"`
	Audience string `config:"audience"` // api://AzureADTokenExchange when absent
}

// Group is a group of applications and managed identities.
type Group struct {
	Name        string   `config:"name,required"`
	ObjectID    string   `config:"object_id"`    // what tokens hold; chosen at each start when absent
	NotSecurity bool     `config:"not_security"` // in tokens with All only, as those of Microsoft 365
	Members     []string `config:"members"`      // names of applications and managed identities
}

// Secret is a client secret: the value is sent, the id only names it.
type Secret struct {
	ID    string `config:"id,required"`
	Value string `config:"value,required"`
}

// Permission is an app role of another application.
type Permission struct {
	Application string `config:"application,required"` // by its name here
	Role        string `config:"role,required"`
	Consent     bool   `config:"consent"` // an administrator granted it
}

// ManagedIdentity is an identity of the machine that the lab's IMDS serves.
type ManagedIdentity struct {
	Name        string       `config:"name,required"`
	System      bool         `config:"system"` // system-assigned; else user-assigned
	ClientID    string       `config:"client_id,required"`
	ObjectID    string       `config:"object_id,required"`
	Assignments []Assignment `config:"assignments"`
	// FederatedCredentials are of user-assigned identities only.
	FederatedCredentials []FederatedCredential `config:"federated_credentials"`
}

// Assignment gives an identity an app role; it needs no consent.
type Assignment struct {
	Application string `config:"application,required"`
	Role        string `config:"role,required"`
}

// Okta is one authorization server in the shape of Okta's.
type Okta struct {
	Server   string       `config:"server,required"`
	Audience string       `config:"audience,required"`
	Scopes   []string     `config:"scopes,required"`
	Clients  []OktaClient `config:"clients"`
}

// OIDC is a server in the shape of some vendor's, at the Okta-shaped server's
// address. Identity documents name its issuer and key set by its name, such as
// ${CLOUDENTITY_ISSUER} and ${CLOUDENTITY_JWKS}.
type OIDC struct {
	Name     string       `config:"name,required"`
	Place    string       // where it is said, file:line:column
	Shape    string       `config:"shape,required"`
	Server   string       `config:"server,required"` // what stands in its paths
	Audience string       `config:"audience"`
	Scopes   []string     `config:"scopes"`
	Clients  []OIDCClient `config:"clients"`
}

// OIDCClient is a client application.
type OIDCClient struct {
	ClientID string   `config:"client_id,required"`
	Secret   string   `config:"secret"` // not of Kubernetes' service accounts
	Roles    []string `config:"roles"`
	Method   string   `config:"token_endpoint_auth_method"` // the only way to send the secret; any when absent
}

// OktaClient is a service application.
type OktaClient struct {
	ClientID string `config:"client_id,required"`
	Secret   string `config:"secret,required"`
}

// Defaults say what stands in the environment file.
type Defaults struct {
	Topic               string `config:"topic,required"`
	ForbiddenTopic      string `config:"forbidden_topic,required"`
	Group               string `config:"group,required"`
	ResourceApplication string `config:"resource_application,required"`
	ManagedIdentity     string `config:"managed_identity,required"`
	Pool                string `config:"pool,required"`
	OAuthApplication    string `config:"oauth_application,required"`
	OAuthPool           string `config:"oauth_pool,required"`
	OktaClient          string `config:"okta_client,required"`
	OktaPool            string `config:"okta_pool,required"`
}

// LoadWorld reads a file, or what is built in when path is empty.
func LoadWorld(path string) (*World, error) {
	if path == "" {
		return ParseWorld("lab.yaml (built in)", builtIn)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the lab's world %s cannot be read", path).Because(err)
	}
	return ParseWorld(path, text)
}

// ParseWorld reads a world from its text; errors name their places as of a file
// of this name.
func ParseWorld(name string, text []byte) (*World, error) {
	docs, err := config.Parse(name, text)
	if err != nil {
		return nil, err
	}
	switch len(docs) {
	case 0:
		return nil, fault.New(fault.Invalid, "the file is empty, expected the lab's world").At(name)
	case 1:
	default:
		return nil, fault.New(fault.Invalid, "a second YAML document begins here, expected one: a lab has one world").At(docs[1].Where(nil))
	}
	w := &World{}
	if err := docs[0].Decode(w); err != nil {
		return nil, err
	}
	if err := check(w, docs[0]); err != nil {
		return nil, err
	}
	w.Entra.Place = docs[0].Where(&w.Entra.Tenant)
	for i := range w.OIDC {
		w.OIDC[i].Place = docs[0].Where(&w.OIDC[i].Server)
	}
	return w, nil
}

// Application finds one by its name, nil when there is none.
func (w *World) Application(name string) *Application {
	for i := range w.Entra.Applications {
		if w.Entra.Applications[i].Name == name {
			return &w.Entra.Applications[i]
		}
	}
	return nil
}

// ManagedIdentity is the one of the environment file.
func (w *World) ManagedIdentity() *ManagedIdentity {
	for i := range w.Entra.ManagedIdentities {
		if w.Entra.ManagedIdentities[i].Name == w.Defaults.ManagedIdentity {
			return &w.Entra.ManagedIdentities[i]
		}
	}
	return nil
}

// OktaClient is the one of the environment file.
func (w *World) OktaClient() *OktaClient {
	for i := range w.Okta.Clients {
		if w.Okta.Clients[i].ClientID == w.Defaults.OktaClient {
			return &w.Okta.Clients[i]
		}
	}
	return nil
}

// Documents are the identity documents with every ${NAME} replaced by its value.
func (w *World) Documents(values Env) string {
	var pairs []string
	for _, v := range values {
		pairs = append(pairs, "${"+v.Key+"}", v.Value)
	}
	return strings.NewReplacer(pairs...).Replace(w.Identity)
}
