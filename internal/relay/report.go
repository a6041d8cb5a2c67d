package relay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// levels are those of reasons that deserve more than Debug.
var levels = map[Reason]slog.Level{
	ByUpstream: slog.LevelInfo, ByFrame: slog.LevelInfo, ByStall: slog.LevelInfo, ByPlan: slog.LevelInfo,
	ByLimit: slog.LevelWarn, ByOrder: slog.LevelWarn, ByNonsense: slog.LevelWarn, ByPanic: slog.LevelError,
}

// breaches are the reasons that are a broker's breach of the protocol.
var breaches = map[Reason]bool{ByOrder: true, ByNonsense: true}

// report tells the observer and the log how the connection ended.
func (c *connection) report() {
	c.observer.Closed(c.via.Cluster, string(c.reason))
	level, ok := levels[c.reason]
	if !ok {
		level = slog.LevelDebug
	}
	about := c.via
	if c.link != nil {
		about.Broker = c.link.Broker
	}
	untold := 0
	if breaches[c.reason] {
		if untold, ok = c.told.due(topic{about, c.reason}, time.Now()); !ok {
			level = slog.LevelDebug
		}
	}
	if !c.log.Enabled(context.Background(), level) {
		return
	}
	detail := ""
	if c.cause != nil {
		detail = fault.Detail(c.cause)
	}
	words := []any{"reason", string(c.reason), "detail", detail, "client", c.raw.RemoteAddr().String(), "cluster", about.Cluster, "broker", about.Broker}
	if untold > 0 {
		words = append(words, "untold", untold)
	}
	c.log.Log(context.Background(), level, "connection ended", words...)
}

// accuse tells the session of its broker's breach.
func (c *connection) accuse() {
	c.mu.Lock()
	reason, cause := c.reason, c.cause
	c.mu.Unlock()
	if a, ok := c.session.(Accuser); ok && breaches[reason] {
		a.Accuse(cause)
	}
}

// told remembers which breaches the log was told of. A broker that commits one
// commits it for each client, and those come back at once.
type told struct {
	mu   sync.Mutex
	last map[topic]*telling
}

type topic struct {
	Via
	Reason
}

type telling struct {
	at     time.Time
	untold int // since then
}

// The log is told once in a minute of each topic. There are no more topics than
// brokers; one that claims to be ever other ones fills no memory.
const (
	tellingPause = time.Minute
	mostTopics   = 1000
)

// due reports whether the log is to be told, and of how many it was not.
func (t *told) due(about topic, now time.Time) (untold int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.last[about]
	if last != nil && now.Sub(last.at) < tellingPause {
		last.untold++
		return 0, false
	}
	if last != nil {
		untold = last.untold
	} else if t.last == nil || len(t.last) >= mostTopics {
		t.last = map[topic]*telling{}
	}
	t.last[about] = &telling{at: now}
	return untold, true
}
