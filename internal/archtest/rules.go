// Package archtest keeps the structure of the house: who may import whom,
// which foreign library belongs to which package, and how large files,
// functions and interfaces may grow. It has tests only; it never runs in the
// product.
package archtest

import "strings"

// module is the import path of the root module.
const module = "github.com/klammhq/klamm/"

// may lists, for each package, the packages of ours that it may import. A
// package that is not listed fails the test; so does an arrow that is not here.
// "*" stands for every package below it.
var may = map[string]string{
	"token":       "",
	"token/franz": "token",

	"internal/secret": "",
	"internal/fault":  "",
	"internal/iam":    "internal/fault internal/secret",
	"internal/audit":  "internal/iam",

	"internal/jwt":       "internal/fault internal/secret",
	"internal/filter":    "internal/fault",
	"internal/kafka":     "internal/fault internal/secret",
	"internal/kafka/api": "internal/fault",
	"internal/config":    "internal/fault internal/secret",
	"internal/httpd":     "internal/fault internal/secret",

	"internal/authn":  "internal/iam internal/jwt internal/filter internal/secret internal/fault",
	"internal/authz":  "internal/iam",
	"internal/policy": "internal/iam internal/authn internal/authz internal/jwt internal/fault",
	"internal/guard":  "internal/iam internal/audit internal/fault",

	"internal/relay":     "internal/kafka internal/fault",
	"internal/advertise": "internal/fault",
	// kafka/api: a broker's answer is checked before kmsg decodes it, which
	// believes every count that it reads.
	"internal/upstream":        "internal/kafka internal/kafka/api internal/secret internal/fault",
	"internal/store/files":     "internal/iam internal/config internal/fault",
	"internal/store/storetest": "internal/iam internal/fault",

	"internal/gateway": "internal/guard internal/iam internal/relay internal/kafka internal/kafka/api internal/fault",
	"internal/ops":     "internal/guard internal/iam internal/audit internal/httpd internal/fault",

	"internal/emulator/entra": "internal/jwt internal/httpd internal/secret internal/fault",
	"internal/emulator/imds":  "internal/httpd internal/secret internal/fault",
	"internal/emulator/oidc":  "internal/jwt internal/httpd internal/secret internal/fault",

	// kafka/api: as upstream, for requests.
	"internal/engine": "internal/kafka internal/kafka/api internal/relay internal/fault",

	"internal/auditlog": "internal/audit internal/fault",
	"internal/metrics":  "",

	"internal/kclient": "token token/franz internal/fault",
	"internal/lab":     "internal/kclient internal/config token internal/fault",

	"klammtest":         "internal/app token",
	"internal/app":      "*",
	"internal/cli":      "internal/app internal/lab internal/fault",
	"internal/archtest": "",
	"internal/testkit":  "", // for tests, which no row is about
	"cmd/klamm":         "internal/cli",

	// Clients of the gateway as users write them: they see what is public.
	"examples/azidentity": "token token/franz",
	"examples/claims":     "",
	"examples/orders":     "token token/franz",
	"interop/franz":       "",
	"interop/suite/login": "",
}

// owners lists the foreign modules that may be imported, and by whom, so that
// replacing one touches those packages only. Tests may import more.
var owners = map[string]string{
	"cel.dev/cel-go":                      "internal/filter",
	"github.com/Azure/azure-sdk-for-go":   "examples/azidentity interop/franz",
	"github.com/go-jose/go-jose/v4":       "internal/jwt",
	"github.com/prometheus/client_golang": "internal/metrics",
	"github.com/spf13/cobra":              "internal/cli",
	"github.com/twmb/franz-go/pkg/kerr":   "internal/engine internal/kclient internal/upstream interop/franz",
	"github.com/twmb/franz-go/pkg/kfake":  "internal/engine",
	"github.com/twmb/franz-go/pkg/kadm":   "examples/azidentity",
	"github.com/twmb/franz-go/pkg/kgo":    "internal/kclient examples/azidentity examples/orders interop/franz",
	"github.com/twmb/franz-go/pkg/kmsg":   "internal/kafka internal/kafka/api internal/gateway internal/engine internal/upstream interop/franz",
	"github.com/twmb/franz-go/pkg/sasl":   "token/franz internal/upstream interop/franz interop/suite/login",
	"go.yaml.in/yaml/v4":                  "internal/config",
	"golang.org/x/sync":                   "internal/app internal/upstream",
	"golang.org/x/term":                   "internal/cli",
}

// allows reports whether list, words that may end in "*", holds name.
func allows(list, name string) bool {
	for _, w := range strings.Fields(list) {
		if prefix, wild := strings.CutSuffix(w, "*"); w == name || wild && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
