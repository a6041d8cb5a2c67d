package relay

// Observer counts. Its methods are called from many goroutines and must be
// quick. It names things in plain words so that it can be implemented without
// importing this package.
type Observer interface {
	// Opened is called when a connection was accepted from the network.
	Opened(cluster string)
	// Closed is called once for each Opened; reason is one of the Reason values.
	Closed(cluster, reason string)
	// Request is called for each frame of a client that was let in.
	Request(cluster string, key int16, bytes int)
	// Response is called for each answer that was delivered to one.
	Response(cluster string, bytes int)
}

// Reason is why a connection ended: a small fixed set, fit for a metric label.
type Reason string

const (
	ByClient    Reason = "client"      // the client hung up
	ByUpstream  Reason = "upstream"    // the broker hung up, could not be reached or takes and answers nothing
	BySession   Reason = "session"     // killed or expired
	ByPlan      Reason = "refused"     // the zero Plan, an error of Plan or of Edit
	ByAnswer    Reason = "finished"    // after an answer marked Last
	ByHandshake Reason = "handshake"   // TLS failed, or the client was not let in in time
	ByLimit     Reason = "limit"       // too many connections
	ByDeath     Reason = "dead-broker" // Refuse said no
	ByFrame     Reason = "malformed"   // a frame that cannot be read
	ByStall     Reason = "stalled"     // the client does not take its answers
	ByOrder     Reason = "correlation" // the broker answered something else than was due
	ByNonsense  Reason = "bad-answer"  // the broker's answer has no possible size, cannot be read or is too large
	ByShutdown  Reason = "shutdown"
	ByPanic     Reason = "panic"
)

type nobody struct{}

func (nobody) Opened(string)              {}
func (nobody) Closed(_, _ string)         {}
func (nobody) Request(string, int16, int) {}
func (nobody) Response(string, int)       {}
