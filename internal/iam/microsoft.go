package iam

import (
	"net/url"
	"slices"
	"strings"
)

// microsoftHosts is one row for each national cloud, and one for the consumer
// products: hosts of issuers by the version of their tokens, and hosts of key
// sets. A name that begins with a dot stands for every host below it, whose
// keys are on that same host.
//
// https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
var microsoftHosts = []struct{ v1, v2, keys []string }{
	{v1: []string{"sts.windows.net", "login.windows.net"}, v2: []string{"login.microsoftonline.com", "login.microsoft.com"},
		keys: []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com"}},
	{v1: []string{"sts.windows.net", "sts.microsoftonline.us"}, v2: []string{"login.microsoftonline.us"}, keys: []string{"login.microsoftonline.us"}},
	{v1: []string{"sts.chinacloudapi.cn"}, v2: []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"},
		keys: []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}},
	{v1: []string{"sts.microsoftonline.de"}, v2: []string{"login.microsoftonline.de"}, keys: []string{"login.microsoftonline.de"}},
	{v2: []string{".ciamlogin.com", ".b2clogin.com"}},
}

// Microsoft is what an issuer's name says about Microsoft. The zero value is
// an issuer of somebody else.
type Microsoft struct {
	Issuer bool     // the issuer is one of Microsoft's, in any cloud
	Entra  bool     // of Entra ID proper: its tokens have the claims that type: entra checks
	V1     bool     // its tokens are of version 1
	Keys   []string // hosts that may publish its keys
}

// MicrosoftOf looks an issuer up. Hosts are compared as DNS does.
func MicrosoftOf(issuer string) Microsoft {
	host := Host(issuer)
	var m Microsoft
	for _, row := range microsoftHosts {
		v1 := slices.Contains(row.v1, host)
		switch {
		case v1 || slices.Contains(row.v2, host):
			m.Issuer, m.Entra, m.V1 = true, true, v1
			m.Keys = append(m.Keys, row.keys...)
		case slices.ContainsFunc(row.v2, func(name string) bool { return name[0] == '.' && strings.HasSuffix(host, name) }):
			m.Issuer, m.Keys = true, []string{host}
		}
	}
	return m
}

// Serves reports whether a key set may be the issuer's: on https, on one of
// its hosts, on the usual port.
func (m Microsoft) Serves(keySet string) bool {
	u, err := url.Parse(keySet)
	return err == nil && u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && slices.Contains(m.Keys, Host(keySet))
}

// Host is the host of a URL as DNS compares it; "" when it has none.
func Host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}
