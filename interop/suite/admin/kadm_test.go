//go:build suite

// Package admin calls every method of kadm's client once, in the order of a story:
// kadm's own tests never reach a broker. Where it goes is told as kgo's tests are
// (KGO_SEEDS), and how it logs in by package login.
package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/interop/suite/login"
)

// call is one method, or what is told of it.
type call struct {
	method string
	do     func(*story)
}

// story is what the calls share.
type story struct {
	*testing.T
	ctx   context.Context
	adm   *kadm.Client
	topic string // three partitions, ten records in each
	id    kadm.TopicID
	// classic, consumers, shared and static are groups of one member each, of the
	// classic protocol, of KIP-848, of KIP-932 and with an instance id; committed
	// has offsets and no member.
	classic, consumers, shared, static, committed string
	txn                                           string // a transaction that is open on partition 0
}

// broker is the one of interop/kafka/start.sh.
const broker = 1

func TestKadm(t *testing.T) {
	s := newStory(t)
	for _, c := range stories() {
		t.Run(c.method, func(t *testing.T) {
			now := *s
			now.T = t
			var cancel context.CancelFunc
			now.ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			defer func() {
				switch r := recover().(type) {
				case nil:
				case failure:
					t.Fatal(r)
				default:
					panic(r)
				}
			}()
			c.do(&now)
			s.id = now.id
		})
	}
}

func TestEveryMethodIsCalled(t *testing.T) {
	called := map[string]bool{}
	for _, c := range stories() {
		called[c.method] = true
	}
	for m := range reflect.TypeFor[*kadm.Client]().Methods() {
		if !called[m.Name] {
			t.Errorf("nobody calls %s", m.Name)
		}
	}
}

func newStory(t *testing.T) *story {
	run := strings.ToLower(rand.Text()[:8])
	adm := kadm.NewClient(client(t))
	t.Cleanup(adm.Close)
	return &story{
		ctx: t.Context(), adm: adm, topic: "kadm-" + run,
		classic: "classic-" + run, consumers: "consumers-" + run, shared: "shared-" + run,
		static: "static-" + run, committed: "committed-" + run, txn: "txn-" + run,
	}
}

// client is closed at the end.
func client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	mechanism, trust, err := login.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism), kgo.DialTLSConfig(trust))
	}
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(os.Getenv("KGO_SEEDS")))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// failure ends a call.
type failure struct{ error }

// must gives the answer, in which nothing failed: also not one topic or group of it.
func must[A any](answer A, err error) A {
	if err = errors.Join(err, inside(reflect.ValueOf(answer))); err != nil {
		panic(failure{err})
	}
	return answer
}

// inside finds the errors that an answer holds, wherever they are.
func inside(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Interface:
		if err, ok := v.Interface().(error); ok {
			return err
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if err := inside(v.MapIndex(key)); err != nil {
				return fmt.Errorf("%v: %w", key, err)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := inside(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if err := inside(v.Field(i)); err != nil {
					return fmt.Errorf("%s: %w", f.Name, err)
				}
			}
		}
	}
	return nil
}

// expect ends the call unless the answer is as it should be.
func expect(ok bool, answer any) {
	if !ok {
		panic(failure{fmt.Errorf("answered %+v", answer)})
	}
}

// until waits for what comes by and by, such as members of a group; errors that go
// away by themselves, and that there is no such group yet, are waited out as well.
func (s *story) until(ok func() bool) {
	for !try(ok) {
		select {
		case <-s.ctx.Done():
			panic(failure{s.ctx.Err()})
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func try(ok func() bool) bool {
	defer func() {
		if r := recover(); r != nil {
			if f, failed := r.(failure); !failed || !kerr.IsRetriable(f.error) && !errors.Is(f.error, kerr.GroupIDNotFound) {
				panic(r)
			}
		}
	}()
	return ok()
}
