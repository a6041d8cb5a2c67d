package filter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// comparison is one claim against literals: claims.aud == 'x', 'x' in claims.aud.
type comparison struct {
	op       string // name of the function in CEL
	claim    path
	value    any // nil when the claim is missing
	literals []any
	list     bool // the literals stand in a list
	right    bool // the claim stands on the right
}

// comparison reads a part, if it is one.
func (x explainer) comparison(e celast.Expr) (comparison, bool) {
	args := operands(e)
	if e.Kind() != celast.CallKind || len(args) != 2 {
		return comparison{}, false
	}
	c := comparison{op: e.AsCall().FunctionName()}
	p, ok := pathOf(args[0])
	other := args[1]
	if !ok {
		p, c.right = pathOf(args[1])
		other = args[0]
	}
	if !ok && !c.right || !constant(other) {
		return comparison{}, false
	}
	c.claim, c.list = p, other.Kind() == celast.ListKind
	c.value, _, _ = p.lookup(x.claims)
	visit(other, func(l celast.Expr) {
		if l.Kind() == celast.LiteralKind {
			c.literals = append(c.literals, native(l.AsLiteral()))
		}
	})
	return c, true
}

// native is a literal as the value of a claim would be.
func native(v ref.Val) any {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Int:
		return int64(v)
	case types.Double:
		return float64(v)
	}
	return v.Value()
}

// hint is the first common mistake that shows in e.
func (x explainer) hint(e celast.Expr) string {
	if p, ok := readBy(e); ok {
		return x.similar(p)
	}
	if c, ok := x.comparison(e); ok {
		if c.value == nil {
			return x.similar(c.claim)
		}
		if h := c.hint(); h != "" {
			return h
		}
		return x.elsewhere(c)
	}
	for _, o := range operands(e) {
		if h := x.hint(o); h != "" {
			return h
		}
	}
	return ""
}

// families are claims that stand for one another at different issuers or in
// different versions of tokens.
var families = []struct {
	names []string
	why   string
}{
	{[]string{"appid", "azp"}, "Entra's v1 tokens have appid, its v2 tokens azp"},
	{[]string{"azp", "appid", "client_id", "cid"}, "issuers name the client azp, appid, client_id or cid"},
	{[]string{"scp", "scope"}, "issuers name scopes scp or scope"},
	{[]string{"unique_name", "upn", "preferred_username", "email"}, "issuers name users by different claims"},
	{[]string{"groups", "cognito:groups", "roles"}, "issuers name groups groups, cognito:groups or roles"},
}

// similar finds a claim that the token has instead of p.
func (x explainer) similar(p path) string {
	if v, _, found := p.lookup(x.claims); found && v != nil || len(p) == 0 {
		return ""
	}
	if p[0] == "groups" && x.overage() {
		return tooManyGroups
	}
	has := func(name string) bool { return x.claims[name] != nil }
	for _, f := range families {
		if !slices.Contains(f.names, p[0]) {
			continue
		}
		for _, name := range f.names {
			if name != p[0] && has(name) {
				return fmt.Sprintf("write %s, which the token has: %s", path{name}, f.why)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.claims)) {
		if strings.EqualFold(name, p[0]) && name != p[0] {
			return fmt.Sprintf("write %s, which the token has: names are case-sensitive", path{name})
		}
	}
	if p[0] == "roles" {
		return noRoles
	}
	return ""
}

// ids are claims that name a client, a user or a tenant.
var ids = []string{"azp", "appid", "client_id", "cid", "oid", "sub", "tid"}

// elsewhere finds a literal in another claim of the token, as an object id is
// taken for a client's id.
func (x explainer) elsewhere(c comparison) string {
	for _, name := range ids {
		for _, l := range c.literals {
			if text, ok := l.(string); ok && text != "" && name != c.claim[0] && x.claims[name] == l {
				return fmt.Sprintf("%s is the value of %s in this token: compare that one", spell(l), path{name})
			}
		}
	}
	return ""
}

// noRoles: tokens of version 1 and 2 alike have roles only where there are some.
//
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
const noRoles = "Entra leaves roles out of a token when no app role of this application is assigned to the client: " +
	"assign one (of a client application: an API permission with admin consent), then take a new token; " +
	"a managed identity is given its cached token, without roles, for up to 24 h"

// overage reports whether Entra has left the groups out because they are too
// many for a token. Such a token counts as one without groups: nobody asks
// another server for them.
//
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference#groups-overage-claim
func (x explainer) overage() bool {
	elsewhere, _ := x.claims["_claim_names"].(map[string]any)
	return elsewhere["groups"] != nil || x.claims["hasgroups"] == true
}

const tooManyGroups = "the groups are too many for a token, so that Entra has left them out (overage), and the token counts as one without groups: " +
	"make app roles of the application that stands for Kafka, assign them to the groups, and ask for claims.roles in the filter; " +
	"or set groupMembershipClaims in its manifest to ApplicationGroup and assign to it only the groups that matter"

// hint is what the value of the claim says about the literals.
func (c comparison) hint() string {
	if h := c.otherSpelling(); h != "" {
		return h
	}
	values, ok := c.value.([]any)
	if !ok {
		values = []any{c.value}
	}
	for _, v := range values {
		for _, l := range c.literals {
			if h := c.near(l, v); h != "" {
				return h
			}
		}
	}
	if c.claim[0] == "groups" && slices.ContainsFunc(values, isGUID) && !slices.ContainsFunc(c.literals, isGUID) {
		return "Entra names groups by their object ids here: write the group's object id"
	}
	return ""
}

func isGUID(v any) bool {
	text, _ := v.(string)
	return len(text) == 36 && strings.Count(text, "-") == 4
}

// otherSpelling: one value is compared by ==, a list is searched by in.
func (c comparison) otherSpelling() string {
	if len(c.literals) == 0 {
		return ""
	}
	literal := spell(c.literals[0])
	switch isList := kind(c.value) == "a list"; {
	case isList && (c.op == operators.Equals && !c.list || c.op == operators.In && !c.right || wanted[c.op] == "a string"):
		return fmt.Sprintf("%s is a list here: write %s in %s", c.claim, literal, c.claim)
	case !isList && c.op == operators.In && c.right:
		return fmt.Sprintf("%s is %s here: write %s == %s", c.claim, kind(c.value), c.claim, literal)
	}
	return ""
}

// near says in what a literal and a value differ, when that is little.
func (c comparison) near(literal, value any) string {
	l, lString := literal.(string)
	v, vString := value.(string)
	switch {
	case lString != vString && sameText(literal, value) && wanted[c.op] != "a string":
		return fmt.Sprintf("%s is %s here: compare with %s", c.claim, kind(value), spell(value))
	case !lString || !vString || l == v:
		return ""
	case strings.Trim(l, `'"`) == v:
		return "the filter has quotes inside of the value: write " + spell(v)
	case l == strings.Trim(v, `'"`):
		return "the token has quotes inside of the value: look where the client or the provider was told it with quotes around it"
	case strings.TrimSpace(l) == strings.TrimSpace(v):
		return "the two differ in white space only: write " + spell(v)
	case strings.EqualFold(l, v):
		return "the two differ in capital letters only, and they count: write " + spell(v)
	case strings.TrimRight(l, "/") == strings.TrimRight(v, "/"):
		return "the two differ in the slash at the end only: write " + spell(v)
	case l == "api://"+v || v == "api://"+l:
		return "Entra's v1 tokens carry the App ID URI, its v2 tokens the application's id: write " + spell(v)
	}
	return ""
}

// sameText reports whether a string and a number, or a string and a truth
// value, are written alike: "2.0" and 2.0.
func sameText(a, b any) bool {
	x, errX := strconv.ParseFloat(fmt.Sprint(a), 64)
	y, errY := strconv.ParseFloat(fmt.Sprint(b), 64)
	return errX == nil && errY == nil && x == y || fmt.Sprint(a) == fmt.Sprint(b)
}

func spell(v any) string {
	if s, ok := v.(string); ok {
		return quote(cut(s))
	}
	return fmt.Sprint(v)
}
