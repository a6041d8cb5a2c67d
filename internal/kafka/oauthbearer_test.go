package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
)

const token = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"

// message writes ^A as the separator, as the RFC's examples do.
func message(s string) []byte { return []byte(strings.ReplaceAll(s, "^A", "\x01")) }

func TestParseOAuthBearer(t *testing.T) {
	for name, c := range map[string]struct{ message, token, extensions string }{
		"librdkafka":           {"n,,^Aauth=Bearer " + token + "^AlogicalCluster=lkc-1^AidentityPoolId=pool-a,pool-b^A^A", token, "[{logicalCluster lkc-1} {identityPoolId pool-a,pool-b}]"},
		"no extensions":        {"n,,^Aauth=Bearer " + token + "^A^A", token, "[]"},
		"empty identity":       {"n,a=,^Aauth=Bearer " + token + "^A^A", token, "[]"},
		"scheme in other case": {"n,,^Aauth=bEARER " + token + "^A^A", token, "[]"},
		"two spaces":           {"n,,^Aauth=Bearer  " + token + "^A^A", token, "[]"},
		"padded base64":        {"n,,^Aauth=Bearer a+b/c~d==^A^A", "a+b/c~d==", "[]"},
		"auth is not first":    {"n,,^Ahost=k^Aauth=Bearer " + token + "^A^A", token, "[{host k}]"},
		"unknown extension":    {"n,,^Aauth=Bearer " + token + "^AtraceId=a=b c\td^A^A", token, "[{traceId a=b c\td}]"},
		"longest value":        {"n,,^Aauth=Bearer x^Ap=" + strings.Repeat("v", MaxExtensionValue) + "^A^A", "x", fmt.Sprintf("[{p %s}]", strings.Repeat("v", MaxExtensionValue))},
		"longest token":        {"n,,^Aauth=Bearer " + strings.Repeat("t", MaxToken) + "^A^A", strings.Repeat("t", MaxToken), "[]"},
	} {
		got, err := ParseOAuthBearer(message(c.message))
		if err != nil || got.Token.Reveal() != c.token || fmt.Sprint(got.Extensions) != c.extensions {
			t.Errorf("%s: %v %v", name, err, got.Extensions)
		}
	}
}

func TestParseOAuthBearerRefuses(t *testing.T) {
	var many strings.Builder
	for i := range MaxExtensions + 1 {
		fmt.Fprintf(&many, "%s=v^A", strings.Repeat("k", i+1))
	}
	const auth = "auth=Bearer " + token + "^A"
	for name, m := range map[string]string{
		"empty":                         "",
		"abort":                         "^A",
		"gs2-header only":               "n,,",
		"nothing after it":              "n,,^A",
		"no pairs":                      "n,,^A^A",
		"channel binding":               "p=tls-unique,,^A" + auth + "^A",
		"channel binding if you like":   "y,,^A" + auth + "^A",
		"an identity":                   "n,a=alice,^A" + auth + "^A",
		"an escaped identity":           "n,a==2C,^A" + auth + "^A",
		"gs2-header with more":          "n,,x^A" + auth + "^A",
		"gs2-header without commas":     "n^A" + auth + "^A",
		"no final separator":            "n,,^A" + auth,
		"no separators at the end":      "n,,^Aauth=Bearer " + token,
		"bytes after the end":           "n,,^A" + auth + "^Ax",
		"an empty pair":                 "n,,^A" + auth + "^Ak=v^A^A",
		"no auth":                       "n,,^AlogicalCluster=lkc-1^A^A",
		"empty token":                   "n,,^Aauth=Bearer ^A^A",
		"padding only":                  "n,,^Aauth=Bearer ==^A^A",
		"no scheme":                     "n,,^Aauth=" + token + "^A^A",
		"another scheme":                "n,,^Aauth=Basic " + token + "^A^A",
		"tab after the scheme":          "n,,^Aauth=Bearer\t" + token + "^A^A",
		"space in the token":            "n,,^Aauth=Bearer a b^A^A",
		"line end in the token":         "n,,^Aauth=Bearer a\r\n^A^A",
		"padding inside":                "n,,^Aauth=Bearer a=b^A^A",
		"NUL in the token":              "n,,^Aauth=Bearer a\x00^A^A",
		"token above the cap":           "n,,^Aauth=Bearer " + strings.Repeat("t", MaxToken+1) + "^A^A",
		"auth twice":                    "n,,^A" + auth + auth + "^A",
		"AUTH beside auth":              "n,,^A" + auth + "AUTH=x^A^A",
		"AUTH only":                     "n,,^AAUTH=Bearer " + token + "^A^A",
		"an extension twice":            "n,,^A" + auth + "k=a^Ak=b^A^A",
		"twice in another case":         "n,,^A" + auth + "logicalCluster=a^ALOGICALCLUSTER=b^A^A",
		"underscore in a name":          "n,,^A" + auth + "logical_cluster=a^A^A",
		"digit in a name":               "n,,^A" + auth + "k1=a^A^A",
		"empty name":                    "n,,^A" + auth + "=a^A^A",
		"empty value":                   "n,,^A" + auth + "k=^A^A",
		"no equals sign":                "n,,^A" + auth + "k^A^A",
		"CR in a value":                 "n,,^A" + auth + "k=a\rb^A^A",
		"LF in a value":                 "n,,^A" + auth + "k=a\nb^A^A",
		"DEL in a value":                "n,,^A" + auth + "k=\x7f^A^A",
		"NUL in a value":                "n,,^A" + auth + "k=a\x00^A^A",
		"UTF-8 in a value":              "n,,^A" + auth + "k=ä^A^A",
		"a good pair around a bad name": "n,,^A" + auth + "x!k=v^A^A",
		"too many extensions":           "n,,^A" + auth + many.String() + "^A",
		"a name that is too long":       "n,,^A" + auth + strings.Repeat("k", 65) + "=v^A^A",
		"a value that is too long":      "n,,^A" + auth + "k=" + strings.Repeat("v", MaxExtensionValue+1) + "^A^A",
	} {
		_, err := ParseOAuthBearer(message(m))
		if fault.KindOf(err) != fault.Malformed {
			t.Errorf("%s: %v, expected a refusal", name, err)
		} else if strings.Contains(fault.Detail(err), token) {
			t.Errorf("%s: the error shows the token", name)
		}
	}
}

// TestFaultsOfGrammarAreNamed: whoever explains a refusal reads which extension
// is wrong and how it is written, and nothing that could be a secret.
func TestFaultsOfGrammarAreNamed(t *testing.T) {
	for extension, want := range map[string][2]string{
		"identity_pool_id=pool-a":         {`the extension "identity_pool_id", expected a name of letters only`, "identityPoolId; the prefix extension_ belongs to Java's JAAS only"},
		"extension_logicalCluster=lkc-1":  {`the extension "extension_logicalCluster"`, "logicalCluster, identityPoolId"},
		"identity.pool-id=pool-a":         {`"identity.pool-id"`, "letters"},
		"pool1=a":                         {`"pool1"`, "letters"},
		"identityPoolId=":                 {`the extension "identityPoolId" that is not name=value`, "no value"},
		"logicalCluster":                  {`the extension "logicalCluster" that is not name=value`, "no value"},
		"logicalCluster=lkc\n":            {`the extension "logicalCluster" with a value that is not printable`, ""},
		"k=" + strings.Repeat("v", 9<<10): {`the extension "k" that is too long, expected at most 64 bytes of name and 8192 of value`, ""},
		strings.Repeat("k", 33) + "_=v":   {"an extension, expected a name of letters", "letters"},
		"x!\x1b[2J=v":                     {"an extension, expected a name of letters", "letters"},
		"=v":                              {"an extension that is not name=value", ""},
	} {
		_, err := ParseOAuthBearer(message("n,,^Aauth=Bearer " + token + "^A" + extension + "^A^A"))
		if err == nil || !strings.Contains(err.Error(), want[0]) || !strings.Contains(fault.HintOf(err), want[1]) {
			t.Errorf("%.40q: %v (%s), want %q", extension, err, fault.HintOf(err), want)
		}
	}
	_, err := ParseOAuthBearer(message("n,,^Aauth=Bearer " + token + "^Ak=a^AK=b^A^A"))
	if err == nil || !strings.Contains(err.Error(), `the extension "K" twice`) {
		t.Error(err)
	}
}

func TestExtensionsHaveNoCase(t *testing.T) {
	e := Extensions{{"LogicalCluster", "lkc-1"}}
	if v, ok := e.Get("logicalcluster"); !ok || v != "lkc-1" {
		t.Errorf("%q %v", v, ok)
	}
	if _, ok := e.Get("identityPoolId"); ok {
		t.Error("an extension that is not there")
	}
}

func FuzzSASLClientMessage(f *testing.F) {
	f.Add(message("n,,^Aauth=Bearer " + token + "^AlogicalCluster=lkc-1^A^A"))
	f.Add(message("n,a=alice,^Aauth=Bearer x==^A^A"))
	f.Add(message("n,,^A^A"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseOAuthBearer(b)
		if err != nil {
			return
		}
		if m.Token.IsZero() || m.Token.Len() > MaxToken || len(m.Extensions) > MaxExtensions {
			t.Fatalf("token of %d bytes, %d extensions", m.Token.Len(), len(m.Extensions))
		}
		// Written again, in the order that everybody sends, it means the same.
		again := "n,,^Aauth=Bearer " + m.Token.Reveal() + "^A"
		for _, e := range m.Extensions {
			again += e.Name + "=" + e.Value + "^A"
		}
		second, err := ParseOAuthBearer(message(again + "^A"))
		if err != nil && !strings.Contains(string(b), "^A") {
			t.Fatal(err)
		}
		if err == nil && fmt.Sprint(second.Extensions) != fmt.Sprint(m.Extensions) {
			t.Fatalf("%v became %v", m.Extensions, second.Extensions)
		}
	})
}

func FuzzExtensions(f *testing.F) {
	for _, s := range []string{"logicalCluster=lkc-1", "identityPoolId=pool-a,pool-b", "auth=x", "k=a\nb", "k", "=", "k=a=b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseExtension(b)
		if err != nil {
			return
		}
		if e.Name+"="+e.Value != string(b) || strings.EqualFold(e.Name, "auth") || strings.ContainsAny(e.Value, "\r\n\x00\x01") {
			t.Fatalf("%q became %+v", b, e)
		}
	})
}
