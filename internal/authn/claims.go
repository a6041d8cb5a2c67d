package authn

import (
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// claimPath is a claim as an identity_claim names it, outermost name first.
type claimPath []string

func (p claimPath) String() string { return "claims." + strings.Join(p, ".") }

// parseClaimPath reads "claims.oid", "claims['cognito:username']",
// "claims.a.b", or a bare name. Empty is claims.sub.
func parseClaimPath(text string) (claimPath, error) {
	bad := func() (claimPath, error) {
		return nil, fault.New(fault.Invalid, "identity_claim %q is no claim, expected the form claims.NAME", text).
			Mend(`write claims.sub, claims.oid, or claims['a:b'] for a name with other characters`)
	}
	if text == "" {
		return claimPath{"sub"}, nil
	}
	rest, rooted := strings.CutPrefix(text, "claims")
	if !rooted || rest == "" || !strings.ContainsAny(rest[:1], ".[") {
		rest = "." + text
	}
	var path claimPath
	for rest != "" {
		var name string
		switch {
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			name, rest = rest[1:end], rest[end:]
			if !isName(name) {
				return bad()
			}
		case len(rest) > 3 && (rest[1] == '\'' || rest[1] == '"'):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end <= 0 {
				return bad()
			}
			name, rest = rest[2:2+end], rest[2+end+2:]
		default:
			return bad()
		}
		path = append(path, name)
	}
	return path, nil
}

func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// find walks the path; false when a part is missing.
func (p claimPath) find(claims map[string]any) (any, bool) {
	var value any = claims
	for _, name := range p {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[name]; !ok {
			return nil, false
		}
	}
	return value, true
}
