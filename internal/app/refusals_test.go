package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/ops"
	"github.com/klammhq/klamm/internal/testkit"
)

// provocation is one way to be refused over a connection with TLS.
type provocation struct {
	code iam.Code
	slip string // another cause of the same code; "" for the row's own
	hint string // part of what the step saw, or of its mend, for this cause
	note string // what a reader of the page must know of how it comes about
	by   func(*house) (outcome, error)
}

// outcome is what came of a provocation.
type outcome struct {
	told   string       // the sentence that the client reads; "" for none
	kafka  int16        // Kafka's error code; 0 when the connection is cut
	record audit.Record // found by the reference, where the client reads one
	tokens []string     // that nobody may see again
}

// row is one of the tables of refusals.
type row struct {
	code                  iam.Code
	means, sentence, mend string
	login, cut            bool
}

func refusalRows() (list []row) {
	for _, r := range authn.Refusals() {
		list = append(list, row{r.Code, r.Means, strings.ReplaceAll(r.Sentence, "{mechanism}", "OAUTHBEARER"), r.Mend, true, false})
	}
	for _, r := range guard.Refusals() {
		list = append(list, row{r.Code, r.Means, r.Sentence, r.Mend, false, r.Cut})
	}
	return list
}

// TestEveryRefusal provokes each row of the tables of refusals, and what of the
// way in is ended without a reference. The page of documentation is made of
// what came of it.
func TestEveryRefusal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{more: refusing})
	h.refuseEverybody()
	all := slices.Concat(atTheDoor(), atTheToken(), atThePool(), onceInside())
	rows := map[iam.Code]row{}
	for _, r := range refusalRows() {
		if _, twice := rows[r.code]; twice {
			t.Errorf("%s stands twice in the tables", r.code)
		}
		rows[r.code] = r
	}
	own := map[iam.Code]int{}
	for _, p := range all {
		if _, known := rows[p.code]; !known {
			t.Errorf("%s is provoked and stands in no table", p.code)
		}
		if p.slip == "" {
			own[p.code]++
		}
	}
	for _, code := range slices.Sorted(maps.Keys(rows)) {
		if own[code] != 1 {
			t.Errorf("%s is provoked by %d entries, expected one", code, own[code])
		}
	}
	if len(rows) < 35 {
		t.Errorf("%d rows, expected at least 35", len(rows))
	}

	outcomes, ends := make([]outcome, len(all)), atTheDoorUnheard()
	var others sync.WaitGroup
	others.Go(func() {
		h.together(len(ends), func(i int) error {
			if err := ends[i].by(h); err != nil {
				return fmt.Errorf("%s: %w", ends[i].name, err)
			}
			h.logged(ends[i])
			return nil
		})
	})
	h.together(len(all), func(i int) error {
		p := all[i]
		o, err := p.by(h)
		if err == nil {
			err = o.judge(p, rows[p.code])
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", p.code, p.slip, err)
		}
		outcomes[i] = o
		return nil
	})
	others.Wait()
	if strings.Contains(h.log.String(), "eyJ") {
		t.Error("a part of a token is in the log")
	}
	if !t.Failed() {
		testkit.KeepPage(t, "../../docs/refusals.md", pages, refusalsPage(all, outcomes, ends))
	}
}

// judge wants the client to have read the sentence and the reference and
// nothing else, explain to say all, and no part of a token anywhere.
func (o outcome) judge(p provocation, r row) error {
	ref := o.record.Event.ID
	words, complete := strings.CutSuffix(o.told, " (ref="+ref+")")
	switch {
	case o.told == "" && !r.cut && p.slip == "" && p.note == "":
		return errors.New("the client is told nothing")
	case r.cut && p.slip == "" && o.kafka != 0:
		return fmt.Errorf("the client is told error %d, expected the end of its connection", o.kafka)
	case o.told == "":
	case !complete || r.sentence != "" && words != r.sentence || r.sentence == "" && !strings.HasSuffix(words, " authorization failed."):
		return fmt.Errorf("the client is told %q, expected %q or Kafka's own words, and the reference", o.told, r.sentence)
	}
	steps := o.record.Steps
	if len(steps) == 0 {
		return errors.New("there are no steps")
	}
	last := steps[len(steps)-1]
	switch {
	case last.OK || last.Code != p.code:
		return fmt.Errorf("refused as %q by %+v", last.Code, last)
	case last.Saw == "" || last.Wanted == "" || last.Mend == "":
		return fmt.Errorf("the step says too little: %+v", last)
	case !strings.Contains(last.Saw+"\n"+last.Mend, p.hint):
		return fmt.Errorf("the step says %+v, expected %q", last, p.hint)
	}
	text := ops.Render(o.record)
	for _, want := range []string{"ref=" + ref, "refused as " + string(p.code), "saw   ", "wanted", "mend  ", "✗ " + last.Name} {
		if !strings.Contains(text, want) {
			return fmt.Errorf("explain lacks %q:\n%s", want, text)
		}
	}
	record, err := json.Marshal(o.record)
	if err != nil {
		return err
	}
	return o.secret(o.told + text + string(record))
}

// secret wants no part of a token in what others may see.
func (o outcome) secret(seen string) error {
	parts := []string{"eyJ"} // {" in base64: a header, or claims
	for _, token := range o.tokens {
		for _, part := range strings.Split(token, ".") {
			if len(part) > 8 {
				parts = append(parts, part[:9])
			}
		}
	}
	for _, part := range parts {
		if strings.Contains(seen, part) {
			return fmt.Errorf("%q, which is part of a token, can be seen: %s", part, seen)
		}
	}
	return nil
}

// login provokes by the first message of a connection.
func login(message func(*house) []byte) func(*house) (outcome, error) {
	return func(h *house) (outcome, error) { return h.unwelcome(h.run.Bootstrap, message(h), nil) }
}

// withClaims provokes by a good token with some claims changed.
func withClaims(change map[string]any, extensions ...string) func(*house) (outcome, error) {
	return login(func(h *house) []byte { return here(h.token(change), extensions...) })
}

// unwelcome sends messages over one connection: all are let in but the last.
func (h *house) unwelcome(address string, last []byte, first [][]byte) (o outcome, err error) {
	w, err := h.dial(address)
	if err != nil {
		return o, err
	}
	defer w.Close()
	for _, m := range first {
		r, err := w.authenticate(2, m)
		if err != nil || r.ErrorCode != 0 {
			return o, fmt.Errorf("the first login: %+v, %w", r, err)
		}
	}
	r, err := w.authenticate(2, last)
	if err != nil {
		return o, err
	}
	if r.ErrorCode != 58 || r.ErrorMessage == nil || len(r.SASLAuthBytes) > 0 || r.SessionLifetimeMillis != 0 {
		return o, fmt.Errorf("the answer is %+v", r)
	}
	o.told, o.kafka, o.tokens = *r.ErrorMessage, r.ErrorCode, tokensOf(append(first, last)...)
	if o.record, err = h.byRef(o.told); err != nil {
		return o, err
	}
	return o, w.ended()
}

// byRef finds the record of a sentence, as explain does.
func (h *house) byRef(told string) (audit.Record, error) {
	_, ref, _ := strings.Cut(told, "(ref=")
	ref = strings.TrimSuffix(ref, ")")
	r, ok := h.run.audit.ByRef(ref)
	if !ok || len(ref) != 32 {
		return r, fmt.Errorf("no event has the reference of %q", told)
	}
	if text := h.get("/explain/" + ref); text != ops.Render(r) {
		return r, fmt.Errorf("explain says %s", text)
	}
	return r, nil
}

// last finds the latest refusal of a subject once it has this code.
func (h *house) last(subject string, code iam.Code) (r audit.Record) {
	h.t.Helper()
	h.eventually(fmt.Sprintf("%s is refused as %s", subject, code), func() bool {
		found, ok := h.run.audit.LastFor(subject)
		r = found
		return ok && len(r.Steps) > 0 && r.Steps[len(r.Steps)-1].Code == code
	})
	return r
}

// tokensOf are the tokens in messages.
func tokensOf(messages ...[]byte) (list []string) {
	for _, m := range messages {
		_, after, found := strings.Cut(string(m), "Bearer ")
		if token, _, ok := strings.Cut(after, "\x01"); found && ok {
			list = append(list, token)
		}
	}
	return list
}

// asks provokes by a request of a client that was let in, whose identity claim
// is claim; answer finds the error in the response, nil where the connection is
// closed.
func asks(who, claim string, req func() kmsg.Request, answer func(kmsg.Response) (int16, *string), code iam.Code) func(*house) (outcome, error) {
	return func(h *house) (o outcome, err error) {
		message := here(h.token(map[string]any{"role": who, "sub": claim}))
		w, err := h.admitted(message)
		if err != nil {
			return o, err
		}
		defer w.Close()
		o.tokens = tokensOf(message)
		resp, err := w.ask(req())
		if answer == nil {
			if err == nil {
				return o, fmt.Errorf("it is answered: %+v", resp)
			}
			o.record = h.last(claim, code)
			return o, w.ended()
		}
		if err != nil {
			return o, err
		}
		told := (*string)(nil)
		if o.kafka, told = answer(resp); told == nil {
			o.record = h.last(claim, code)
			return o, nil
		}
		o.told = *told
		o.record, err = h.byRef(o.told)
		return o, err
	}
}

// admitted is a connection that was let in.
func (h *house) admitted(message []byte) (*wire, error) {
	w, err := h.dial(h.run.Bootstrap)
	if err != nil {
		return nil, err
	}
	if r, err := w.authenticate(2, message); err != nil || r.ErrorCode != 0 {
		_ = w.Close()
		return nil, fmt.Errorf("the login: %+v, %w", r, err)
	}
	return w, nil
}

// cut provokes by something that happens to a client that was let in.
func cut(claim string, change map[string]any, happens func(h *house, claim string) error, code iam.Code) func(*house) (outcome, error) {
	return func(h *house) (o outcome, err error) {
		claims := map[string]any{"sub": claim}
		maps.Copy(claims, change)
		message := here(h.token(claims))
		w, err := h.admitted(message)
		if err != nil {
			return o, err
		}
		defer w.Close()
		if err := happens(h, claim); err != nil {
			return o, err
		}
		o.tokens, o.record = tokensOf(message), h.last(claim, code)
		return o, w.ended()
	}
}
