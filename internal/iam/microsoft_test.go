package iam_test

import (
	"testing"

	"github.com/klammhq/klamm/internal/iam"
)

func TestMicrosoftOf(t *testing.T) {
	const tenant = "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	for _, c := range []struct {
		issuer             string
		issuers, entra, v1 bool
		good, bad          string
	}{
		{"https://login.microsoftonline.com" + tenant + "/v2.0", true, true, false, "https://login.microsoftonline.com" + tenant + "/discovery/v2.0/keys", "https://login.microsoftonline.us/keys"},
		{"https://LOGIN.microsoftonline.com." + tenant + "/v2.0", true, true, false, "https://login.microsoftonline.com/keys", "https://evil.example/keys"},
		{"https://sts.windows.net" + tenant + "/", true, true, true, "https://login.microsoftonline.us/common/discovery/keys", "https://login.microsoftonline.com.evil.example/keys"},
		{"https://login.partner.microsoftonline.cn" + tenant + "/v2.0", true, true, false, "https://login.chinacloudapi.cn/keys", "https://login.microsoftonline.com/keys"},
		{"https://contoso.b2clogin.com" + tenant + "/v2.0/", true, false, false, "https://contoso.b2clogin.com/keys", "https://other.b2clogin.com/keys"},
		{"https://example.okta.com/oauth2/default", false, false, false, "", "https://example.okta.com/oauth2/default/v1/keys"},
		{"https://login.microsoftonline.com.evil.example/", false, false, false, "", "https://login.microsoftonline.com/keys"},
		{"%zz", false, false, false, "", "https://login.microsoftonline.com/keys"},
	} {
		m := iam.MicrosoftOf(c.issuer)
		if m.Issuer != c.issuers || m.Entra != c.entra || m.V1 != c.v1 {
			t.Errorf("%s: %+v", c.issuer, m)
		}
		if c.good != "" && !m.Serves(c.good) {
			t.Errorf("%s: keys at %s are refused", c.issuer, c.good)
		}
		if m.Serves(c.bad) {
			t.Errorf("%s: keys at %s are accepted", c.issuer, c.bad)
		}
	}
	m := iam.MicrosoftOf("https://login.microsoftonline.com/t/v2.0")
	for _, bad := range []string{"http://login.microsoftonline.com/keys", "https://login.microsoftonline.com:8443/keys", "%zz", ""} {
		if m.Serves(bad) {
			t.Errorf("keys at %q are accepted", bad)
		}
	}
}
