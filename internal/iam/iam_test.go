package iam_test

import (
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/iam"
)

const org = "crn://confluent.cloud/organization=6a4e3a2c"

func TestParsePattern(t *testing.T) {
	lkc := org + "/environment=env-1/cloud-cluster=lkc-1"
	for _, c := range []struct {
		crn  string
		want iam.Pattern
	}{
		{org, iam.Pattern{Organization: "6a4e3a2c"}},
		{org + "/environment=env-1", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1"}},
		{lkc, iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1"}},
		{lkc + "/kafka=lkc-1", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1"}},
		{lkc + "/kafka=lkc-1/topic=orders.*", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1", Type: iam.Topic, Name: "orders.", Prefix: true}},
		{lkc + "/kafka=lkc-1/topic=*", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1", Type: iam.Topic, Prefix: true}},
		{lkc + "/kafka=lkc-1/topic=a%252Fb", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1", Type: iam.Topic, Name: "a%2Fb"}},
		{lkc + "/kafka=lkc-1/group=%2A", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1", Type: iam.Group, Name: "*"}},
		{lkc + "/kafka=lkc-1/group=a%2Ab%2Fc", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1", Type: iam.Group, Name: "a*b/c"}},
		{lkc + "/kafka=lkc-1/transactional-id=tx%252A", iam.Pattern{Organization: "6a4e3a2c", Environment: "env-1", Cluster: "lkc-1", Type: iam.TransactionalID, Name: "tx%2A"}},
	} {
		got, err := iam.ParsePattern(c.crn)
		if err != nil || got != c.want {
			t.Errorf("ParsePattern(%q) = %+v, %v, want %+v", c.crn, got, err, c.want)
			continue
		}
		again, err := iam.ParsePattern(got.CRN())
		if err != nil || again != got {
			t.Errorf("%q does not come back: %q gives %+v, %v", c.crn, got.CRN(), again, err)
		}
	}
}

func TestParsePatternRefuses(t *testing.T) {
	lkc := org + "/environment=env-1/cloud-cluster=lkc-1"
	for _, crn := range []string{
		"", "crn://", "crn://evil.cloud/organization=1", org + "/", org + "/environment=env-1*", org + "/environment=*",
		org + "/cloud-cluster=lkc-1", lkc + "/kafka=lkc-2/topic=a", lkc + "/topic=a", lkc + "/kafka=lkc-1/topic=a*b",
		lkc + "/kafka=lkc-1/queue=a", lkc + "/kafka=lkc-1/topic=", lkc + "/kafka=lkc-1/topic=a/group=b", lkc + "/kafka=lkc-1/topic=%zz",
		strings.ToUpper(org), lkc + "/kafka=lkc-1/topic=a**",
	} {
		if p, err := iam.ParsePattern(crn); err == nil {
			t.Errorf("ParsePattern(%q) = %+v, want an error", crn, p)
		}
	}
}

func FuzzParsePattern(f *testing.F) {
	f.Add(org + "/environment=env-1/cloud-cluster=lkc-1/kafka=lkc-1/topic=orders.*")
	f.Fuzz(func(t *testing.T, crn string) {
		p, err := iam.ParsePattern(crn)
		if err != nil {
			return
		}
		again, err := iam.ParsePattern(p.CRN())
		if err != nil || again != p {
			t.Fatalf("%q: %+v, %q gives %+v, %v", crn, p, p.CRN(), again, err)
		}
	})
}

func TestReserved(t *testing.T) {
	for _, c := range []struct {
		r                  iam.Resource
		reserved, internal bool
	}{
		{iam.Resource{Type: iam.Topic, Name: "__klamm_state"}, true, false},
		{iam.Resource{Type: iam.Group, Name: "__klamm"}, true, false},
		{iam.Resource{Type: iam.TransactionalID, Name: "__klamm-tx"}, true, false},
		{iam.Resource{Type: iam.Topic, Name: "_klamm"}, false, false},
		{iam.Resource{Type: iam.Topic, Name: "__consumer_offsets"}, false, true},
		{iam.Resource{Type: iam.Group, Name: "__consumer_offsets"}, false, false},
	} {
		if c.r.Reserved() != c.reserved || c.r.Internal() != c.internal {
			t.Errorf("%v: reserved %v, internal %v", c.r, c.r.Reserved(), c.r.Internal())
		}
	}
}
