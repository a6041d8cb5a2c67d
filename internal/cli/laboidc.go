package cli

import (
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/app"
)

// Flags of more than one command.
var (
	flagServer   = labFlag{"server", "server", "which server: its name, as list shows it", "", true}
	flagClientID = labFlag{"client-id", "client_id", "the client; NAMESPACE/NAME for a service account of Kubernetes", "", true}
	flagMethod   = labFlag{"auth-method", "token_endpoint_auth_method", "client_secret_basic or client_secret_post: only this way", "", false}
	flagRoles    = labFlag{"role", "roles", "a realm role of Keycloak's, a group of Cognito's; may be given again", []string(nil), false}
)

var oidcCommands = []labCommand{
	{
		name: "list", short: "List the servers and their clients",
		long:    `Lists the servers with their addresses, keys and clients, without secrets.`,
		example: `  klamm lab oidc list`,
	},
	{
		name: "add-client", short: "Add a client and show its secret, once",
		long: `Makes a client with a new secret, which it may send in either way unless
--auth-method limits it to one. A service account of Kubernetes has no secret.`,
		example: `  klamm lab oidc add-client --server okta --client-id invoices
  klamm lab oidc add-client --server cloudentity --client-id perf --auth-method client_secret_basic
  klamm lab oidc add-client --server keycloak --client-id invoices --role kafka-writer`,
		flags: []labFlag{flagServer, flagClientID, flagRoles, flagMethod},
	},
	{
		name: "set-client", short: "Disable or enable a client, or change what it may",
		long: `Changes what is given and leaves the rest. The next token follows it.`,
		example: `  klamm lab oidc set-client --server okta --client-id invoices --enabled=false
  klamm lab oidc set-client --server keycloak --client-id invoices --role kafka-reader
  klamm lab oidc set-client --server cloudentity --client-id perf-test --auth-method client_secret_basic`,
		flags: []labFlag{
			flagServer, flagClientID, {"enabled", "enabled", "whether it gets tokens", false, false},
			{"role", "roles", "roles instead of those it has; may be given again", []string(nil), false}, flagMethod,
		},
	},
	{
		name: "remove-client", short: "Remove a client",
		long:    `Removes a client. Tokens that it has verify until they end.`,
		example: `  klamm lab oidc remove-client --server okta --client-id invoices`,
		flags:   []labFlag{flagServer, flagClientID},
	},
	{
		name: "rotate-keys", short: "Change the key that signs a server's tokens",
		long: `Publishes a new key and signs with it. The old one stays in the key set, so that
tokens that it signed still verify, until --step remove. The step sign without
publish before it signs with a key that is in no key set until publish, as servers
do that rotate in the wrong order.`,
		example: `  klamm lab oidc rotate-keys --server okta
  klamm lab oidc rotate-keys --server okta --step remove`,
		flags: []labFlag{flagServer, {"step", "step", "only this step: publish, sign or remove", "", false}},
	},
	{
		name: "token", short: "Print a token of a client",
		long: `Issues a token to a client without its secret and prints it, such as for a file that
AZURE_FEDERATED_TOKEN_FILE names: for service accounts of the server kubernetes
this is the only way.`,
		example: `  klamm lab oidc token --server kubernetes --client-id orders/producer > orders.jwt
  klamm lab oidc token --server kubernetes --client-id orders/producer --audience api://klamm-lab`,
		flags: []labFlag{
			flagServer, flagClientID,
			{"audience", "audience", "of a service account's token instead of the server's; may be given again", []string(nil), false},
		},
	},
}

var oidcIssued = labCommand{
	name: "issued", short: "List the tokens that were issued",
	long:    `Lists the last tokens that the servers issued, without the tokens.`,
	example: `  klamm lab oidc issued`,
}

func showOIDC(t *table, a app.OIDCAnswer) {
	t.line(a.Done)
	if a.Secret != "" && a.Server != nil {
		t.row("client_secret", a.Secret)
		t.row("token_endpoint", a.Server.TokenURL)
	}
	// Without a line's end, as Kubernetes writes its files: Azure's SDKs would
	// send it on.
	t.WriteString(a.Token)
	for _, s := range a.Servers {
		showServer(t, s)
	}
}

func showServer(t *table, s app.OIDCServer) {
	t.line(s.Name + " (" + s.Shape + ")")
	t.row("issuer", s.Issuer)
	t.row("openid_configuration", s.Discovery)
	t.row("jwks_uri", s.JWKSURL)
	t.row("token_endpoint", s.TokenURL)
	t.row("audience", s.Audience)
	t.row("scopes", strings.Join(s.Scopes, " "))
	for _, k := range s.Keys {
		does := map[[2]bool]string{{true, true}: "signs", {false, true}: "signs, not published", {true, false}: "published, does not sign"}
		t.row("key", k.Kid+" ("+does[[2]bool{k.Published, k.Signs}]+")")
	}
	for _, c := range s.Clients {
		more := ""
		if len(c.Roles) > 0 {
			more += ", roles " + strings.Join(c.Roles, " ")
		}
		if c.Method != "" {
			more += ", " + c.Method
		}
		if !c.Enabled {
			more += ", disabled"
		}
		t.row("client_id", c.ID+more)
	}
}

func showIssued(t *table, a app.OIDCAnswer) {
	for _, i := range a.Issued {
		t.line(i.IssuedAt.Format(time.RFC3339) + " " + i.Client)
		t.row("jti", i.ID)
		t.row("iss", i.Issuer)
		t.row("aud", strings.Join(i.Audience, " "))
		t.row("sub", i.Subject)
		t.row("scopes", strings.Join(i.Scopes, " "))
		t.row("kid", i.Kid)
		t.row("expires", i.Expires.Format(time.RFC3339))
	}
	if len(a.Issued) == 0 {
		t.line("no token was issued")
	}
}
