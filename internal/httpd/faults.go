package httpd

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// Fault is what a server does wrong on purpose. Its first two groups may come
// together; the zero Fault changes nothing.
type Fault struct {
	// Status, Header and Body are answered instead of what the handler would
	// say. HTML is a page as a proxy or a sign-in portal puts in between, where
	// Body is not given. Without Status it is 200; without all four the handler
	// answers.
	Status int
	Header http.Header
	Body   string
	HTML   bool

	// Latency passes before the answer. Truncate ends the connection in the
	// middle of the body.
	Latency  time.Duration
	Truncate bool

	// Times is how many requests it hits, Until when it ends, whichever comes
	// first; the zero values are no end.
	Times int
	Until time.Time
}

const (
	htmlPage = "<!DOCTYPE html>\n<html><head><title>Bad Gateway</title></head>\n<body><h1>Bad Gateway</h1><p>The upstream server did not answer.</p></body></html>\n"
	// maxLatency is far above what any client waits.
	maxLatency = time.Hour
)

func (f *Fault) check() error {
	switch {
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fault.New(fault.Invalid, "the status is %d, expected 200 to 599", f.Status).At("status")
	case f.Latency < 0 || f.Latency > maxLatency:
		return fault.New(fault.Invalid, "the latency is %s, expected 0 to %s", f.Latency, maxLatency).At("latency")
	case f.Times < 0:
		return fault.New(fault.Invalid, "the number of requests is %d, expected 0, for no end, or more", f.Times).At("times")
	case f.Header.Get("Content-Length") != "" || f.Header.Get("Transfer-Encoding") != "":
		return fault.New(fault.Invalid, "the length of the answer cannot be chosen, expected other headers").At("header").
			Mend("truncate is for answers that end early")
	case !f.answers() && f.Latency == 0 && !f.Truncate:
		return fault.New(fault.Invalid, "the fault changes nothing, expected status, header, body, html, latency or truncate")
	}
	return nil
}

// answers reports whether the fault speaks in the handler's place.
func (f *Fault) answers() bool {
	return f.Status != 0 || len(f.Header) > 0 || f.Body != "" || f.HTML
}

// answer speaks in the handler's place.
func (f *Fault) answer(w http.ResponseWriter, _ *http.Request) {
	body, h := f.Body, w.Header()
	if f.HTML {
		h.Set("Content-Type", "text/html; charset=utf-8")
		if body == "" {
			body = htmlPage
		}
	}
	for name, values := range f.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(max(f.Status, http.StatusOK))
	_, _ = io.WriteString(w, body)
}

// Faults injects one fault at a time into a server. The zero Faults has none.
// It is safe for concurrent use.
type Faults struct {
	mu      sync.Mutex
	current *injected
}

// injected is a fault with what is left of it.
type injected struct {
	Fault
	left  int           // requests that it still hits, when Times is set
	ended chan struct{} // closed when it was taken away
}

// Set injects f in the place of the fault before, which ends.
func (s *Faults) Set(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	f.Header = f.Header.Clone()
	s.replace(&injected{Fault: f, left: f.Times, ended: make(chan struct{})})
	return nil
}

// Clear ends the fault. Requests that it holds go on at once.
func (s *Faults) Clear() { s.replace(nil) }

func (s *Faults) replace(next *injected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		close(s.current.ended)
	}
	s.current = next
}

// take counts a request and returns the fault that it meets; nil for none.
func (s *Faults) take() *injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.current
	// One that is used up stays: Clear lets go what it still holds.
	if f == nil || f.Times > 0 && f.left == 0 || !f.Until.IsZero() && !time.Now().Before(f.Until) {
		return nil
	}
	f.left--
	return f
}

// Wrap puts the faults in front of next.
func (s *Faults) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.take()
		if f == nil {
			next.ServeHTTP(w, r)
			return
		}
		if !f.wait(w, r.Context()) {
			f = &injected{} // ended while it held the request
		}
		answer := next
		if f.answers() {
			answer = http.HandlerFunc(f.answer)
		}
		if f.Truncate {
			answer = truncated(answer)
		}
		answer.ServeHTTP(w, r)
	})
}

// wait lets the latency pass and reports whether the fault is still there. A
// client that goes away meanwhile ends the request.
func (f *injected) wait(w http.ResponseWriter, ctx context.Context) bool {
	if f.Latency == 0 {
		return true
	}
	// A test's recorder has no deadlines, and needs none.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(f.Latency + writeTimeout))
	timer := time.NewTimer(f.Latency)
	defer timer.Stop()
	var end <-chan time.Time
	if !f.Until.IsZero() {
		until := time.NewTimer(time.Until(f.Until))
		defer until.Stop()
		end = until.C
	}
	select {
	case <-timer.C:
		return true
	case <-f.ended:
	case <-end:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
	return false
}

// truncated sends the first half of what next answers, under the length of the
// whole, and cuts the connection.
func truncated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &keeper{header: w.Header(), status: http.StatusOK}
		next.ServeHTTP(kept, r)
		whole := kept.body.Bytes()
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(whole))}
		w.WriteHeader(kept.status)
		_, _ = w.Write(whole[:len(whole)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// keeper keeps an answer instead of sending it.
type keeper struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (k *keeper) Header() http.Header { return k.header }

func (k *keeper) WriteHeader(status int) {
	if !k.wrote {
		k.status, k.wrote = status, true
	}
}

func (k *keeper) Write(p []byte) (int, error) {
	k.wrote = true
	return k.body.Write(p)
}
