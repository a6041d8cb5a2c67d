package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/relay"
)

// aclFilter matches every ACL.
func aclFilter(version int16) *kmsg.DescribeACLsRequest {
	return &kmsg.DescribeACLsRequest{
		Version: version, ResourceType: kmsg.ACLResourceTypeAny, ResourcePatternType: kmsg.ACLResourcePatternTypeAny,
		Operation: kmsg.ACLOperationAny, PermissionType: kmsg.ACLPermissionTypeAny,
	}
}

// aclsIn are the ACLs of an answer, one line each.
func aclsIn(r *kmsg.DescribeACLsResponse) (list []string) {
	for _, res := range r.Resources {
		for _, a := range res.ACLs {
			list = append(list, fmt.Sprintf("%s %s %s %s %s %s %s", a.Principal, a.PermissionType, a.Operation, res.ResourceType, res.ResourcePatternType, res.ResourceName, a.Host))
		}
	}
	return list
}

// aclPeople have a binding of each kind. Two give the same.
func aclPeople() []iam.Binding {
	other := binding("alice", "DeveloperRead", iam.Topic, "elsewhere")
	other.On.Cluster = "lkc-other"
	star := binding("alice", "DeveloperRead", iam.Group, "")
	star.On.Name, star.On.Prefix = every, false
	return []iam.Binding{
		binding("alice", "DeveloperRead", iam.Topic, "orders*"), binding("alice", "DeveloperRead", iam.Topic, "orders*"),
		binding("alice", "DeveloperRead", iam.Group, "*"), binding("bob", "DeveloperRead", iam.TransactionalID, "tx"),
		binding("alice", "DeveloperRead", iam.Topic, "__klamm_state"), other, star,
		binding("admin", "CloudClusterAdmin", 0, ""),
	}
}

// TestDescribeACLs: what role bindings give on this cluster, as ACLs, for who may
// describe it; the broker is not asked.
func TestDescribeACLs(t *testing.T) {
	h := build(t, aclPeople())
	broker := sees[*kmsg.DescribeACLsRequest](h, 29)
	name := func(s string) func(*kmsg.DescribeACLsRequest) {
		return func(q *kmsg.DescribeACLsRequest) { q.ResourceName = &s }
	}
	match := func(s string) func(*kmsg.DescribeACLsRequest) {
		return func(q *kmsg.DescribeACLsRequest) {
			q.ResourceName, q.ResourcePatternType = &s, kmsg.ACLResourcePatternTypeMatch
		}
	}
	of := func(who string) func(*kmsg.DescribeACLsRequest) {
		return func(q *kmsg.DescribeACLsRequest) { p := "User:pool-" + who; q.Principal = &p }
	}
	read := []string{"User:pool-alice ALLOW READ TOPIC PREFIXED orders *", "User:pool-alice ALLOW DESCRIBE TOPIC PREFIXED orders *"}
	groups := []string{"User:pool-alice ALLOW READ GROUP LITERAL * *", "User:pool-alice ALLOW DESCRIBE GROUP LITERAL * *"}
	tx := []string{"User:pool-bob ALLOW DESCRIBE TRANSACTIONAL_ID LITERAL tx *"}
	admins := 8 + 5 + 7 + 2 // operations on topics, groups, the cluster and transactional ids
	for what, tt := range map[string]struct {
		filters []func(*kmsg.DescribeACLsRequest)
		want    []string
	}{
		"alice":           {[]func(*kmsg.DescribeACLsRequest){of("alice")}, append(slices.Clone(read), groups...)},
		"bob":             {[]func(*kmsg.DescribeACLsRequest){of("bob")}, tx},
		"nobody":          {[]func(*kmsg.DescribeACLsRequest){of("nobody")}, nil},
		"exact name":      {[]func(*kmsg.DescribeACLsRequest){of("alice"), name("orders")}, read},
		"no such name":    {[]func(*kmsg.DescribeACLsRequest){of("alice"), name("orders.eu")}, nil},
		"matched prefix":  {[]func(*kmsg.DescribeACLsRequest){of("alice"), match("orders.eu")}, append(slices.Clone(read), groups...)},
		"matched all":     {[]func(*kmsg.DescribeACLsRequest){of("alice"), match("x")}, groups},
		"by type":         {[]func(*kmsg.DescribeACLsRequest){of("alice"), func(q *kmsg.DescribeACLsRequest) { q.ResourceType = kmsg.ACLResourceTypeTopic }}, read},
		"by operation":    {[]func(*kmsg.DescribeACLsRequest){of("alice"), func(q *kmsg.DescribeACLsRequest) { q.Operation = kmsg.ACLOperationRead }}, []string{read[0], groups[0]}},
		"prefixes":        {[]func(*kmsg.DescribeACLsRequest){func(q *kmsg.DescribeACLsRequest) { q.ResourcePatternType = kmsg.ACLResourcePatternTypePrefixed }}, read},
		"denied":          {[]func(*kmsg.DescribeACLsRequest){func(q *kmsg.DescribeACLsRequest) { q.PermissionType = kmsg.ACLPermissionTypeDeny }}, nil},
		"a host":          {[]func(*kmsg.DescribeACLsRequest){func(q *kmsg.DescribeACLsRequest) { q.Host = kmsg.StringPtr("10.0.0.7") }}, nil},
		"klamm's own":     {[]func(*kmsg.DescribeACLsRequest){name("__klamm_state")}, nil},
		"another cluster": {[]func(*kmsg.DescribeACLsRequest){name("elsewhere")}, nil},
	} {
		for version := int16(1); version <= 3; version++ {
			q := aclFilter(version)
			for _, f := range tt.filters {
				f(q)
			}
			r := h.loggedIn("admin", 0).ask(q).(*kmsg.DescribeACLsResponse)
			got, want := aclsIn(r), slices.Clone(tt.want)
			slices.Sort(got)
			if slices.Sort(want); r.ErrorCode != 0 || !slices.Equal(got, want) {
				t.Errorf("%s, version %d: error %d, %q, want %q", what, version, r.ErrorCode, got, want)
			}
		}
	}
	for version, want := range []int{admins + 2 + 1, admins + 5, admins + 5, admins + 5} { // version 0 knows no prefixes
		if r := h.loggedIn("admin", 0).ask(aclFilter(int16(version))).(*kmsg.DescribeACLsResponse); len(aclsIn(r)) != want {
			t.Errorf("version %d: %q, want %d", version, aclsIn(r), want)
		}
		if r := h.loggedIn("alice", 0).ask(aclFilter(int16(version))).(*kmsg.DescribeACLsResponse); r.ErrorCode != clusterDenied || len(r.Resources) != 0 || !strings.Contains(*r.ErrorMessage, "ref=") {
			t.Errorf("version %d without the right: %+v", version, r)
		}
	}
	// A change of the rules is seen at once.
	h.people.bind(t, binding("admin", "CloudClusterAdmin", 0, ""))
	if r := h.loggedIn("admin", 0).ask(aclFilter(3)).(*kmsg.DescribeACLsResponse); len(aclsIn(r)) != admins {
		t.Errorf("%q", aclsIn(r))
	}
	if saw := broker.take(t); len(saw) != 0 {
		t.Errorf("the broker saw %+v", saw)
	}
}

// TestFiltersOfNothing: numbers that mean nothing are refused, as in Kafka.
func TestFiltersOfNothing(t *testing.T) {
	h := build(t, aclPeople())
	b := h.loggedIn("admin", 0)
	for _, spoil := range []func(*kmsg.DescribeACLsRequest){
		func(q *kmsg.DescribeACLsRequest) { q.ResourceType = 0 }, func(q *kmsg.DescribeACLsRequest) { q.ResourceType = 8 },
		func(q *kmsg.DescribeACLsRequest) { q.ResourcePatternType = 0 }, func(q *kmsg.DescribeACLsRequest) { q.ResourcePatternType = 5 },
		func(q *kmsg.DescribeACLsRequest) { q.Operation = 0 }, func(q *kmsg.DescribeACLsRequest) { q.Operation = -1 },
		func(q *kmsg.DescribeACLsRequest) { q.PermissionType = 0 }, func(q *kmsg.DescribeACLsRequest) { q.PermissionType = 4 },
	} {
		q := aclFilter(3)
		spoil(q)
		if r := b.ask(q).(*kmsg.DescribeACLsResponse); r.ErrorCode != invalidRequest || len(r.Resources) != 0 {
			t.Errorf("%+v: %+v", q, r)
		}
	}
	h.gateway.Rights = nil
	if r := h.loggedIn("admin", 0).ask(aclFilter(3)).(*kmsg.DescribeACLsResponse); r.ErrorCode != securityDisabled || len(r.Resources) != 0 {
		t.Errorf("without rules to show: %+v", r)
	}
}

// TestACLsAreNotWritten: not by who may alter the cluster either, in no version,
// and the broker sees none of it.
func TestACLsAreNotWritten(t *testing.T) {
	h := build(t, aclPeople())
	create, del := sees[*kmsg.CreateACLsRequest](h, 30), sees[*kmsg.DeleteACLsRequest](h, 31)
	for version := int16(0); version <= 3; version++ {
		for _, token := range []string{"alice", "admin"} {
			b := h.loggedIn(token, 0)
			c := decidable(30, version).(*kmsg.CreateACLsRequest)
			c.Creations = append(c.Creations, c.Creations[0])
			for _, r := range b.ask(c).(*kmsg.CreateACLsResponse).Results {
				if r.ErrorCode != clusterDenied || !strings.Contains(*r.ErrorMessage, "ref=") {
					t.Errorf("%s, version %d: %+v", token, version, r)
				}
			}
			d := decidable(31, version).(*kmsg.DeleteACLsRequest)
			for _, r := range b.ask(d).(*kmsg.DeleteACLsResponse).Results {
				if r.ErrorCode != clusterDenied || len(r.MatchingACLs) != 0 {
					t.Errorf("%s, version %d: %+v", token, version, r)
				}
			}
			c.Creations, d.Filters = nil, nil
			b.ask(c)
			b.ask(d)
		}
	}
	if n := len(create.take(t)) + len(del.take(t)); n != 0 {
		t.Errorf("the broker saw %d requests", n)
	}
	if n := len(h.log.refusals()); n != 4*2*4 {
		t.Errorf("%d refusals are audited", n)
	}
	s := h.session("admin")
	if p, err := s.Plan(h.ctx(), frame(t, decidable(30, 3))); err != nil || p.Verdict != relay.Answer {
		t.Errorf("%+v, %v", p, err)
	}
	adm := kadm.NewClient(h.client("admin"))
	described, err := adm.DescribeACLs(h.ctx(), kadm.NewACLs().AnyResource().Allow().AllowHosts().Operations().ResourcePatternType(kadm.ACLPatternAny))
	if err != nil || len(described) == 0 || described[0].Err != nil || len(described[0].Described) == 0 {
		t.Errorf("%+v, %v", described, err)
	}
}
