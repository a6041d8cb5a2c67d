package guard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
)

func encode(t *testing.T, r audit.Record) []byte {
	t.Helper()
	b, err := json.Marshal(r.Event)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shape is every member that Confluent's audit schema 1.2 knows for the two
// types of events; both are closed (additionalProperties: false).
var shape = map[string][]string{
	audit.TypeAuthentication: append(envelope,
		"data.serviceName", "data.methodName", "data.resourceName",
		"data.authenticationInfo", "data.authenticationInfo.principal", "data.authenticationInfo.principalResourceId", "data.authenticationInfo.identity",
		"data.authenticationInfo.metadata", "data.authenticationInfo.metadata.mechanism", "data.authenticationInfo.metadata.identifier",
		"data.requestMetadata", "data.requestMetadata.connection_id", "data.result", "data.result.status", "data.result.message",
		"data.clientAddress", "data.clientAddress.ip", "data.clientAddress.port", "data.request", "data.request.remote_logical_cluster_id",
	),
	audit.TypeAuthorization: append(envelope,
		"data.serviceName", "data.methodName", "data.resourceName",
		"data.authenticationInfo", "data.authenticationInfo.principal", "data.authenticationInfo.principalResourceId", "data.authenticationInfo.identity",
		"data.authorizationInfo", "data.authorizationInfo.granted", "data.authorizationInfo.operation", "data.authorizationInfo.resourceType",
		"data.authorizationInfo.resourceName", "data.authorizationInfo.patternType", "data.authorizationInfo.assignedPrincipals",
		"data.authorizationInfo.rbacAuthorization", "data.authorizationInfo.rbacAuthorization.role", "data.authorizationInfo.rbacAuthorization.actingPrincipal",
		"data.authorizationInfo.rbacAuthorization.scope", "data.authorizationInfo.rbacAuthorization.scope.outerScope", "data.authorizationInfo.rbacAuthorization.scope.clusters",
		"data.authorizationInfo.rbacAuthorization.scope.clusters.kafka-cluster",
		"data.request", "data.request.clientId", "data.request.correlationId", "data.requestMetadata", "data.requestMetadata.connection_id",
		"data.clientAddress", "data.clientAddress.ip", "data.clientAddress.port",
	),
}

var envelope = []string{"id", "source", "specversion", "type", "datacontenttype", "subject", "time", "data"}

func checkShape(t *testing.T, r audit.Record) {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(encode(t, r), &event); err != nil {
		t.Fatal(err)
	}
	var paths []string
	members(event, "", func(p string) { paths = append(paths, p) })
	known := shape[r.Event.Type]
	for _, p := range paths {
		if !slices.Contains(known, p) {
			t.Errorf("an event of type %s has the member %s, which the schema does not know", r.Event.Type, p)
		}
	}
	for _, p := range append(envelope, "data.serviceName", "data.methodName", "data.resourceName", "data.authenticationInfo.principal") {
		if !slices.Contains(paths, p) {
			t.Errorf("an event of type %s lacks %s", r.Event.Type, p)
		}
	}
}

func members(v any, path string, f func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			p := strings.TrimPrefix(path+"."+k, ".")
			f(p)
			members(inner, p, f)
		}
	case []any:
		for _, inner := range v {
			members(inner, path, f)
		}
	}
}

// want compares an event with its documented JSON, times and ids aside.
func want(t *testing.T, r audit.Record, text string) {
	t.Helper()
	checkShape(t, r)
	r.Event.ID, r.Event.Time = "", r.Event.Time.Truncate(0)
	var got, expected bytes.Buffer
	var a, b any
	if err := json.Unmarshal(encode(t, r), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	delete(a.(map[string]any), "time")
	delete(a.(map[string]any), "id")
	for out, v := range map[*bytes.Buffer]any{&got: a, &expected: b} {
		enc := json.NewEncoder(out)
		enc.SetIndent("", " ")
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != expected.String() {
		t.Errorf("event\n%swant\n%s", &got, &expected)
	}
}

const crn = `"crn://confluent.cloud/kafka=lkc-orders"`

func TestEventsToTheLetter(t *testing.T) {
	d := newDoor()
	s := d.enter(t)
	envelope := func(kind string) string {
		return `"source":` + crn + `,"specversion":"1.0","type":"` + kind + `","datacontenttype":"application/json","subject":` + crn + `,"data":{"serviceName":` + crn + `,"clientAddress":[{"ip":"192.0.2.7","port":40123}],`
	}
	want(t, d.last(t), `{`+envelope(audit.TypeAuthentication)+`"methodName":"kafka.Authentication","resourceName":`+crn+`,
		"authenticationInfo":{"principal":"User:pool-a","principalResourceId":"pool-a","identity":"crn://confluent.cloud/organization=6a4e3a2c/identity-provider=op-a/identity=oid-1",
			"metadata":{"mechanism":"SASL_SSL/OAUTHBEARER","identifier":"oid-1"}},
		"requestMetadata":{"connection_id":"conn-1"},"request":{"remote_logical_cluster_id":"lkc-orders"},"result":{"status":"SUCCESS"}}}`)

	_, _ = d.guard.Open(context.Background(), from, credential("stranger"))
	want(t, d.last(t), `{`+envelope(audit.TypeAuthentication)+`"methodName":"kafka.Authentication","resourceName":`+crn+`,
		"authenticationInfo":{"principal":"None:UNKNOWN_USER","metadata":{"mechanism":"SASL_SSL/OAUTHBEARER","identifier":"verified-claim"}},
		"request":{"remote_logical_cluster_id":"lkc-orders"},"result":{"status":"UNAUTHENTICATED","message":"unknown-token"}}}`)

	who := `"authenticationInfo":{"principal":"User:pool-a","principalResourceId":"pool-a","identity":"crn://confluent.cloud/organization=6a4e3a2c/identity-provider=op-a/identity=oid-1"},
		"request":{"clientId":"producer-1","correlationId":"42"},"requestMetadata":{"connection_id":"conn-1"},`
	if err := s.Allow(call, writeOrders); err != nil {
		t.Fatal(err)
	}
	want(t, d.last(t), `{`+envelope(audit.TypeAuthorization)+`"methodName":"kafka.Produce","resourceName":"crn://confluent.cloud/kafka=lkc-orders/topic=orders.new",`+who+`
		"authorizationInfo":{"granted":true,"operation":"Write","resourceType":"Topic","resourceName":"orders.new","patternType":"LITERAL",
			"rbacAuthorization":{"role":"DeveloperWrite","scope":{"outerScope":["organization=6a4e3a2c","environment=env-prod","cloud-cluster=lkc-orders"],"clusters":{"kafka-cluster":"lkc-orders"}},"actingPrincipal":"User:pool-a"}}}}`)

	_ = s.Allow(call, iam.Action{Op: iam.Read, On: iam.Resource{Type: iam.Group, Name: "a/b*"}})
	want(t, d.last(t), `{`+envelope(audit.TypeAuthorization)+`"methodName":"kafka.Produce","resourceName":"crn://confluent.cloud/kafka=lkc-orders/group=a%2Fb%2A",`+who+`
		"authorizationInfo":{"granted":false,"operation":"Read","resourceType":"Group","resourceName":"a/b*","patternType":"LITERAL"}}}`)

	_ = s.AllowAny(call, idempotent)
	if got := d.last(t).Event.Data.ResourceName; got != "crn://confluent.cloud/kafka=lkc-orders" {
		t.Errorf("the cluster is %s", got)
	}
	_ = s.Allow(call, iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Any: true}})
	if got := d.last(t).Event.Data; got.ResourceName != "crn://confluent.cloud/kafka=lkc-orders/topic=*" || got.AuthorizationInfo.ResourceName != "*" {
		t.Errorf("any topic is %+v", got)
	}
	d.guard.Kill(s.ID())
	for _, r := range d.all() {
		checkShape(t, r)
	}
}

func TestSeveralPoolsAreAssigned(t *testing.T) {
	d := newDoor()
	d.tokens["both"] = identity("pool-a", "pool-b")
	s, err := d.guard.Open(context.Background(), from, credential("both"))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Allow(call, writeOther)
	rec := d.last(t)
	checkShape(t, rec)
	id := s.Identity()
	if got := fmt.Sprint(rec.Event.Data.AuthorizationInfo.AssignedPrincipals); got != "["+id.CRN+" User:pool-a User:pool-b]" {
		t.Errorf("assigned %s", got)
	}
	if rec.Event.Data.AuthenticationInfo.Principal != id.CRN || rec.Event.Data.AuthenticationInfo.PrincipalResourceID != "" {
		t.Errorf("who: %+v", rec.Event.Data.AuthenticationInfo)
	}
	if !slices.Contains(rec.Subjects, "User:pool-b") || !slices.Contains(rec.Subjects, "oid-1") {
		t.Errorf("subjects %v", rec.Subjects)
	}
}

// What a client says by itself is cut before it fills the log.
func TestLongWordsAreCut(t *testing.T) {
	d := newDoor()
	long := strings.Repeat("x", 30000)
	cred := credential("stranger")
	cred.LogicalCluster, cred.PoolSelection = long, long+","+long
	_, err := d.guard.Open(context.Background(), from, cred)
	s := d.enter(t)
	_ = s.Allow(guard.Call{Method: "kafka.Produce", ClientID: long}, writeOther)
	for _, r := range d.all() {
		if n := len(encode(t, r)) + len(fmt.Sprint(r.Steps, r.Subjects)); n > 4000 {
			t.Errorf("a record has %d bytes", n)
		}
	}
	if len(err.Error()) > 300 {
		t.Errorf("the client reads %d bytes", len(err.Error()))
	}
}
