package guard

import (
	"strconv"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
)

// maxWord bounds what a client can write into an event by itself.
const maxWord = 256

// methodLogin is the method of logins, as Confluent names it.
const methodLogin = "kafka.Authentication"

// authentication composes the event of a login. Without an identity it is a
// refusal, and message says which.
func authentication(ref string, from Origin, c iam.Credential, id *iam.Identity, message string) audit.Event {
	crn := clusterCRN(c.Cluster)
	e := base(ref, audit.TypeAuthentication, crn, from)
	e.Data.MethodName = methodLogin
	e.Data.ResourceName = crn
	e.Data.Result = &audit.Result{Status: audit.Unauthenticated, Message: message}
	e.Data.AuthenticationInfo = audit.AuthenticationInfo{Principal: string(iam.Anonymous)}
	if c.LogicalCluster != "" {
		e.Data.Request = &audit.Request{RemoteLogicalClusterID: cut(c.LogicalCluster)}
	}
	if id != nil {
		e.Data.Result = &audit.Result{Status: audit.Success}
		e.Data.AuthenticationInfo = who(*id)
		if from.Connection != "" {
			e.Data.RequestMetadata = &audit.RequestMetadata{ConnectionID: from.Connection}
		}
	}
	meta := &audit.Metadata{Mechanism: from.Surface}
	if id != nil {
		meta.Identifier = id.Claim
	}
	e.Data.AuthenticationInfo.Metadata = meta
	return e
}

// eviction composes the record of a session that is ended against its will:
// an authentication that no longer holds.
func (g *Guard) eviction(from Origin, id iam.Identity, steps []iam.Step, err error) audit.Record {
	c := iam.Credential{Mechanism: id.Mechanism, Cluster: id.Cluster, LogicalCluster: id.LogicalCluster, PoolSelection: id.PoolSelection}
	e := authentication(audit.NewReference(), from, c, &id, "")
	e.Data.RequestMetadata = nil // Confluent has it on success only
	steps = stated(steps, err)
	e.Data.Result = &audit.Result{Status: audit.Unauthenticated, Message: string(codeOf(steps))}
	return audit.Record{Event: e, Steps: steps, Subjects: subjects(id, id.PoolSelection, from.ClientID)}
}

// decision composes the record of a decision, whose strings are its own. Steps
// are given for a refusal.
func (g *Guard) decision(ref string, what about, d iam.Decision, steps []iam.Step) audit.Record {
	from, call, id, a := what.from, what.call, what.id, what.on
	crn := clusterCRN(id.Cluster)
	e := base(ref, audit.TypeAuthorization, crn, from)
	e.Data.MethodName = call.Method
	e.Data.ResourceName = resourceCRN(id.Cluster, a.On)
	e.Data.AuthenticationInfo = who(id)
	name := a.On.Name
	if a.On.Any {
		name = "*"
	}
	info := &audit.AuthorizationInfo{Granted: d.Allowed, Operation: a.Op.String(), ResourceType: a.On.Type.String(), ResourceName: name, PatternType: "LITERAL"}
	if len(id.Acting) > 1 {
		info.AssignedPrincipals = append(info.AssignedPrincipals, string(id.Principal))
		for _, p := range id.Acting {
			info.AssignedPrincipals = append(info.AssignedPrincipals, string(p))
		}
	}
	if d.Allowed {
		info.RBACAuthorization = &audit.RBACAuthorization{Role: d.Role, Scope: scope(g.authz.Scope(d.Binding)), ActingPrincipal: string(d.Acting)}
	}
	e.Data.AuthorizationInfo = info
	e.Data.Request = &audit.Request{ClientID: cut(call.ClientID), CorrelationID: strconv.Itoa(int(call.Correlation))}
	if from.Connection != "" {
		e.Data.RequestMetadata = &audit.RequestMetadata{ConnectionID: from.Connection}
	}
	r := audit.Record{Event: e, Steps: steps}
	if r.Refused() {
		r.Subjects = subjects(id, "", call.ClientID)
	}
	return r
}

// denial is the step of one action that no role binding allows.
func (g *Guard) denial(id iam.Identity, a iam.Action, d iam.Decision) iam.Step {
	step := iam.Step{Name: "role binding", Saw: d.Reason, Wanted: a.String() + " for " + principals(id), Code: CodeNoRole}
	if step.Saw == "" {
		step.Saw = "none that allows it"
	}
	if a.On.Reserved() {
		step.Code, step.Mend = CodeReserved, mendOf(CodeReserved)
		return step
	}
	if enough := g.authz.Enough(id, a); len(enough) > 0 {
		each := ""
		if len(enough) > 1 {
			each = ", each alone"
		}
		step.Mend = "enough would be" + each + ":\n" + strings.Join(enough, "\n")
	} else {
		step.Mend = mendOf(CodeNoRole)
	}
	return step
}

func base(ref, kind, crn string, from Origin) audit.Event {
	e := audit.Event{ID: ref, Source: crn, SpecVersion: "1.0", Type: kind, DataContentType: "application/json", Subject: crn, Time: time.Now().UTC().Truncate(time.Millisecond)}
	e.Data.ServiceName = crn
	if from.IP != "" {
		e.Data.ClientAddress = []audit.Address{{IP: from.IP, Port: from.Port}}
	}
	return e
}

func who(id iam.Identity) audit.AuthenticationInfo {
	return audit.AuthenticationInfo{Principal: string(id.Principal), PrincipalResourceID: id.Principal.ResourceID(), Identity: id.CRN}
}

// subjects are the words by which a refusal can be found later: who acts or
// asked to act, the claim that names it, its client id.
func subjects(id iam.Identity, selection, clientID string) []string {
	var list []string
	add := func(s string) {
		if s != "" && len(s) <= maxWord && len(list) < 32 {
			list = append(list, s)
		}
	}
	add(string(id.Principal))
	for _, p := range id.Acting {
		if p != id.Principal {
			add(string(p))
		}
	}
	if len(id.Acting) == 0 && selection != "" {
		for _, pool := range strings.Split(selection, ",") {
			if pool = strings.TrimSpace(pool); pool != "" {
				add(string(iam.PoolPrincipal(pool)))
			}
		}
	}
	add(id.Claim)
	add(clientID)
	return list
}

// scope writes where a role binding stands.
func scope(p iam.Pattern) audit.Scope {
	s := audit.Scope{OuterScope: []string{}, Clusters: map[string]string{}}
	if p.Organization != "" {
		s.OuterScope = append(s.OuterScope, "organization="+p.Organization)
	}
	if p.Environment != "" {
		s.OuterScope = append(s.OuterScope, "environment="+p.Environment)
	}
	if p.Cluster != "" {
		s.OuterScope = append(s.OuterScope, "cloud-cluster="+p.Cluster)
		s.Clusters["kafka-cluster"] = p.Cluster
	}
	return s
}

func clusterCRN(cluster string) string {
	return "crn://confluent.cloud/kafka=" + iam.EscapeCRN(cluster)
}

// resourceCRN is the short CRN of audit events, which begins at the cluster.
func resourceCRN(cluster string, r iam.Resource) string {
	if r.Type == iam.Cluster || r.Type == 0 {
		return clusterCRN(cluster)
	}
	crn := iam.Pattern{Cluster: cluster, Type: r.Type, Name: r.Name, Prefix: r.Any}.CRN()
	return clusterCRN(cluster) + crn[strings.LastIndexByte(crn, '/'):]
}

func principals(id iam.Identity) string {
	list := make([]string, len(id.Acting))
	for i, p := range id.Acting {
		list[i] = string(p)
	}
	if len(list) == 0 {
		return string(id.Principal)
	}
	return strings.Join(list, " or ")
}

func cut(s string) string {
	if len(s) > maxWord {
		return s[:maxWord] + "…"
	}
	return s
}

func quoted(s string) string {
	if s == "" {
		return "nothing"
	}
	return strconv.Quote(cut(s))
}
