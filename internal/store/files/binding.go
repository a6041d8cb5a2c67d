package files

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// topicName is what Kafka allows (org.apache.kafka.common.internals.Topic).
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func (l *loader) binding(doc *config.Document) {
	var b roleBinding
	if !l.decode(doc, &b) {
		return
	}
	if l.orgAt == "" {
		l.fail(doc, nil, "a RoleBinding without an Organization, expected one Organization, since every CRN begins with it").Mend("%s", organizationExample)
		l.orgAt = "nowhere" // said once
		return
	}
	principal := iam.Principal(b.Principal)
	switch {
	case strings.HasPrefix(b.Principal, "Group:"):
		l.fail(doc, &b.Principal, "principals of groups are not in this version, expected User:pool-NAME").Kind = fault.Unsupported
	case !principal.Valid():
		l.fail(doc, &b.Principal, "principal %.80q is not valid, expected User:pool-NAME", b.Principal)
	}
	if b.Role == "" {
		l.fail(doc, &b.Role, "role is empty, expected a role such as DeveloperRead")
	}
	pattern, ok := l.pattern(doc, &b)
	if !ok {
		return
	}
	if b.ID == "" {
		b.ID = bindingID(principal, b.Role, pattern)
		if earlier, taken := l.seen[b.ID]; taken {
			l.fail(doc, nil, "the same RoleBinding is at %s", earlier)
			return
		}
	}
	if !l.register(doc, &b.ID, "rb-") {
		return
	}
	for setting, pointer := range map[string]any{"principal": &b.Principal, "role": &b.Role, "on": &b.On, "crn": &b.CRN} {
		l.place(doc, b.ID, setting, pointer)
	}
	l.snapshot.Bindings[b.ID] = iam.Binding{ID: b.ID, Principal: principal, Role: b.Role, On: pattern, Origin: doc.Where(nil)}
}

// bindingID is the same for the same binding, wherever it is written.
func bindingID(p iam.Principal, role string, on iam.Pattern) string {
	sum := sha256.Sum256([]byte(string(p) + "\x00" + role + "\x00" + on.CRN()))
	return "rb-" + hex.EncodeToString(sum[:8])
}

// pattern reads on or crn, of which there is one.
func (l *loader) pattern(doc *config.Document, b *roleBinding) (iam.Pattern, bool) {
	if (b.On == nil) == !doc.Has(&b.CRN) {
		l.fail(doc, nil, "expected exactly one of on and crn")
		return iam.Pattern{}, false
	}
	if b.On != nil {
		return l.on(doc, b.On)
	}
	p, err := iam.ParsePattern(b.CRN)
	org := l.snapshot.Organization
	switch {
	case err != nil:
		f := l.fail(doc, &b.CRN, "%s", err.Error())
		f.Hint = fault.HintOf(err)
	case org.ID != "" && p.Organization != org.ID:
		l.fail(doc, &b.CRN, "crn is of organization %.64q, expected this one, %s", p.Organization, org.ID)
	case org.ID != "" && p.Environment != "" && p.Environment != org.Environment:
		l.fail(doc, &b.CRN, "crn is of environment %.64q, expected this one, %s", p.Environment, org.Environment)
	default:
		return p, true
	}
	return iam.Pattern{}, false
}

func (l *loader) on(doc *config.Document, o *on) (iam.Pattern, bool) {
	org := l.snapshot.Organization
	p := iam.Pattern{Organization: org.ID}
	scopes := 0
	for _, set := range []bool{o.Organization, o.Environment != "", o.Cluster != ""} {
		if set {
			scopes++
		}
	}
	if scopes != 1 {
		l.fail(doc, o, "expected exactly one of cluster, environment and organization: true")
		return p, false
	}
	if o.Environment != "" && org.ID != "" && o.Environment != org.Environment {
		l.fail(doc, &o.Environment, "environment %.64q does not exist, expected %s", o.Environment, org.Environment)
		return p, false
	}
	if !o.Organization {
		p.Environment = org.Environment
	}
	p.Cluster = o.Cluster
	if o.Cluster != "" && !validID(o.Cluster, "lkc-") {
		l.fail(doc, &o.Cluster, "cluster %.64q is not valid, expected a logical cluster id, lkc-NAME", o.Cluster)
		return p, false
	}
	return l.resource(doc, o, p)
}

// resource narrows a pattern to one kind of resource, where on names one.
func (l *loader) resource(doc *config.Document, o *on, p iam.Pattern) (iam.Pattern, bool) {
	for _, r := range []struct {
		key  string
		name *string
		t    iam.ResourceType
	}{{"topic", &o.Topic, iam.Topic}, {"group", &o.Group, iam.Group}, {"transactional_id", &o.TransactionalID, iam.TransactionalID}} {
		name, prefix := strings.CutSuffix(*r.name, "*")
		switch {
		case !doc.Has(r.name):
			continue
		case *r.name == "":
			l.fail(doc, r.name, "%s is empty, expected a name, a beginning and *, or *", r.key)
		case p.Type != 0:
			l.fail(doc, r.name, "%s stands beside another resource, expected one in a RoleBinding", r.key)
		case o.Cluster == "":
			l.fail(doc, r.name, "%s stands without cluster, expected the logical cluster that it is in", r.key)
		case strings.Contains(name, "*"):
			l.fail(doc, r.name, "%s %.80q has a * before its end, expected it only there", r.key, *r.name)
		case r.t == iam.Topic && name != "" && !topicName.MatchString(name):
			l.fail(doc, r.name, "topic %.80q is no name that Kafka allows, expected letters, digits, '.', '_' and '-'", *r.name)
		default:
			p.Type, p.Name, p.Prefix = r.t, name, prefix
			continue
		}
		return p, false
	}
	return p, true
}
