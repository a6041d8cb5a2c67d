package klammtest

import (
	"encoding/json"
	"regexp"
)

// Refusal is why somebody was refused, which the refused party does not learn.
type Refusal struct {
	// Ref is the reference that the refused client was told.
	Ref string
	// Code names the way to be refused, one of docs/refusals.md; stable.
	Code string
	// Steps led to the refusal, which is mostly the last one.
	Steps []Step
	// Text is the whole story for people, as klamm explain prints it.
	Text string
}

// Step is one check on the way to a refusal.
type Step struct {
	Name string // what was looked at: "signature", "pool pool-orders"
	OK   bool
	Saw  string // what was there
	// Of a step that failed: what would have passed, and how to get there.
	Wanted, Mend string
	Code         string // of the step that refused; empty in the others
}

// reference is how a refused client is told.
var reference = regexp.MustCompile(`ref=([0-9a-f]{32})`)

// Explain finds a refusal: by its reference, by any text that holds one as
// "ref=…" (a client's error), or the latest of a principal ("User:pool-orders"),
// of an identity claim's value, or of a client id. It is false when nobody of
// that name was refused.
//
// A client that was answered no finds its refusal explained already; that of an
// open session which was cut may follow the cut.
func (l *Lab) Explain(of string) (Refusal, bool) {
	if found := reference.FindStringSubmatch(of); found != nil {
		of = found[1]
	}
	record, text, ok := l.app.Refusal(of)
	if !ok {
		return Refusal{}, false
	}
	r := Refusal{Ref: record.Event.ID, Text: text}
	for _, s := range record.Steps {
		r.Steps = append(r.Steps, Step{Name: s.Name, OK: s.OK, Saw: s.Saw, Wanted: s.Wanted, Mend: s.Mend, Code: string(s.Code)})
		if s.Code != "" {
			r.Code = string(s.Code)
		}
	}
	return r, true
}

// Refusals are all refusals until now, oldest first; of very many the last
// 2048. A test whose client must never be refused wants none.
func (l *Lab) Refusals() []Refusal {
	var list []Refusal
	for _, record := range l.app.Records() {
		if !record.Refused() {
			continue
		}
		if r, ok := l.Explain(record.Event.ID); ok {
			list = append(list, r)
		}
	}
	return list
}

// Events are all audit events until now, oldest first: CloudEvents in JSON, in
// the shape of Confluent Cloud's audit log. An event stands here before the
// client that it is about is answered; that of an open session which was cut
// may follow the cut.
func (l *Lab) Events() []json.RawMessage {
	var events []json.RawMessage
	for _, r := range l.app.Records() {
		event, err := json.Marshal(r.Event)
		if err != nil {
			panic("klammtest: an audit event cannot be JSON: " + err.Error()) // it is made of strings and numbers
		}
		events = append(events, event)
	}
	return events
}
