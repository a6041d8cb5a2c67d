package cli

import (
	"encoding/pem"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
)

// Flags of more than one command.
var (
	flagID      = labFlag{"id", "id", "which application: its display name, app id, object id or identifier URI", "", true}
	flagAPI     = labFlag{"api", "api", "the application whose role it is, named as by --id", "", true}
	flagRole    = labFlag{"role", "role", "the value of the app role", "", true}
	flagWho     = labFlag{"id", "id", "who: an application or a managed identity, by its name, app id or object id", "", true}
	flagKeyID   = labFlag{"key-id", "keyId", "which of its own, as list shows it", "", true}
	flagGroup   = labFlag{"id", "id", "which group: its display name or object id", "", true}
	flagMember  = labFlag{"member", "member", "an application or a managed identity, by its name, app id or object id", "", true}
	flagURIs    = labFlag{"identifier-uris", "identifierUris", "App ID URI; may be given again (default api://APP-ID)", []string(nil), false}
	flagVersion = labFlag{"requested-access-token-version", "requestedAccessTokenVersion", "of the manifest: 1 or 2; as with 1 when never set", 0, false}
)

var entraCommands = []labCommand{
	{
		name: "list", short: "List the applications and managed identities", long: "Lists the applications and managed identities; secrets only by keyId.",
		example: "  klamm lab entra app list --json",
	},
	{
		name: "create", short: "Register an application",
		long: `Registers an application with a service principal. Until
--requested-access-token-version 2 is set, tokens for it are of version 1, with
another issuer and the identifier URI as audience.`,
		example: `  klamm lab entra app create --display-name my-kafka
  klamm lab entra app create --display-name my-kafka --identifier-uris api://my-kafka --requested-access-token-version 2`,
		flags: []labFlag{{"display-name", "displayName", "its name in the portal", "", true}, flagURIs, flagVersion},
	},
	{
		name: "set", short: "Change an application's manifest or its enterprise application",
		long: `Changes what is given and leaves the rest. The next token follows it.`,
		example: `  klamm lab entra app set --id my-kafka --requested-access-token-version 2
  klamm lab entra app set --id my-kafka --assignment-required
  klamm lab entra app set --id my-client --enabled=false`,
		flags: []labFlag{
			flagID, {"identifier-uris", "identifierUris", "App ID URIs instead of those it has; may be given again", []string(nil), false}, flagVersion,
			{"assignment-required", "appRoleAssignmentRequired", "no token for it without a role of it", false, false},
			{"enabled", "accountEnabled", "whether it may sign in", false, false},
			{"group-membership-claims", "groupMembershipClaims", "of the manifest: the groups in tokens for it, SecurityGroup, All or None", "", false},
		},
	},
	{
		name: "delete", short: "Delete an application",
		long:    `Deletes an application, with the permissions, assignments and memberships of it.`,
		example: `  klamm lab entra app delete --id my-client`,
		flags:   []labFlag{flagID},
	},
	{
		name: "add-role", short: "Add an app role to an application",
		long: `Adds a role that other applications may be given. Its value stands in the claim
roles of their tokens.`,
		example: `  klamm lab entra app add-role --id my-kafka --value dev.environmentAdmin --display-name 'Environment admin'`,
		flags: []labFlag{
			flagID, {"value", "value", "what stands in tokens", "", true}, {"display-name", "displayName", "its name in the portal", "", false},
			{"description", "description", "what it allows", "", false},
			{"allowed-member-types", "allowedMemberTypes", "Application or User; users' roles are in no token here (default Application)", "", false},
		},
	},
	{
		name: "remove-role", short: "Remove an app role that nobody has",
		long:    `Removes a role of an application. Permissions and assignments go first.`,
		example: `  klamm lab entra app remove-role --id my-kafka --value dev.environmentAdmin`,
		flags:   []labFlag{flagID, {"value", "value", "what stands in tokens", "", true}},
	},
	{
		name: "add-secret", short: "Add a client secret and show it, once",
		long: `Makes a client secret. Clients send its text; the keyId only names it. An
application may have several.`,
		example: `  klamm lab entra app add-secret --id my-client
  klamm lab entra app add-secret --id my-client --expires-in 1h`,
		flags: []labFlag{flagID, {"expires-in", "endDateTime", "how long it is good, such as 1h; a negative time makes one that has ended (default for ever)", "", false}},
	},
	{
		name: "remove-secret", short: "Remove a client secret",
		long:    `Removes a client secret, named by its keyId.`,
		example: `  klamm lab entra app remove-secret --id my-client --key-id 0f1d9c2e-6f38-4c6a-93a5-5a4c0e4a7d11`,
		flags:   []labFlag{flagID, flagKeyID},
	},
	{
		name: "add-certificate", short: "Add a certificate whose key signs client assertions",
		long: `Registers the first certificate of a PEM file, with an RSA key. A private key in the
file is not sent. Clients sign an assertion with the key in place of a secret.`,
		example: `  klamm lab entra app add-certificate --id my-client --certificate client.crt`,
		flags:   []labFlag{flagID, {"certificate", "certificate", "the PEM file", "", true}},
	},
	{
		name: "remove-certificate", short: "Remove a certificate",
		long:    `Removes a certificate, named by its keyId.`,
		example: `  klamm lab entra app remove-certificate --id my-client --key-id 0f1d9c2e-6f38-4c6a-93a5-5a4c0e4a7d11`,
		flags:   []labFlag{flagID, flagKeyID},
	},
	{
		name: "add-federated-credential", short: "Trust an issuer to say who a client is",
		long: `Lets tokens of an issuer stand for an application or a user-assigned managed
identity, as those of Kubernetes' service accounts do. Issuer, subject and audience
are compared exactly: case and a slash at the end count.`,
		example: `  klamm lab entra app add-federated-credential --id orders-app --name producer --issuer https://localhost:9444/klamm-cluster --subject system:serviceaccount:orders:producer`,
		flags: []labFlag{
			flagWho, {"name", "name", "names the credential", "", true},
			{"issuer", "issuer", "the claim iss; its discovery document is below it, at https, or http on loopback", "", true},
			{"subject", "subject", "the claim sub", "", true},
			{"audience", "audience", "the claim aud, or one of it (default api://AzureADTokenExchange)", "", false},
		},
	},
	{
		name: "remove-federated-credential", short: "Trust an issuer no longer",
		long:    `Removes a federated credential, named by its name.`,
		example: `  klamm lab entra app remove-federated-credential --id orders-app --name producer`,
		flags:   []labFlag{flagWho, {"name", "name", "which credential", "", true}},
	},
	{
		name: "add-permission", short: "Let an application ask for an app role of another",
		long:    `Adds an application permission. It is in no token before grant-consent.`,
		example: `  klamm lab entra app add-permission --id my-client --api my-kafka --role dev.environmentAdmin`,
		flags:   []labFlag{flagID, flagAPI, flagRole},
	},
	{
		name: "remove-permission", short: "Let an application ask for an app role no longer",
		long:    `Removes an application permission, and the consent to it.`,
		example: `  klamm lab entra app remove-permission --id my-client --api my-kafka --role dev.environmentAdmin`,
		flags:   []labFlag{flagID, flagAPI, flagRole},
	},
	{
		name: "grant-consent", short: "Consent, as an administrator, to an application's permissions",
		long:    `Grants every permission that the application asks for at this time.`,
		example: `  klamm lab entra app grant-consent --id my-client`,
		flags:   []labFlag{flagID},
	},
	{
		name: "revoke-consent", short: "Revoke the consent to an application's permissions",
		long:    `Takes the consent to every permission back. The application still asks for them.`,
		example: `  klamm lab entra app revoke-consent --id my-client`,
		flags:   []labFlag{flagID},
	},
	{
		name: "assign", short: "Give an app role to an application or a managed identity",
		long: `Gives the role directly, as az rest or PowerShell do for managed identities, for
which nobody can consent.`,
		example: `  klamm lab entra app assign --id orders-app --api my-kafka --role dev.environmentAdmin`,
		flags:   []labFlag{flagWho, flagAPI, flagRole},
	},
	{
		name: "unassign", short: "Take an assigned app role back",
		long:    `Takes a role back that assign gave.`,
		example: `  klamm lab entra app unassign --id orders-app --api my-kafka --role dev.environmentAdmin`,
		flags:   []labFlag{flagWho, flagAPI, flagRole},
	},
	{
		name: "rotate-keys", short: "Change the key that signs the tokens of all applications",
		long: `Publishes a new key and signs with it. The old one stays in the key set, so that
tokens that it signed still verify, until --step remove. The step sign without
publish before it signs with a key that is in no key set until publish, as issuers
do that rotate in the wrong order.`,
		example: `  klamm lab entra app rotate-keys
  klamm lab entra app rotate-keys --step remove`,
		flags: []labFlag{{"step", "step", "only this step: publish, sign or remove", "", false}},
	},
}

var entraGroupCommands = []labCommand{
	{
		name: "list", short: "List the groups", long: "Lists the groups with their members.",
		example: "  klamm lab entra group list",
	},
	{
		name: "create", short: "Create a group",
		long:    `Makes a group without members. Its object id stands in tokens.`,
		example: `  klamm lab entra group create --display-name writers`,
		flags: []labFlag{
			{"display-name", "displayName", "its name", "", true},
			{"security-enabled", "securityEnabled", "whether it is in tokens with SecurityGroup, not with All only (default true)", false, false},
		},
	},
	{
		name: "delete", short: "Delete a group",
		long:    `Deletes a group. Its members stay.`,
		example: `  klamm lab entra group delete --id writers`,
		flags:   []labFlag{flagGroup},
	},
	{
		name: "add-member", short: "Add an application or a managed identity to a group",
		long:    `Makes it a member. A token holds at most 200 groups; with more it has none, and says where to ask.`,
		example: `  klamm lab entra group add-member --id writers --member orders-app`,
		flags:   []labFlag{flagGroup, flagMember},
	},
	{
		name: "remove-member", short: "Remove a member of a group",
		long:    `Makes it a member no longer.`,
		example: `  klamm lab entra group remove-member --id writers --member orders-app`,
		flags:   []labFlag{flagGroup, flagMember},
	},
}

// newEntraApp is `klamm lab entra app`.
func newEntraApp(at labAddress) *cobra.Command {
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
	parent.AddCommand(newEntraCommands(at, app.EntraPath, entraCommands)...)
	return parent
}

// newEntraGroup is `klamm lab entra group`.
func newEntraGroup(at labAddress) *cobra.Command {
	parent := &cobra.Command{
		Use: "group", Short: "Groups of a running lab's Entra ID",
		Long: `Changes the groups of applications and managed identities. Tokens hold the object
ids of groups when the manifest of the application that they are for says so:`,
		Example: `  klamm lab entra app set --id my-kafka --group-membership-claims SecurityGroup
  klamm lab entra group create --display-name writers
  klamm lab entra group add-member --id writers --member my-client`,
		Args: explained(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	parent.AddCommand(newEntraCommands(at, app.EntraPath+"/groups", entraGroupCommands)...)
	return parent
}

func newEntraCommands(at labAddress, path string, commands []labCommand) []*cobra.Command {
	made := newLabCommands(at, path, commands, showing(showEntra))
	for _, cmd := range made {
		cmd.PreRunE = sendable
	}
	return made
}

// sendable puts in place of flags what the emulator takes: of a file its
// certificate, of a duration the time when it is over.
func sendable(cmd *cobra.Command, _ []string) error {
	for name, read := range map[string]func(string) (string, error){"certificate": certificateIn, "expires-in": endOf} {
		flag := cmd.Flags().Lookup(name)
		if flag == nil || !flag.Changed {
			continue
		}
		value, err := read(flag.Value.String())
		if err != nil {
			return err
		}
		if err := flag.Value.Set(value); err != nil {
			return fault.New(fault.Internal, "--%s cannot be set", name).Because(err)
		}
	}
	return nil
}

// certificateIn is the first certificate of a PEM file. A private key beside it
// stays where it is.
func certificateIn(file string) (string, error) {
	rest, err := os.ReadFile(file)
	for block := (*pem.Block)(nil); err == nil; {
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			return string(pem.EncodeToMemory(block)), nil
		}
	}
	return "", fault.New(fault.Invalid, "%q is no file with a PEM certificate", file).At("--certificate").Because(err)
}

func endOf(duration string) (string, error) {
	lasts, err := time.ParseDuration(duration)
	if err != nil {
		return "", fault.New(fault.Invalid, "%q is no duration, expected one such as 1h", duration).At("--expires-in")
	}
	return time.Now().Add(lasts).UTC().Format(time.RFC3339Nano), nil
}
