// Package relay carries Kafka frames between a client's connection and one
// upstream connection: it keeps the order, checks correlation ids, pushes back
// and holds the limits. What to do with a frame is the [Session]'s word; the
// relay knows no rule, no identity and no API key.
package relay

import (
	"context"
	"time"

	"github.com/klammhq/klamm/internal/kafka"
)

// Via is what the address that a client dialled stands for.
type Via struct {
	Cluster string // logical cluster, "lkc-…"
	Broker  int32  // node id, or Bootstrap
}

// Bootstrap is the Broker of an address that stands for no particular broker.
const Bootstrap int32 = -1

// Acceptor lets clients in.
type Acceptor interface {
	// Accept talks with a client until it is let in: before that, only it
	// reads from and writes to conn. An error ends the connection; it has been
	// answered and audited where that was due. ctx ends at the handshake deadline.
	Accept(ctx context.Context, conn *kafka.Conn, via Via) (Session, error)
}

// Session is one client that was let in.
type Session interface {
	// Dial opens the upstream connection; the relay calls it at most once, at
	// the first frame that needs it.
	Dial(context.Context) (*kafka.Link, error)
	// Plan says what happens to a frame. It is called for each request, in
	// order, never concurrently. An error closes the connection like the zero
	// Plan; one of kind Unauthenticated says that the session had ended, be its
	// Done late. It may change the frame's bytes in place and must not keep them.
	Plan(context.Context, *kafka.Frame) (Plan, error)
	// Done is closed when the session was killed or has expired.
	Done() <-chan struct{}
	// Close releases what the session holds; it is called once, at the end.
	Close()
}

// Witness is a Session that is told of a request that cannot be read at all,
// like one above Server.MaxFrame, before the connection ends by it. The call is
// in the place of one of Plan.
type Witness interface{ Unreadable(error) }

// Accuser is a Session that is told of a broker that broke the protocol: it
// answered what was not due, or what cannot be read, or more than is held. It is
// told once, when the connection has ended by it, before Close, while neither
// Plan nor Dial runs. The error names the broker and what was wrong.
type Accuser interface{ Accuse(error) }

// Verdict is what happens to a request.
type Verdict uint8

const (
	// Close ends the connection after the answers that are due and come within
	// Server.Drain. It is the zero value, so that a forgotten decision lets
	// nothing through.
	Close Verdict = iota
	// Pass forwards the frame's own bytes.
	Pass
	// Send forwards Plan.Bytes instead of the frame.
	Send
	// Answer sends Plan.Bytes to the client; upstream sees nothing.
	Answer
)

// Plan is the decision about one request. Its zero value closes.
type Plan struct {
	Verdict Verdict
	// Reason says why a Close closes, for the log.
	Reason string
	// Bytes is a whole request (Send) or a whole response (Answer), header
	// included, without the length prefix.
	Bytes []byte
	// NoReply marks a request that gets no answer (Produce with acks 0).
	NoReply bool
	// Edit rewrites the upstream's answer; nil streams it through unread. It
	// gets the whole response with its header, without the length prefix, may
	// change it in place and returns what the client gets. An error closes; one
	// of kind Malformed says that the answer cannot be read, which is the broker's
	// fault. It runs in the order of the requests, while Plan may be running for
	// a later one.
	Edit func(response []byte) ([]byte, error)
	// Stream changes the upstream's answer in place while it streams through,
	// where an Edit would hold it whole. Its errors are those of Edit. It is used
	// for one answer at a time, in their order.
	Stream kafka.StreamEdit
	// Hold keeps an Answer back for this long, without delaying the frames
	// before it.
	Hold time.Duration
	// Last ends the connection after this answer was delivered.
	Last bool
	// Drop says that at the session's end nobody waits for this answer: a
	// waiting Fetch or JoinGroup, as opposed to a Produce or a commit.
	Drop bool
}
