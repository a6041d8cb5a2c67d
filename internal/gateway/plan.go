package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// decoded decides about a request that is read whole. What goes upstream is
// written anew from what was read, so that the broker sees exactly what was
// decided about.
func (s *session) decoded(c *call, r rule, f *kafka.Frame) (relay.Plan, error) {
	req, err := s.decode(f, r.limit)
	if err != nil {
		return relay.Plan{}, err
	}
	if r.decide == nil {
		return closed("the rule of %s decides nothing", nameOf(f.Key))
	}
	r.decide(c, req)
	if r.atTop && c.whole != nil {
		empty := kmsg.RequestForKey(f.Key)
		empty.SetVersion(f.Version)
		req = empty
	}
	plan, err := s.finish(c, f, req)
	plan.Drop = r.drop
	if r.pause && c.whole != nil && s.refusals.storm(time.Now()) {
		plan.Hold = hold
	}
	return plan, err
}

// finish makes the plan of a request that was decided about.
func (s *session) finish(c *call, f *kafka.Frame, req kmsg.Request) (relay.Plan, error) {
	if c.err != nil {
		return relay.Plan{}, c.err
	}
	switch {
	case c.whole != nil:
		return s.here(c, f, ownError(req, *c.whole))
	case c.reply != nil:
		return s.here(c, f, c.reply)
	case !c.asked && !c.listed:
		return closed("the rule of %s decided nothing", nameOf(f.Key))
	case !c.asked || c.cut > 0 && c.kept == 0:
		// An empty list can mean all of them, so it is never sent.
		empty := req.ResponseKind()
		return s.here(c, f, empty)
	}
	return s.send(c, f, req), nil
}

// here answers without the broker.
func (s *session) here(c *call, f *kafka.Frame, resp kmsg.Response) (relay.Plan, error) {
	resp.SetVersion(f.Version)
	if c.whole == nil {
		for _, edit := range c.edits {
			edit(resp)
		}
	}
	s.target.rewrite(resp)
	return relay.Plan{Verdict: relay.Answer, Bytes: appendResponse(f, resp)}, nil
}

// send forwards a request in the version that it is set to, and gives the
// client its answer in the version that the client used.
func (s *session) send(c *call, f *kafka.Frame, req kmsg.Request) relay.Plan {
	version, key, asked := f.Version, f.Key, req.GetVersion()
	edits := slices.Clone(c.edits)
	who, what := c.Call, c.first // the answer comes after the frame is gone
	who.ClientID, who.Held, what.On.Name = strings.Clone(who.ClientID), nil, strings.Clone(what.On.Name)
	return relay.Plan{
		Verdict: relay.Send,
		Bytes:   appendRequest(f, req),
		Edit: func(b []byte) ([]byte, error) {
			resp, correlation, err := readResponse(key, asked, b)
			if err != nil {
				return nil, err
			}
			s.upstreamRefused(who, what, resp)
			resp.SetVersion(version)
			for _, edit := range edits {
				edit(resp)
			}
			s.target.rewrite(resp)
			dst := make([]byte, 0, len(b)+len(b)/8) // it is seldom longer than it was
			return resp.AppendTo(kafka.ResponseHeader(dst, key, version, correlation)), nil
		},
	}
}

// appendRequest writes a whole request with the header of f.
func appendRequest(f *kafka.Frame, req kmsg.Request) []byte {
	var opts []kmsg.RequestFormatterOpt
	if f.ClientID != nil {
		opts = append(opts, kmsg.FormatterClientID(string(f.ClientID)))
	}
	const prefix = 4
	return kmsg.NewRequestFormatter(opts...).AppendRequest(nil, req, f.Correlation)[prefix:]
}

// readResponse reads a broker's whole answer, its header included.
func readResponse(key, version int16, b []byte) (resp kmsg.Response, correlation int32, err error) {
	head := kafka.ResponseHeader(nil, key, version, 0)
	if len(b) < len(head) || string(b[4:len(head)]) != string(head[4:]) {
		return nil, 0, fault.New(fault.Malformed, "an answer to %s with a header that cannot be read", nameOf(key))
	}
	for _, c := range b[:4] {
		correlation = correlation<<8 | int32(c)
	}
	resp, err = api.ReadAnswer(key, version, b[len(head):])
	return resp, correlation, err
}
