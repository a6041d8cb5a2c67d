package httpd

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// FaultRequest is the JSON form of a [Fault]. Durations are written as "2s",
// that of Clock may be negative; For counts from the request on.
type FaultRequest struct {
	Status   int               `json:"status,omitempty"`
	Header   map[string]string `json:"header,omitempty"`
	Body     string            `json:"body,omitempty"`
	HTML     bool              `json:"html,omitempty"`
	Latency  string            `json:"latency,omitempty"`
	Truncate bool              `json:"truncate,omitempty"`
	Opaque   bool              `json:"opaque,omitempty"`
	Clock    string            `json:"clock,omitempty"`
	Path     string            `json:"path,omitempty"`
	Times    int               `json:"times,omitempty"`
	For      string            `json:"for,omitempty"`
}

// Admin is a handler by which programs on this machine inject faults: POST of a
// [FaultRequest] sets one, DELETE clears it, both answered 204. GET answers the
// one in force as a FaultRequest whose times and for are what is left of it, {}
// without one. Errors are [AdminError]. A browser is refused wherever it is, so
// that no page reaches what runs on the machine of its reader.
func (s *Faults) Admin() http.Handler { return Administered(s.admin) }

func (s *Faults) admin(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		return WriteJSON(w, http.StatusOK, s.show())
	case http.MethodPost:
		var q FaultRequest
		if err := listMembers(ReadCommand(r, &q)); err != nil {
			return err
		}
		f, err := q.fault()
		if err == nil {
			err = s.Set(f)
		}
		if err != nil {
			return err
		}
	case http.MethodDelete:
		s.Clear()
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ParseFault reads the JSON of a [FaultRequest]; unknown members are errors.
func ParseFault(raw []byte) (Fault, error) {
	var q FaultRequest
	if err := listMembers(ParseCommand(raw, &q)); err != nil {
		return Fault{}, err
	}
	return q.fault()
}

// listMembers says what a fault may have when its JSON is none.
func listMembers(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Malformed {
		return f.Mend("a fault has status, header, body, html, latency, truncate, opaque, clock, path, times and for")
	}
	return err
}

func (q FaultRequest) fault() (Fault, error) {
	f := Fault{Status: q.Status, Body: q.Body, HTML: q.HTML, Truncate: q.Truncate, Path: q.Path, Times: q.Times}
	for name, value := range q.Header {
		if f.Header == nil {
			f.Header = http.Header{}
		}
		f.Header.Set(name, value)
	}
	f.Token.Opaque = q.Opaque
	var lasts time.Duration
	for _, d := range []struct {
		where, text string
		signed      bool
		into        *time.Duration
	}{
		{"latency", q.Latency, false, &f.Latency},
		{"clock", q.Clock, true, &f.Token.Clock},
		{"for", q.For, false, &lasts},
	} {
		if err := readDuration(d.where, d.text, d.signed, d.into); err != nil {
			return Fault{}, err
		}
	}
	if lasts > 0 {
		f.Until = time.Now().Add(lasts)
	}
	return f, f.check()
}

func readDuration(where, text string, signed bool, into *time.Duration) error {
	if text == "" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d == 0 || d < 0 && !signed {
		return fault.New(fault.Invalid, `%q is no duration, expected one such as "2s"`, printable(text)).At(where)
	}
	*into = d
	return nil
}

// show is what is left of the fault in force.
func (s *Faults) show() FaultRequest {
	f, ok := s.Left()
	if !ok {
		return FaultRequest{}
	}
	q := FaultRequest{
		Status: f.Status, Body: f.Body, HTML: f.HTML, Truncate: f.Truncate, Opaque: f.Token.Opaque, Path: f.Path, Times: f.Times,
		Latency: durationText(f.Latency), Clock: durationText(f.Token.Clock),
	}
	if !f.Until.IsZero() {
		q.For = durationText(max(time.Until(f.Until).Round(time.Millisecond), time.Millisecond))
	}
	for name, values := range f.Header {
		if q.Header == nil {
			q.Header = map[string]string{}
		}
		q.Header[name] = strings.Join(values, ", ")
	}
	return q
}

// durationText is a duration as JSON has it; "" for none.
func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
