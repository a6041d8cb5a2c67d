package cli

import (
	"time"

	"github.com/klammhq/klamm/internal/app"
)

var imdsCommands = []labCommand{
	{
		name: "list", short: "List the machine's identities and the kept tokens",
		long: `Lists the managed identities of the machine, and the tokens that are kept for
them: until when the same token is handed out again.`,
		example: `  klamm lab imds list`,
	},
	{
		name: "clear-cache", short: "Forget the kept tokens",
		long: `Forgets the kept tokens, so that the next request gets a new one. Azure has no such
thing: there a token is kept for up to a day, whatever changes meanwhile in its
roles or in the resource's requestedAccessTokenVersion.`,
		example: `  klamm lab imds clear-cache`,
	},
	{
		name: "assign", short: "Assign a managed identity to the machine",
		long: `Assigns an identity, as az vm identity assign does: user-assigned, made when there
is none of this name, or with --system the system-assigned one. It has no role
until klamm lab entra app assign gives it one.`,
		example: `  klamm lab imds assign --name invoices-app
  klamm lab imds assign --name this-machine --system
  klamm lab entra app assign --id invoices-app --api kafka --role Kafka.Write`,
		flags: []labFlag{
			{"name", "name", "its name", "", true},
			{"system", "system", "system-assigned: answers requests that name no identity", false, false},
			{"client-id", "client_id", "a UUID; chosen when not given", "", false},
		},
	},
	{
		name: "unassign", short: "Take a managed identity from the machine",
		long: `Takes an identity away, as az vm identity remove does. A user-assigned one stays in
the tenant with its roles; a system-assigned one ends.`,
		example: `  klamm lab imds unassign --name orders-app`,
		flags:   []labFlag{{"name", "name", "its name, client id or resource id", "", true}},
	},
}

func showIMDS(t *table, a app.IMDSAnswer) {
	t.line(a.Done)
	for _, i := range a.Identities {
		t.line(i.Name)
		t.row("type", i.Type)
		t.row("client_id", i.ClientID)
		t.row("object_id", i.ObjectID)
		t.row("msi_res_id", i.ResourceID)
		for _, k := range a.Kept {
			if k.ClientID != i.ClientID {
				continue
			}
			version := "token"
			if k.Version != "" {
				version = "token of version " + k.Version
			}
			t.row("kept "+version, "for "+k.Resource+" until "+k.Until.Format(time.RFC3339))
		}
	}
	if len(a.Identities) == 0 {
		t.line("the machine has no managed identity")
	}
}
