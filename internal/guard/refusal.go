package guard

import (
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Refusal is a no that was audited. Find it with errors.AsType[*Refusal];
// fault.KindOf gives Unauthenticated, Malformed, Unavailable or Forbidden.
type Refusal struct {
	Ref      string   // id of the audit event, for klamm explain
	Code     iam.Code // never shown to a remote party
	Sentence string   // what a remote party may read
	kind     fault.Kind
}

// Error is the sentence with the reference.
func (r *Refusal) Error() string { return r.Sentence + " (ref=" + r.Ref + ")" }

// As lets a Refusal be found as the fault it is.
func (r *Refusal) As(target any) bool {
	f, ok := target.(**fault.Error)
	if ok {
		*f = fault.New(r.kind, "%s", r.Error())
	}
	return ok
}

// Codes of the refusals that the guard itself speaks; package authn has those
// of authentication.
const (
	CodeNoRole     iam.Code = "missing-role-binding"
	CodeReserved   iam.Code = "reserved-name"
	CodeChanged    iam.Code = "reauthentication-changed"
	CodeKilled     iam.Code = "session-killed"
	CodeKeyGone    iam.Code = "key-withdrawn"
	CodeUpstream   iam.Code = "upstream-authorization"
	CodeBreach     iam.Code = "upstream-protocol"
	CodeUnserved   iam.Code = "unserved-request"
	CodeNoLifetime iam.Code = "no-lifetime"
	CodeUnstated   iam.Code = "unstated" // a refusal whose steps name no code
)

// Entry is one row of the documentation of refusals.
type Entry struct {
	Code     iam.Code
	Means    string
	Sentence string // to the client; "" where there is none
	Mend     string
	Cut      bool // an open connection is closed, which leaves room for no word
}

// Refusals are the guard's own rows, in the order of the documentation.
func Refusals() []Entry {
	return []Entry{
		{CodeNoRole, "no role binding of the principal allows the operation on the resource", "", "add one of the role bindings that explain lists to the folder of identity, or use a principal that has one", false},
		{CodeReserved, "the name is kept for klamm itself", "", "use a name that does not begin with " + iam.ReservedPrefix, false},
		{CodeChanged, "a re-authentication must show the same party: provider, identity claim, mechanism, logicalCluster and identityPoolId as at login", generic("OAUTHBEARER"), "keep one identity and one set of extensions for a connection: see whether the token source changed its client or credential; to change on purpose, restart the client", false},
		{CodeKilled, "an administrator closed the session", "", "log in again; DELETE /sessions/ID on the ops listener did it, so ask the administrator why", true},
		{CodeKeyGone, "the key that signed the session's token was withdrawn", "", "take a new token and log in again; POST /keys/PROVIDER/refresh on the ops listener found the key set without the key", true},
		{CodeUpstream, "the Kafka cluster behind refused klamm's own user", "", "give the right to klamm's user on that cluster (login.username under clusters in klamm.yaml); no role binding here can help", false},
		{CodeBreach, "the Kafka cluster behind broke its own protocol", "", "look at the broker that klamm's log names beside connection ended: its address may be another program's, or something between changes the bytes", true},
		{CodeUnserved, "the request cannot be read, or its API key is never served", "", "use a client that asks for ApiVersions first; brokers are changed, and replicas fetch, on the cluster behind", true},
		{CodeNoLifetime, "nothing was left of the token's lifetime when the session was about to open", generic("OAUTHBEARER"), "take the token shortly before it is used, and see whether the provider's keys (jwks_uri) come late", false},
		{CodeUnstated, "the reason was not recorded; this is a fault in klamm", generic("OAUTHBEARER"), "report it with the reference", false},
	}
}

// mendOf finds the mend of one of the guard's own codes.
func mendOf(code iam.Code) string {
	for _, e := range Refusals() {
		if e.Code == code {
			return e.Mend
		}
	}
	return ""
}

// generic is what Confluent Cloud says to a client that it does not let in.
func generic(mechanism string) string {
	return "Authentication failed during authentication due to invalid credentials with SASL mechanism " + mechanism
}

// denied are Kafka's own words for its authorization errors
// (org.apache.kafka.common.protocol.Errors).
var denied = [...]string{
	iam.Topic:           "Topic authorization failed.",
	iam.Group:           "Group authorization failed.",
	iam.Cluster:         "Cluster authorization failed.",
	iam.TransactionalID: "Transactional Id authorization failed.",
}

func deniedSentence(t iam.ResourceType) string {
	if int(t) < len(denied) && denied[t] != "" {
		return denied[t]
	}
	return denied[iam.Cluster]
}
