package files

import (
	"strings"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/iam"
)

func (l *loader) pool(doc *config.Document) {
	var p identityPool
	ok := l.decode(doc, &p)
	if !l.register(doc, &p.ID, "pool-") || !ok {
		return
	}
	if l.seen[p.Provider] == "" || !strings.HasPrefix(p.Provider, "op-") {
		l.fail(doc, &p.Provider, "provider %.64q does not exist, expected the id of an IdentityProvider", p.Provider)
	}
	if strings.TrimSpace(p.Filter) == "" {
		l.fail(doc, &p.Filter, "filter is empty, expected a CEL expression over claims").
			Mend(`to let every token of the provider in, write filter: "true"`)
	}
	l.identityClaim(doc, &p.IdentityClaim)
	for setting, pointer := range map[string]any{"filter": &p.Filter, "provider": &p.Provider, "identity_claim": &p.IdentityClaim} {
		l.place(doc, p.ID, setting, pointer)
	}
	l.snapshot.Pools[p.ID] = iam.Pool{
		ID: p.ID, Provider: p.Provider, DisplayName: p.DisplayName, Description: p.Description,
		IdentityClaim: p.IdentityClaim, Filter: p.Filter, Disabled: p.Disabled, Origin: doc.Where(nil),
	}
}
