package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// TestCredential: what a client said reaches the guard, or the reason why it
// cannot be read does; never half of it.
func TestCredential(t *testing.T) {
	g := &Gateway{}
	c := g.credential("lkc-1", message("alice", "LogicalCluster=lkc-1", "identityPoolId=pool-a,pool-b"))
	if c.Token.Reveal() != "alice" || c.LogicalCluster != "lkc-1" || c.PoolSelection != "pool-a,pool-b" || c.Cluster != "lkc-1" || c.Malformed != "" || c.Mend != "" {
		t.Errorf("%+v", c)
	}
	c = g.credential("lkc-1", message("alice", "logicalCluster=lkc-1", "identity_pool_id=pool-a"))
	if !c.Token.IsZero() || c.LogicalCluster != "" || c.PoolSelection != "" {
		t.Errorf("half of a message is believed: %+v", c)
	}
	const stray = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
	for _, extension := range []string{"logicalCluster=" + stray, "identityPoolId=pool-a," + stray} {
		if c := g.credential("lkc-1", message("alice", extension)); c.Malformed == "" || !c.Token.IsZero() || strings.Contains(fmt.Sprintf("%+v", c), stray) {
			t.Errorf("a token in the wrong place is kept: %+v", c)
		}
	}
	if !strings.Contains(c.Malformed, `"identity_pool_id"`) || !strings.Contains(c.Mend, "identityPoolId") || c.Mechanism != mechanism || c.Cluster != "lkc-1" {
		t.Errorf("%+v", c)
	}
}
