// Package audit holds the one audit event of klamm: CloudEvents 1.0 with
// exactly the members of Confluent Cloud's audit log, filled on the way and
// emitted once, and the companion record of the steps that led to it.
//
// It writes nowhere and knows no token: package auditlog keeps events, and the
// companion never leaves klamm.
package audit

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/klammhq/klamm/internal/iam"
)

// Types of events.
const (
	TypeAuthentication = "io.confluent.kafka.server/authentication"
	TypeAuthorization  = "io.confluent.kafka.server/authorization"
)

// Results of an authentication.
const (
	Success         = "SUCCESS"
	Unauthenticated = "UNAUTHENTICATED"
)

// Event is one CloudEvent. Its ID is the reference that a refused client sees.
type Event struct {
	ID              string    `json:"id"`
	Source          string    `json:"source"` // crn://confluent.cloud/kafka=lkc-…
	SpecVersion     string    `json:"specversion"`
	Type            string    `json:"type"`
	DataContentType string    `json:"datacontenttype"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	Data            Data      `json:"data"`
}

// Data is the body of both kinds of events; members of the other kind are absent.
type Data struct {
	ServiceName        string             `json:"serviceName"`
	MethodName         string             `json:"methodName"` // "kafka.Authentication", "kafka.Produce"
	ResourceName       string             `json:"resourceName"`
	AuthenticationInfo AuthenticationInfo `json:"authenticationInfo"`
	AuthorizationInfo  *AuthorizationInfo `json:"authorizationInfo,omitempty"`
	Request            *Request           `json:"request,omitempty"`
	RequestMetadata    *RequestMetadata   `json:"requestMetadata,omitempty"`
	Result             *Result            `json:"result,omitempty"`
	ClientAddress      []Address          `json:"clientAddress,omitempty"`
}

// AuthenticationInfo is who acts.
type AuthenticationInfo struct {
	Principal           string    `json:"principal"`
	PrincipalResourceID string    `json:"principalResourceId,omitempty"`
	Identity            string    `json:"identity,omitempty"`
	Metadata            *Metadata `json:"metadata,omitempty"`
}

// Metadata says how a party authenticated.
type Metadata struct {
	Mechanism  string `json:"mechanism"`            // "SASL_SSL/OAUTHBEARER"
	Identifier string `json:"identifier,omitempty"` // value of the identity claim
}

// AuthorizationInfo is a decision about one action.
type AuthorizationInfo struct {
	Granted            bool               `json:"granted"`
	Operation          string             `json:"operation"`
	ResourceType       string             `json:"resourceType"`
	ResourceName       string             `json:"resourceName"`
	PatternType        string             `json:"patternType"` // LITERAL
	RBACAuthorization  *RBACAuthorization `json:"rbacAuthorization,omitempty"`
	AssignedPrincipals []string           `json:"assignedPrincipals,omitempty"`
}

// RBACAuthorization is the role binding that decided.
type RBACAuthorization struct {
	Role            string `json:"role"`
	Scope           Scope  `json:"scope"`
	ActingPrincipal string `json:"actingPrincipal,omitempty"`
}

// Scope is where the deciding role binding stands.
type Scope struct {
	OuterScope []string          `json:"outerScope"`
	Clusters   map[string]string `json:"clusters"`
}

// Request is what of the client's request names it.
type Request struct {
	ClientID               string `json:"clientId,omitempty"`
	CorrelationID          string `json:"correlationId,omitempty"`
	RemoteLogicalClusterID string `json:"remote_logical_cluster_id,omitempty"`
}

// RequestMetadata names connection and request.
type RequestMetadata struct {
	ConnectionID string `json:"connection_id,omitempty"`
	RequestID    string `json:"request_id,omitempty"`
}

// Result is how an authentication ended.
type Result struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

// Address is where the client comes from.
type Address struct {
	IP   string `json:"ip"`
	Port int    `json:"port,omitempty"`
}

// Record is an event with its companion, which never leaves klamm: the steps
// that led to it and the words by which it can be found.
type Record struct {
	Event Event      `json:"event"`
	Steps []iam.Step `json:"steps,omitempty"`
	// Subjects are the principals, the claim value and the client id that a
	// refusal concerns; they may be what the party asked for.
	Subjects []string `json:"subjects,omitempty"`
}

// Refused reports whether the event says no.
func (r Record) Refused() bool {
	if r.Event.Data.Result != nil {
		return r.Event.Data.Result.Status != Success
	}
	return r.Event.Data.AuthorizationInfo != nil && !r.Event.Data.AuthorizationInfo.Granted
}

// NewReference makes an event id: 128 random bits in lower-case hexadecimal.
func NewReference() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
