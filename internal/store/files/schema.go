package files

import "github.com/klammhq/klamm/internal/config"

// The documents, as they are written. Places of values are asked of the
// config.Document that they were decoded from.

type organization struct {
	Kind        string `config:"kind,required"`
	ID          string `config:"id,required"`
	Environment string `config:"environment,required"`
}

type identityProvider struct {
	Kind            string      `config:"kind,required"`
	ID              string      `config:"id,required"`
	DisplayName     string      `config:"display_name"`
	Description     string      `config:"description"`
	EntraTenant     string      `config:"entra_tenant"`
	Issuer          string      `config:"issuer"`
	JWKSURI         string      `config:"jwks_uri"`
	CA              config.Path `config:"ca"`
	Type            string      `config:"type"`
	Audiences       []string    `config:"audiences"`
	RequireAudience bool        `config:"require_audience"`
	IdentityClaim   string      `config:"identity_claim"`
	Disabled        bool        `config:"disabled"`
}

type identityPool struct {
	Kind          string `config:"kind,required"`
	ID            string `config:"id,required"`
	Provider      string `config:"provider,required"`
	DisplayName   string `config:"display_name"`
	Description   string `config:"description"`
	IdentityClaim string `config:"identity_claim"`
	Filter        string `config:"filter,required"`
	Disabled      bool   `config:"disabled"`
}

type roleBinding struct {
	Kind      string `config:"kind,required"`
	ID        string `config:"id"`
	Principal string `config:"principal,required"`
	Role      string `config:"role,required"`
	On        *on    `config:"on"`
	CRN       string `config:"crn"`
}

// on is where a binding holds: a cluster, one kind of resource in it, or a
// wider scope.
type on struct {
	Cluster         string `config:"cluster"`
	Topic           string `config:"topic"`
	Group           string `config:"group"`
	TransactionalID string `config:"transactional_id"`
	Environment     string `config:"environment"`
	Organization    bool   `config:"organization"`
}
