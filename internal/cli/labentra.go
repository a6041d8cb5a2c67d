package cli

import (
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/fault"
)

// entraCommand is one of `klamm lab entra app`. Its flags become the members of
// the JSON that the emulator takes; those that are not given are absent.
type entraCommand struct {
	name, short, long, example string
	flags                      []entraFlag
}

type entraFlag struct {
	name, member, help string
	kind               any // zero value of what it holds
	required           bool
}

// Flags of more than one command.
var (
	flagID      = entraFlag{"id", "id", "which application: its display name, app id, object id or identifier URI", "", true}
	flagAPI     = entraFlag{"api", "api", "the application whose role it is, named as by --id", "", true}
	flagRole    = entraFlag{"role", "role", "the value of the app role", "", true}
	flagURIs    = entraFlag{"identifier-uris", "identifierUris", "App ID URI; may be given again (default api://APP-ID)", []string(nil), false}
	flagVersion = entraFlag{"requested-access-token-version", "requestedAccessTokenVersion", "of the manifest: 1 or 2; as with 1 when never set", 0, false}
)

var entraCommands = []entraCommand{
	{
		name: "create", short: "Register an application",
		long: `Registers an application with a service principal. Until
--requested-access-token-version 2 is set, tokens for it are of version 1, with
another issuer and the identifier URI as audience.`,
		example: `  klamm lab entra app create --display-name my-kafka
  klamm lab entra app create --display-name my-kafka --identifier-uris api://my-kafka --requested-access-token-version 2`,
		flags: []entraFlag{{"display-name", "displayName", "its name in the portal", "", true}, flagURIs, flagVersion},
	},
	{
		name: "set", short: "Change an application's manifest or its enterprise application",
		long: `Changes what is given and leaves the rest. The next token follows it.`,
		example: `  klamm lab entra app set --id my-kafka --requested-access-token-version 2
  klamm lab entra app set --id my-kafka --assignment-required
  klamm lab entra app set --id my-client --enabled=false`,
		flags: []entraFlag{
			flagID, {"identifier-uris", "identifierUris", "App ID URIs instead of those it has; may be given again", []string(nil), false}, flagVersion,
			{"assignment-required", "appRoleAssignmentRequired", "no token for it without a role of it", false, false},
			{"enabled", "accountEnabled", "whether it may sign in", false, false},
		},
	},
	{
		name: "add-role", short: "Add an app role to an application",
		long: `Adds a role that other applications may be given. Its value stands in the claim
roles of their tokens.`,
		example: `  klamm lab entra app add-role --id my-kafka --value dev.environmentAdmin --display-name 'Environment admin'`,
		flags: []entraFlag{
			flagID, {"value", "value", "what stands in tokens", "", true}, {"display-name", "displayName", "its name in the portal", "", false},
			{"description", "description", "what it allows", "", false},
			{"allowed-member-types", "allowedMemberTypes", "Application or User; users' roles are in no token here (default Application)", "", false},
		},
	},
	{
		name: "add-secret", short: "Add a client secret and show it, once",
		long:    `Makes a client secret. Clients send its text; the keyId only names it.`,
		example: `  klamm lab entra app add-secret --id my-client`,
		flags:   []entraFlag{flagID},
	},
	{
		name: "add-permission", short: "Let an application ask for an app role of another",
		long:    `Adds an application permission. It is in no token before grant-consent.`,
		example: `  klamm lab entra app add-permission --id my-client --api my-kafka --role dev.environmentAdmin`,
		flags:   []entraFlag{flagID, flagAPI, flagRole},
	},
	{
		name: "grant-consent", short: "Consent, as an administrator, to an application's permissions",
		long:    `Grants every permission that the application asks for at this time.`,
		example: `  klamm lab entra app grant-consent --id my-client`,
		flags:   []entraFlag{flagID},
	},
	{
		name: "assign", short: "Give an app role to an application or a managed identity",
		long: `Gives the role directly, as az rest or PowerShell do for managed identities, for
which nobody can consent.`,
		example: `  klamm lab entra app assign --id orders-app --api my-kafka --role dev.environmentAdmin`,
		flags: []entraFlag{
			{"id", "id", "who gets it: an application or a managed identity, by its name, app id or object id", "", true}, flagAPI, flagRole,
		},
	},
	{
		name: "rotate-keys", short: "Change the key that signs the tokens of all applications",
		long: `Publishes a new key and signs with it. The old one stays in the key set, so that
tokens that it signed still verify, until --step remove.`,
		example: `  klamm lab entra app rotate-keys
  klamm lab entra app rotate-keys --step remove`,
		flags: []entraFlag{{"step", "step", "only this step: publish, sign or remove", "", false}},
	},
}

// newEntraApp is `klamm lab entra app`.
func newEntraApp(at string) *cobra.Command {
	parent := &cobra.Command{
		Use: "app", Short: "Applications of a running lab's Entra ID",
		Long: `Changes the applications of a running lab's Entra ID, effective with the next
token. From nothing to a client with a role:`,
		Example: `  klamm lab entra app create --display-name my-kafka
  klamm lab entra app add-role --id my-kafka --value dev.environmentAdmin
  klamm lab entra app set --id my-kafka --requested-access-token-version 2
  klamm lab entra app create --display-name my-client
  klamm lab entra app add-secret --id my-client
  klamm lab entra app add-permission --id my-client --api my-kafka --role dev.environmentAdmin
  klamm lab entra app grant-consent --id my-client`,
		Args: explained(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list := entraCommand{
		name: "list", short: "List the applications", long: "Lists the applications; their secrets only by keyId.",
		example: "  klamm lab entra app list --json",
	}
	parent.AddCommand(newEntraCommand(list, http.MethodGet, "", at))
	for _, c := range entraCommands {
		parent.AddCommand(newEntraCommand(c, http.MethodPost, "/"+c.name, at))
	}
	return parent
}

func newEntraCommand(c entraCommand, method, path, at string) *cobra.Command {
	to := entraAddress{}
	var asJSON bool
	cmd := &cobra.Command{
		Use: c.name, Short: c.short, Long: c.long, Example: c.example, Args: explained(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, err := members(cmd, c.flags)
			if err != nil {
				return err
			}
			raw, err := to.call(cmd.Context(), method, path, body)
			if err != nil {
				return err
			}
			return showEntra(cmd.OutOrStdout(), raw, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&to.at, "at", at, "where the lab's Entra ID listens, http or https")
	flags.StringVar(&to.ca, "ca", os.Getenv("KAFKA_CA_FILE"), "the lab's certificate authority, for https (KAFKA_CA_FILE)")
	flags.BoolVar(&asJSON, "json", false, "the answer as JSON")
	for _, f := range c.flags {
		switch f.kind.(type) {
		case string:
			flags.String(f.name, "", f.help)
		case []string:
			flags.StringArray(f.name, nil, f.help)
		case int:
			flags.Int(f.name, 0, f.help)
		case bool:
			flags.Bool(f.name, false, f.help)
		}
	}
	return cmd
}

// members are the flags that were given, as the emulator takes them.
func members(cmd *cobra.Command, flags []entraFlag) (map[string]any, error) {
	body, given := map[string]any{}, cmd.Flags()
	for _, f := range flags {
		if !given.Changed(f.name) {
			if f.required {
				return nil, fault.New(fault.Invalid, "--%s is missing: %s", f.name, f.help)
			}
			continue
		}
		var err error
		switch f.kind.(type) {
		case string:
			body[f.member], err = given.GetString(f.name)
		case []string:
			body[f.member], err = given.GetStringArray(f.name)
		case int:
			body[f.member], err = given.GetInt(f.name)
		case bool:
			body[f.member], err = given.GetBool(f.name)
		}
		if err != nil {
			return nil, fault.New(fault.Internal, "--%s cannot be read", f.name).Because(err)
		}
	}
	return body, nil
}
