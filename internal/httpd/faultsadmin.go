package httpd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// FaultRequest is the JSON form of a [Fault]. Durations are written as "2s";
// For counts from the request on.
type FaultRequest struct {
	Status   int               `json:"status,omitempty"`
	Header   map[string]string `json:"header,omitempty"`
	Body     string            `json:"body,omitempty"`
	HTML     bool              `json:"html,omitempty"`
	Latency  string            `json:"latency,omitempty"`
	Truncate bool              `json:"truncate,omitempty"`
	Times    int               `json:"times,omitempty"`
	For      string            `json:"for,omitempty"`
}

// maxFault holds any answer that a test would want.
const maxFault = 256 << 10

// Admin is a handler by which programs on this machine inject faults: POST of a
// [FaultRequest] sets one, DELETE clears it. It answers 204, or an error as
// {"error":"…"}. A browser is refused wherever it is, so that no page reaches
// what runs on the machine of its reader.
func (s *Faults) Admin() http.Handler {
	return Handle(s.admin, func(w http.ResponseWriter, _ *http.Request, err error) {
		_ = WriteJSON(w, Status(err), map[string]string{"error": err.Error()}) // strings always marshal
	})
}

func (s *Faults) admin(w http.ResponseWriter, r *http.Request) error {
	if err := FromHere(r); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodPost:
		f, err := readFault(r.Body)
		if err == nil {
			err = s.Set(f)
		}
		if err != nil {
			return err
		}
	case http.MethodDelete:
		s.Clear()
	default:
		w.Header().Set("Allow", "POST, DELETE")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func readFault(body io.Reader) (Fault, error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxFault+1))
	if err != nil {
		return Fault{}, fault.New(fault.Malformed, "the body ended early").Because(err)
	}
	if len(raw) > maxFault {
		return Fault{}, fault.New(fault.Exhausted, "a fault above %d bytes", maxFault)
	}
	return ParseFault(raw)
}

// ParseFault reads the JSON of a [FaultRequest]; unknown members are errors.
func ParseFault(raw []byte) (Fault, error) {
	var q FaultRequest
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		return Fault{}, fault.New(fault.Malformed, "%v; expected an object with status, header, body, html, latency, truncate, times and for", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Fault{}, fault.New(fault.Malformed, "more follows the object, expected one")
	}
	f := Fault{Status: q.Status, Body: q.Body, HTML: q.HTML, Truncate: q.Truncate, Times: q.Times}
	for name, value := range q.Header {
		if f.Header == nil {
			f.Header = http.Header{}
		}
		f.Header.Set(name, value)
	}
	var err error
	if f.Latency, err = duration("latency", q.Latency); err != nil {
		return Fault{}, err
	}
	lasts, err := duration("for", q.For)
	if err != nil {
		return Fault{}, err
	}
	if lasts > 0 {
		f.Until = time.Now().Add(lasts)
	}
	return f, f.check()
}

func duration(where, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fault.New(fault.Invalid, `%q is no duration, expected one such as "2s"`, text).At(where)
	}
	return d, nil
}
