package app

import (
	"strings"

	"github.com/klammhq/klamm/internal/lab"
)

// environment are the variables of the environment file (docs/lab.md).
func (l *Lab) environment() lab.Env {
	w, e := l.world, l.emulators
	resource := w.Application(w.Defaults.ResourceApplication).AppIDURIs[0]
	client, okta := w.Application(w.Defaults.OAuthApplication), w.OktaClient()
	env := lab.Env{
		{Key: "KAFKA_LOGICAL_CLUSTER_ID", Value: w.Cluster.ID},
		{Key: "KAFKA_IDENTITY_POOL_ID", Value: w.Defaults.Pool},
		{Key: "KAFKA_SCOPE", Value: resource + "/.default"},
		{Key: "KAFKA_RESOURCE", Value: resource},
		{Key: "KAFKA_CA_FILE", Value: l.caFile()},
		{Key: "KAFKA_TOPIC", Value: w.Defaults.Topic},
		{Key: "KAFKA_FORBIDDEN_TOPIC", Value: w.Defaults.ForbiddenTopic},
		{Key: "KAFKA_GROUP", Value: w.Defaults.Group},
		{Key: "AZURE_CLIENT_ID", Value: w.ManagedIdentity().ClientID},
		{Key: "AZURE_TENANT_ID", Value: e.tenant},
		{Key: "AZURE_POD_IDENTITY_AUTHORITY_HOST", Value: e.imdsURL},
		{Key: "IMDS_TOKEN_URL", Value: e.imdsURL + "/metadata/identity/oauth2/token"},
		{Key: "JWKS_URL", Value: e.entra.JWKSURL(e.tenant)},
		{Key: "OAUTH_TOKEN_URL", Value: e.entra.TokenURL(e.tenant)},
		{Key: "OAUTH_CLIENT_ID", Value: client.ClientID},
		{Key: "OAUTH_CLIENT_SECRET", Value: client.Secrets[0].Value},
		{Key: "OAUTH_SCOPE", Value: resource + "/.default"},
		{Key: "OAUTH_IDENTITY_POOL_ID", Value: w.Defaults.OAuthPool},
		{Key: "OKTA_TOKEN_URL", Value: e.okta.TokenURL()},
		{Key: "OKTA_CLIENT_ID", Value: okta.ClientID},
		{Key: "OKTA_CLIENT_SECRET", Value: okta.Secret},
		{Key: "OKTA_SCOPE", Value: strings.Join(w.Okta.Scopes, " ")},
		{Key: "OKTA_IDENTITY_POOL_ID", Value: w.Defaults.OktaPool},
	}
	if l.gateway != nil {
		env = append(lab.Env{{Key: "KAFKA_BOOTSTRAP_SERVER", Value: l.gateway.Bootstrap}}, env...)
		env = append(env, lab.Var{Key: "KLAMM_OPS_URL", Value: l.opsURL})
	}
	return env
}
