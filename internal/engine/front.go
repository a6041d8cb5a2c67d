package engine

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// acceptor lets every connection in: only klamm itself can reach the
// in-memory network.
type acceptor struct{ engine *Engine }

func (a acceptor) Accept(_ context.Context, _ *kafka.Conn, via relay.Via) (relay.Session, error) {
	return &session{engine: a.engine, broker: via.Broker}, nil
}

// session passes known requests that decode wholly and that kfake survives.
type session struct {
	engine *Engine
	broker int32
}

func (s *session) Dial(ctx context.Context) (*kafka.Link, error) {
	conn, err := s.engine.back.DialContext(ctx, "tcp", s.engine.seeds[s.broker])
	if err != nil {
		return nil, err
	}
	return kafka.NewLink(conn, s.broker), nil
}

// Plan decodes the whole request, Produce and Fetch too: kfake panics on what
// it does not know, and one panic in it would end the whole process.
func (s *session) Plan(_ context.Context, f *kafka.Frame) (relay.Plan, error) {
	v, known := s.engine.served[f.Key]
	if !known || f.Version < v.min || f.Version > v.max {
		return relay.Plan{}, fault.New(fault.Unsupported, "the engine does not serve key %d version %d", f.Key, f.Version)
	}
	req, err := api.Decode(f.Key, f.Version, f.Body())
	if err != nil {
		return relay.Plan{}, err
	}
	switch q := req.(type) {
	case *kmsg.ApiVersionsRequest:
		return relay.Plan{Verdict: relay.Pass, Edit: merge(req, f, s.engine.tell)}, nil
	case *kmsg.ConsumerGroupDescribeRequest:
		return relay.Plan{Verdict: relay.Pass, Edit: merge(req, f, s.engine.members.show)}, nil
	case *kmsg.ConsumerGroupHeartbeatRequest:
		if s.engine.members.note(q) {
			return relay.Plan{Verdict: relay.Send, Bytes: reencode(f, req)}, nil
		}
	}
	p, isProduce := req.(*kmsg.ProduceRequest)
	plan := relay.Plan{Verdict: relay.Pass, NoReply: isProduce && p.Acks == 0}
	rule, has := rules[f.Key]
	if !has {
		return plan, nil
	}
	found := rule(req)
	switch {
	case found.answer != nil && plan.NoReply:
		return relay.Plan{}, fault.New(fault.Forbidden, "a Produce without acks is refused, and has no answer that could say so")
	case found.answer != nil:
		return relay.Plan{Verdict: relay.Answer, Bytes: encode(f, found.answer)}, nil
	case found.changed:
		plan.Verdict, plan.Bytes = relay.Send, reencode(f, req)
	}
	if found.merge != nil {
		plan.Edit = merge(req, f, found.merge)
	}
	return plan, nil
}

// tell leaves out of what kfake says of itself the keys that the front does not
// pass.
func (e *Engine) tell(resp kmsg.Response) {
	answer := resp.(*kmsg.ApiVersionsResponse)
	answer.ApiKeys = slices.DeleteFunc(answer.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
		_, served := e.served[k.ApiKey]
		return !served
	})
}

// merge makes the edit that adds what was refused here to kfake's answer.
func merge(req kmsg.Request, f *kafka.Frame, add func(kmsg.Response)) func([]byte) ([]byte, error) {
	header := kafka.ResponseHeader(nil, f.Key, f.Version, f.Correlation)
	return func(answer []byte) ([]byte, error) {
		resp := req.ResponseKind()
		if err := resp.ReadFrom(answer[min(len(header), len(answer)):]); err != nil {
			return nil, err
		}
		add(resp)
		return resp.AppendTo(header), nil
	}
}

func (*session) Done() <-chan struct{} { return nil }
func (*session) Close()                {}

// encode makes the answer to f.
func encode(f *kafka.Frame, answer kmsg.Response) []byte {
	answer.SetVersion(f.Version)
	return answer.AppendTo(kafka.ResponseHeader(nil, f.Key, f.Version, f.Correlation))
}

// reencode makes f again with a changed body; its header stays as it came.
func reencode(f *kafka.Frame, req kmsg.Request) []byte {
	header := f.Bytes[:len(f.Bytes)-len(f.Body())]
	return req.AppendTo(append([]byte(nil), header...))
}
