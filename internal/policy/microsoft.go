package policy

import (
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// ofMicrosoft refuses a provider that claims Microsoft's name with keys that
// are not Microsoft's: whoever reads its issuer would believe otherwise.
func ofMicrosoft(p iam.Provider) error {
	m := iam.MicrosoftOf(p.Issuer)
	if !m.Issuer || m.Serves(p.JWKSURI) {
		return nil
	}
	return fault.New(fault.Invalid, "the issuer is Microsoft's, and the keys are at %q, expected a host of %q", iam.Host(p.JWKSURI), m.Keys).
		Mend("give entra_tenant, which knows the key set; an emulator has an issuer of its own")
}
