// Package auditlog keeps audit events: one JSON line each, strictly the event
// and nothing else, in a file that rotates by size. The steps behind a refusal
// are kept apart, in memory and in a side file, so that a reference can be
// explained after a restart.
//
// It never decides, never sees a token, and never deletes an event; only old
// steps make room for new ones. One process writes a file.
package auditlog

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
)

// Config says where events go. The zero value keeps refusals in memory only.
type Config struct {
	File   string // path of the events; steps stand beside it in File + ".steps"
	Rotate int64  // bytes after which a file is put aside; 256 MiB when 0
	Memory int    // refusals that are kept in memory; 2048 when 0
}

const (
	defaultRotate = 256 << 20
	defaultMemory = 2048
	maxSteps      = 32 << 20 // a file of steps; two are kept
	queueLength   = 1024
	// patience bounds how long a refusal waits for the disk. It is refused in
	// any case; a disk that hangs must not hold the connection as well.
	patience = 5 * time.Second
)

// Log is a guard's sink. It is safe for concurrent use.
type Log struct {
	index  *index
	events *rotating // nil in memory only; used by the writer alone after Open
	steps  *rotating

	queue   chan entry
	failing atomic.Bool   // the last write failed
	stopped chan struct{} // closed by Close
	flushed chan struct{} // closed when the writer has ended
	once    sync.Once
}

// Open opens or creates the files (0600) and reads the latest refusals back.
func Open(c Config) (*Log, error) {
	if c.Rotate <= 0 {
		c.Rotate = defaultRotate
	}
	if c.Memory <= 0 {
		c.Memory = defaultMemory
	}
	l := &Log{index: newIndex(c.Memory), stopped: make(chan struct{}), flushed: make(chan struct{})}
	if c.File == "" {
		close(l.flushed)
		return l, nil
	}
	l.events = &rotating{path: c.File, limit: c.Rotate, aside: dated}
	l.steps = &rotating{path: c.File + ".steps", limit: min(c.Rotate, maxSteps), aside: previous}
	for _, begin := range []func() error{l.events.open, l.steps.open, l.restore} {
		if err := begin(); err != nil {
			l.events.close()
			l.steps.close()
			return nil, err
		}
	}
	l.queue = make(chan entry, queueLength)
	go l.write()
	return l, nil
}

// Record keeps records together, with one write and one sync. With a refusal
// among them it returns when all are on the disk, or with a fault when they
// could not be put there; refusals can be explained from memory in either case.
// Other events may be dropped: under load, which is a fault of kind Exhausted,
// and while the disk takes nothing, which is one of kind Unavailable.
func (l *Log) Record(ctx context.Context, records ...audit.Record) error {
	for _, r := range records {
		if r.Refused() {
			l.index.add(r)
		}
	}
	if l.queue == nil || len(records) == 0 {
		return nil
	}
	e, err := encode(records)
	if err != nil {
		return err
	}
	if e.kept == nil {
		select {
		case l.queue <- e:
			if l.failing.Load() {
				return fault.New(fault.Unavailable, "the audit file cannot be written; an event of something allowed may be lost")
			}
			return nil
		default:
			return fault.New(fault.Exhausted, "the audit log is behind; an event of something allowed was dropped")
		}
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case l.queue <- e:
	case <-l.stopped:
		return errClosed()
	case <-late.C:
		return errLate()
	case <-ctx.Done():
		return errLate().Because(ctx.Err())
	}
	select {
	case err := <-e.kept:
		return err
	case <-l.flushed:
		select { // the writer may have kept it on its way out
		case err := <-e.kept:
			return err
		default:
			return errClosed()
		}
	case <-late.C:
		return errLate()
	}
}

// Close writes what is queued and closes the files.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.stopped) })
	<-l.flushed
	return nil
}

// entry is records on their way to the disk, already encoded.
type entry struct {
	events, steps []byte
	kept          chan error // nil for what may be dropped; one value
}

func encode(records []audit.Record) (e entry, err error) {
	for _, r := range records {
		if e.events, err = line(e.events, r.Event); err != nil {
			return entry{}, err
		}
		if !r.Refused() {
			continue
		}
		if e.steps, err = line(e.steps, r); err != nil {
			return entry{}, err
		}
		if e.kept == nil {
			e.kept = make(chan error, 1)
		}
	}
	return e, nil
}

func line(dst []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fault.New(fault.Internal, "an audit record cannot be written as JSON").Because(err)
	}
	return append(append(dst, text...), '\n'), nil
}

func errClosed() *fault.Error {
	return fault.New(fault.Unavailable, "the audit log is closed")
}

func errLate() *fault.Error {
	return fault.New(fault.Unavailable, "the audit log did not reach the disk within %v", patience).
		Mend("look at the disk under the audit file")
}
