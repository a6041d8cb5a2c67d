package httpd

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/klammhq/klamm/internal/fault"
)

// Fault is what a server does wrong on purpose: it answers otherwise, late or in
// part (these may come together), or its tokens are wrong. The zero Fault
// changes nothing.
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

	// Token is what is wrong with the tokens that are issued.
	Token TokenFault

	// Path limits it to requests whose path ends so, such as "/keys".
	Path string

	// Times is how many requests it hits, or tokens, Until when it ends,
	// whichever comes first; the zero values are no end.
	Times int
	Until time.Time
}

const (
	htmlPage = "<!DOCTYPE html>\n<html><head><title>Bad Gateway</title></head>\n<body><h1>Bad Gateway</h1><p>The upstream server did not answer.</p></body></html>\n"
	// maxLatency is far above what any client waits.
	maxLatency = time.Hour
	// maxClock keeps times within what every JWT library can read.
	maxClock = 10 * 365 * 24 * time.Hour
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
	case f.Path != "" && !pathEnd(f.Path):
		return fault.New(fault.Invalid, "%q is no end of a path, expected one such as /keys", printable(f.Path)).At("path")
	case f.Token.Clock < -maxClock || f.Token.Clock > maxClock:
		return fault.New(fault.Invalid, "the clock is %s off, expected 10 years at most", f.Token.Clock).At("clock")
	case f.ofTokens() && (f.answers() || f.Latency != 0 || f.Truncate):
		return fault.New(fault.Invalid, "opaque and clock are about tokens that are issued, and go with path, times and for alone").
			Mend("set one fault at a time")
	case !f.answers() && f.Latency == 0 && !f.Truncate && !f.ofTokens():
		return fault.New(fault.Invalid, "the fault changes nothing, expected status, header, body, html, latency, truncate, opaque or clock")
	}
	return nil
}

// pathEnd reports whether a path can end so.
func pathEnd(s string) bool {
	return s[0] == '/' && !strings.ContainsFunc(s, func(r rune) bool { return r == '?' || r == '#' || r == ' ' || !unicode.IsPrint(r) })
}

// ofTokens reports whether the fault is about tokens, not answers.
func (f *Fault) ofTokens() bool { return f.Token != TokenFault{} }

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

// Faults injects one fault at a time into a server. The zero Faults has none,
// and takes none of tokens. It is safe for concurrent use.
type Faults struct {
	// Tokens says that the handler behind issues tokens and asks
	// [TakeTokenFault] for each. It is set before the first use.
	Tokens bool

	mu      sync.Mutex
	current *injected
}

// injected is a fault with what is left of it.
type injected struct {
	Fault
	left  int           // what it still hits, when Times is set
	ended chan struct{} // closed when it was taken away
}

// over reports whether the fault hits nothing any more.
func (f *injected) over() bool {
	return f == nil || f.Times > 0 && f.left == 0 || !f.Until.IsZero() && !time.Now().Before(f.Until)
}

// Set injects f in the place of the fault before, which ends.
func (s *Faults) Set(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.ofTokens() && !s.Tokens {
		return fault.New(fault.Invalid, "opaque and clock are for who signs tokens, which nobody does here").
			Mend("set the fault at the server that signs them; here there are status, header, body, html, latency and truncate")
	}
	f.Header = f.Header.Clone()
	s.replace(&injected{Fault: f, left: f.Times, ended: make(chan struct{})})
	return nil
}

// Clear ends the fault. Requests that it holds go on at once.
func (s *Faults) Clear() { s.replace(nil) }

// Left is the fault in force, with the Times that are left of it; false without
// one.
func (s *Faults) Left() (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.over() {
		return Fault{}, false
	}
	f := s.current.Fault
	f.Header, f.Times = f.Header.Clone(), max(s.current.left, 0)
	return f, true
}

func (s *Faults) replace(next *injected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		close(s.current.ended)
	}
	s.current = next
}

// meet returns the fault that a request of this path meets, nil for none, and
// counts the request unless the fault is of tokens, which are counted when they
// are issued.
func (s *Faults) meet(path string) *injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.current
	// One that is used up stays: Clear lets go what it still holds.
	if f.over() || !strings.HasSuffix(path, f.Path) {
		return nil
	}
	if !f.ofTokens() {
		f.left--
	}
	return f
}

// Wrap puts the faults in front of next.
func (s *Faults) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.meet(r.URL.Path)
		switch {
		case f == nil:
			next.ServeHTTP(w, r)
			return
		case f.ofTokens():
			next.ServeHTTP(w, r.WithContext(withTokenFault(r.Context(), s, f)))
			return
		case !f.wait(w, r.Context()):
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
