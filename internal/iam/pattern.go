package iam

import (
	"net/url"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// Pattern says where a role binding holds, from the widest scope to one
// resource. An empty Environment means the whole organization, an empty
// Cluster the whole environment, a zero Type the whole cluster.
type Pattern struct {
	Organization string
	Environment  string
	Cluster      string
	Type         ResourceType
	Name         string
	Prefix       bool // Name is the beginning of the names that are meant; "" with Prefix is all of them
}

// Scope is the level at which a binding holds; a wider scope contains the
// narrower ones.
type Scope uint8

const (
	ScopeOrganization Scope = iota + 1
	ScopeEnvironment
	ScopeCluster
	ScopeResource
)

func (s Scope) String() string {
	return [...]string{"none", "organization", "environment", "cluster", "resource"}[s]
}

// Scope is the level of the pattern.
func (p Pattern) Scope() Scope {
	switch {
	case p.Type != 0:
		return ScopeResource
	case p.Cluster != "":
		return ScopeCluster
	case p.Environment != "":
		return ScopeEnvironment
	}
	return ScopeOrganization
}

// CRN writes the pattern as Confluent Cloud does.
func (p Pattern) CRN() string {
	var b strings.Builder
	b.WriteString("crn://confluent.cloud")
	seg := func(key, value string) {
		b.WriteString("/" + key + "=" + value)
	}
	seg("organization", EscapeCRN(p.Organization))
	if p.Environment != "" {
		seg("environment", EscapeCRN(p.Environment))
	}
	if p.Cluster != "" {
		seg("cloud-cluster", EscapeCRN(p.Cluster))
	}
	if p.Type != 0 {
		seg("kafka", EscapeCRN(p.Cluster))
		for _, r := range resourceTypes {
			if r.t == p.Type {
				name := EscapeCRN(p.Name)
				if p.Prefix {
					name += "*"
				}
				seg(r.segment, name)
			}
		}
	}
	return b.String()
}

// String is the short form for people: "topic=orders.* on lkc-orders".
func (p Pattern) String() string {
	switch p.Scope() {
	case ScopeOrganization:
		return "organization=" + p.Organization
	case ScopeEnvironment:
		return "environment=" + p.Environment
	case ScopeCluster:
		return "cluster=" + p.Cluster
	}
	star := ""
	if p.Prefix {
		star = "*"
	}
	for _, r := range resourceTypes {
		if r.t == p.Type {
			return r.segment + "=" + p.Name + star + " on " + p.Cluster
		}
	}
	return p.CRN()
}

// EscapeCRN encodes what would change the structure of a CRN, or its meaning,
// in the value of one segment.
func EscapeCRN(s string) string {
	return structural.Replace(url.PathEscape(s))
}

// structural are the characters that url.PathEscape leaves and a CRN needs.
var structural = strings.NewReplacer("*", "%2A", "=", "%3D", ":", "%3A")

// ParsePattern reads a CRN. Segments are decoded once; an encoded * or / is
// literal; a bare * may stand only at the end of a resource name. The
// authority must be confluent.cloud.
func ParsePattern(crn string) (Pattern, error) {
	bad := func(format string, args ...any) (Pattern, error) {
		return Pattern{}, fault.New(fault.Invalid, "CRN %q: "+format, append([]any{crn}, args...)...).
			Mend("write it as crn://confluent.cloud/organization=ORG/environment=ENV/cloud-cluster=LKC/kafka=LKC/topic=NAME")
	}
	rest, ok := strings.CutPrefix(crn, "crn://confluent.cloud/")
	if !ok {
		return bad("it must begin with crn://confluent.cloud/")
	}
	var p Pattern
	keys := []string{"organization", "environment", "cloud-cluster", "kafka", "resource"}
	for i, segment := range strings.Split(rest, "/") {
		if i >= len(keys) {
			return bad("segment %q is one too many", segment)
		}
		key, raw, ok := strings.Cut(segment, "=")
		if !ok || raw == "" {
			return bad("segment %q is not KEY=VALUE", segment)
		}
		star := false
		if i == len(keys)-1 {
			raw, star = strings.CutSuffix(raw, "*")
		}
		if strings.Contains(raw, "*") {
			return bad("in segment %q a * may stand only at the end of a resource name", segment)
		}
		value, err := url.PathUnescape(raw)
		if err != nil {
			return bad("segment %q is not encoded correctly", segment)
		}
		if i < len(keys)-1 {
			if key != keys[i] {
				return bad("segment %q stands where %s=… is expected", segment, keys[i])
			}
		}
		switch i {
		case 0:
			p.Organization = value
		case 1:
			p.Environment = value
		case 2:
			p.Cluster = value
		case 3:
			if value != p.Cluster {
				return bad("kafka=%s and cloud-cluster=%s differ", value, p.Cluster)
			}
		case 4:
			for _, r := range resourceTypes {
				if r.segment == key && r.t != Cluster {
					p.Type = r.t
				}
			}
			if p.Type == 0 {
				return bad("%q is no resource type: topic, group or transactional-id", key)
			}
			p.Name, p.Prefix = value, star
		}
	}
	return p, nil
}
