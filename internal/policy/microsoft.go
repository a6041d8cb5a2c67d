package policy

import (
	"net/url"
	"slices"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// clouds are the hosts of Microsoft's issuers and of their key sets, one row
// for each national cloud. Version 1 tokens of several clouds have the issuer
// host sts.windows.net.
//
// https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
var clouds = []struct{ issuers, keys []string }{
	{[]string{"login.microsoftonline.com", "sts.windows.net", "login.windows.net"}, []string{"login.microsoftonline.com", "login.windows.net"}},
	{[]string{"login.microsoftonline.us", "sts.microsoftonline.us", "sts.windows.net"}, []string{"login.microsoftonline.us"}},
	{[]string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "sts.chinacloudapi.cn"}, []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}},
}

// ofMicrosoft refuses a provider that claims Microsoft's name with keys that
// are not Microsoft's: whoever reads its issuer would believe otherwise.
func ofMicrosoft(p iam.Provider) error {
	issuer := host(p.Issuer)
	claimed := false
	var hosts []string
	for _, cloud := range clouds {
		if slices.Contains(cloud.issuers, issuer) {
			claimed = true
			hosts = append(hosts, cloud.keys...)
		}
	}
	if !claimed || slices.Contains(hosts, host(p.JWKSURI)) {
		return nil
	}
	return fault.New(fault.Invalid, "the issuer is Microsoft's, and the keys are at %q, expected a host of %q", host(p.JWKSURI), hosts).
		Mend("give entra_tenant, which knows the key set; an emulator has an issuer of its own")
}

func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
