package lab_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/lab"
)

// Credentials and groups that Entra ID would not have registered are told with
// their places.
func TestEntraFaults(t *testing.T) {
	const identity, member = "      assignments: [{application: kafka, role: Kafka.Write}]\n", "members: [orders-app, billing]"
	federated := func(list string) string { return "      federated_credentials: [" + list + "]\n" }
	good := `{name: one, issuer: https://x.example, subject: x}`
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown member":      {member, "members: [§nobody]", `no application and no managed identity named "nobody"`},
		"member twice":        {member, "members: [billing, §billing]", `the member "billing" is taken`},
		"member of two kinds": {"- name: orders-app ", "- name: billing ", `"billing" is an application and a managed identity`},
		"group twice":         {"    - name: kafka-writers", "    - name: kafka-writers\n    - name: §kafka-writers", `the name "kafka-writers" is taken`},
		"group's id":          {"object_id: 5f0b7d7c-8a38-4c55-9a57-3f2f4c1a6e0d", "object_id: §5f0b7d7c", "is no UUID"},
		"group's id is taken": {"object_id: 5f0b7d7c-8a38-4c55-9a57-3f2f4c1a6e0d", "object_id: §c0a3f1de-5b7e-46e2-8e0b-1e9f0d6a4b72", "is taken"},
		"groups in tokens":    {"access_token_version: 2", "access_token_version: 2\n      group_membership_claims: §Some", "expected SecurityGroup, All or None"},
		"certificate":         {"access_token_version: 2", "access_token_version: 2\n      certificates: [§x]", "the PEM of a certificate"},
		"issuer":              {identity, federated("{name: one, issuer: §x.example, subject: x}") + identity, "is no URL"},
		"subject":             {identity, federated("{name: one, issuer: https://x.example, subject: §''}") + identity, "is empty"},
		"credential twice":    {identity, federated(good+", {name: §one, issuer: https://x.example, subject: y}") + identity, `the name "one" is taken`},
		"subject twice":       {identity, federated(good+", {name: two, issuer: https://x.example, subject: §x}") + identity, "issuer and subject"},
		"system-assigned":     {"      system: true\n", "      system: true\n" + federated(good), "expected a user-assigned one"},
	} {
		t.Run(name, func(t *testing.T) {
			path, text := changed(t, c.old, c.new)
			_, err := lab.LoadWorld(path)
			where := path + ":"
			if before, _, marked := strings.Cut(text, "§"); marked {
				where = fmt.Sprintf("%s:%d:", path, strings.Count(before, "\n")+1)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), where) {
				t.Errorf("error %v\nwant %q at %s", err, c.want, where)
			}
		})
	}
	path, _ := changed(t, identity, federated(good)+identity)
	if w, err := lab.LoadWorld(path); err != nil || w.Entra.ManagedIdentities[0].FederatedCredentials[0].Issuer != "https://x.example" || len(w.Entra.Groups[0].Members) != 2 {
		t.Errorf("a good one: %v", err)
	}
}
