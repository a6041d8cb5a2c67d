package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
)

func TestError(t *testing.T) {
	err := fault.New(fault.Invalid, "unknown key %q", "brokr").
		At("klamm.yaml:3:5").Mend("did you mean %q?", "brokers").Because(io.ErrUnexpectedEOF)

	if got, want := err.Error(), `klamm.yaml:3:5: unknown key "brokr"`; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("reading: %w", err)
	if fault.KindOf(wrapped) != fault.Invalid {
		t.Errorf("KindOf(wrapped) = %q", fault.KindOf(wrapped))
	}
	if !errors.Is(wrapped, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found")
	}
	if got, want := fault.Detail(err), `klamm.yaml:3:5: unknown key "brokr": unexpected EOF (did you mean "brokers"?)`; got != want {
		t.Errorf("Detail = %q, want %q", got, want)
	}
}

func TestSentenceSaysNothingTwice(t *testing.T) {
	root := errors.New("connection refused")
	wrapped := fmt.Errorf("dial: %w", root)
	for _, c := range []struct {
		err  error
		want string
	}{
		{wrapped, "dial: connection refused"},
		{fault.New(fault.Unavailable, "no answer").Because(wrapped), "no answer: dial: connection refused"},
		{fault.New(fault.Unavailable, "no answer").Because(fault.New(fault.Unavailable, "broker 1 is away").Because(root)), "no answer: broker 1 is away: connection refused"},
		{fault.New(fault.Unavailable, "no answer: connection refused").Because(wrapped), "no answer: connection refused"},
	} {
		if got := fault.Sentence(c.err); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{nil, ""},
		{io.EOF, fault.Internal},
		{&fault.Error{Message: "no kind"}, fault.Internal},
		{fault.New(fault.NotFound, "x"), fault.NotFound},
	} {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %q, want %q", c.err, got, c.want)
		}
	}
}
