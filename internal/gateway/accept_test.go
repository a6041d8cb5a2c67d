package gateway

import (
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// everything is a cluster that has all that kmsg knows and is never reached.
type everything struct{ versions *kmsg.ApiVersionsResponse }

func newEverything() everything {
	resp := kmsg.NewPtrApiVersionsResponse()
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MaxVersion = key, kmsg.RequestForKey(key).MaxVersion()
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	resp.FinalizedFeaturesEpoch = 9
	for _, name := range []string{"transaction.version", "something.new", "metadata.version"} {
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MaxVersionLevel = name, 2
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, f)
	}
	for name, lowest := range map[string]int16{"group.version": 0, "metadata.version": 7, "unheard.of": 0} {
		f := kmsg.NewApiVersionsResponseSupportedFeature()
		f.Name, f.MinVersion, f.MaxVersion = name, lowest, 9
		resp.SupportedFeatures = append(resp.SupportedFeatures, f)
	}
	return everything{resp}
}

var errNotReached = fault.New(fault.Unavailable, "not reached")

func (e everything) Versions(context.Context, int32) (*kmsg.ApiVersionsResponse, error) {
	if e.versions == nil {
		return nil, errNotReached
	}
	return e.versions, nil
}
func (everything) Dial(context.Context, int32) (*kafka.Link, error) { return nil, errNotReached }
func (everything) Request(context.Context, int32, kmsg.Request) (kmsg.Response, error) {
	return nil, errNotReached
}
func (everything) TopicName(context.Context, [16]byte) (string, error) { return "", errNotReached }
func (everything) Addr(string, int32) (string, int32, bool)            { return "b.example", 9092, true }

// door is a client in front of Accept, over a pipe.
type door struct {
	*byHand
	log    *ledger
	result chan error
	cancel context.CancelFunc
}

func knock(t *testing.T, deadline time.Duration) *door {
	t.Helper()
	return knockAt(t, newEverything(), deadline)
}

func knockAt(t *testing.T, c everything, deadline time.Duration) *door {
	t.Helper()
	d := &door{log: &ledger{}, result: make(chan error, 1)}
	p := &people{}
	p.bind(t, alice()...)
	g, err := New(Config{Guard: guard.New(guard.Config{Authenticator: p, Authorizer: p, Sink: d.log}), Clusters: map[string]Cluster{lkc: c}, Addresses: c})
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	d.cancel = cancel
	stop := context.AfterFunc(ctx, func() { _ = theirs.SetDeadline(time.Unix(1, 0)) }) // as the relay does
	go func() {
		defer stop()
		s, err := g.Accept(ctx, kafka.NewConn(theirs), relay.Via{Cluster: lkc, Broker: 1})
		if err == nil {
			s.Close()
		}
		_ = theirs.Close()
		d.result <- err
	}()
	t.Cleanup(func() { cancel(); _ = ours.Close() })
	d.byHand = &byHand{t: t, link: kafka.NewLink(ours, 1)}
	return d
}

// inBubble runs a test of the door in fake time.
func inBubble(t *testing.T, name string, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func handshakeRequest(version int16, m string) *kmsg.SASLHandshakeRequest {
	r := kmsg.NewPtrSASLHandshakeRequest()
	r.Version, r.Mechanism = version, m
	return r
}

func authenticateRequest(version int16, m []byte) *kmsg.SASLAuthenticateRequest {
	r := kmsg.NewPtrSASLAuthenticateRequest()
	r.Version, r.SASLAuthBytes = version, m
	return r
}

func TestLogin(t *testing.T) {
	for version := int16(0); version <= 2; version++ {
		inBubble(t, nameOf(36), func(t *testing.T) {
			d := knock(t, 10*time.Second)
			began := time.Now()
			d.ask(handshakeRequest(1, mechanism))
			r := d.ask(authenticateRequest(version, message("alice", "logicalCluster="+lkc))).(*kmsg.SASLAuthenticateResponse)
			want := int64(0)
			if version > 0 {
				want = time.Hour.Milliseconds()
			}
			if r.ErrorCode != 0 || r.SessionLifetimeMillis != want || time.Since(began) != 0 {
				t.Errorf("%d: %+v after %v", version, r, time.Since(began))
			}
			if err := <-d.result; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSecurity_20_RefusedLogin: one generic sentence with a reference in the
// first answer, a second after the refusal, and the end of the connection.
func TestSecurity_20_RefusedLogin(t *testing.T) {
	ok := "logicalCluster=" + lkc
	refusedLogins(t, map[string][]byte{
		"a token that is refused": message("mallory", ok),
		"no logicalCluster":       message("alice"),
		"another logicalCluster":  message("alice", "logicalCluster=lkc-other"),
		"no token":                []byte("n,,\x01" + ok + "\x01\x01"),
		"nothing":                 {},
		"not the end":             []byte("n,,\x01auth=Bearer alice\x01" + ok + "\x01"),
	})
}

// TestSecurity_15_ExtensionInjection: extensions only select, and what is not
// exactly the grammar of RFC 7628 and KIP-342 is refused.
func TestSecurity_15_ExtensionInjection(t *testing.T) {
	ok := "logicalCluster=" + lkc
	refusedLogins(t, map[string][]byte{
		"an authorization id":      []byte("n,a=x,\x01auth=Bearer alice\x01" + ok + "\x01\x01"),
		"channel binding":          []byte("p=tls-unique,,\x01auth=Bearer alice\x01" + ok + "\x01\x01"),
		"a duplicate extension":    message("alice", ok, "LOGICALCLUSTER="+lkc),
		"the extension auth":       message("alice", ok, "auth=Bearer admin"),
		"an extension with digits": message("alice", ok, "a1=x"),
	})
}

func refusedLogins(t *testing.T, messages map[string][]byte) {
	t.Helper()
	for name, m := range messages {
		inBubble(t, name, func(t *testing.T) {
			d := knock(t, 10*time.Second)
			d.ask(handshakeRequest(1, mechanism))
			began := time.Now()
			r := d.authenticate(m)
			if r.ErrorCode != saslFailed || r.ErrorMessage == nil || !strings.Contains(*r.ErrorMessage, " (ref=") || len(r.SASLAuthBytes) != 0 {
				t.Errorf("%+v", r)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("answered after %v, want 1s", took)
			}
			err := <-d.result
			if _, refused := errors.AsType[*guard.Refusal](err); !refused {
				t.Error("the connection goes on")
			}
			for _, token := range []string{"alice", "mallory"} {
				if strings.Contains(fault.Detail(err)+*r.ErrorMessage, token) {
					t.Errorf("the token is in %q", fault.Detail(err))
				}
			}
			d.log.mu.Lock()
			defer d.log.mu.Unlock()
			if len(d.log.records) != 1 || !strings.Contains(*r.ErrorMessage, d.log.records[0].Event.ID) {
				t.Errorf("%d audit records", len(d.log.records))
			}
		})
	}
}

func TestRefusalIsCutByTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := knock(t, 500*time.Millisecond)
		d.ask(handshakeRequest(1, mechanism))
		began := time.Now()
		d.dies(authenticateRequest(2, message("mallory")))
		if took := time.Since(began); took != 500*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
		<-d.result
	})
}

// TestRawToken: after SaslHandshake 0 tokens have no header, and a refusal is
// the challenge of RFC 7628.
func TestRawToken(t *testing.T) {
	inBubble(t, "good", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		d.ask(handshakeRequest(0, mechanism))
		if err := d.link.WriteBytes(message("alice", "logicalCluster="+lkc)); err != nil {
			t.Fatal(err)
		}
		if b, err := kafka.ReadBytes(d.link, 100); err != nil || len(b) != 0 {
			t.Errorf("%q, %v", b, err)
		}
		if err := <-d.result; err != nil {
			t.Error(err)
		}
	})
	inBubble(t, "bad", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		d.ask(handshakeRequest(0, mechanism))
		began := time.Now()
		if err := d.link.WriteBytes(message("mallory")); err != nil {
			t.Fatal(err)
		}
		if b, err := kafka.ReadBytes(d.link, 100); err != nil || string(b) != `{"status":"invalid_token"}` || time.Since(began) != time.Second {
			t.Errorf("%q, %v after %v", b, err, time.Since(began))
		}
		if err := d.link.WriteBytes([]byte(kafka.Abort)); err != nil {
			t.Fatal(err)
		}
		if err := <-d.result; err == nil {
			t.Error("let in")
		}
	})
}

// TestSecurity_04_DefaultDeny: before the login nothing is answered but the
// three keys, in their order.
func TestSecurity_04_DefaultDeny(t *testing.T) {
	versions := kmsg.NewPtrApiVersionsRequest()
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if key == keyApiVersions || key == keySaslHandshake {
			continue
		}
		for _, before := range [][]kmsg.Request{nil, {versions}, {handshakeRequest(1, mechanism)}} {
			if key == keySaslAuthenticate && len(before) == 1 && before[0].Key() == keySaslHandshake {
				continue
			}
			inBubble(t, nameOf(key), func(t *testing.T) {
				d := knock(t, 10*time.Second)
				for _, req := range before {
					d.ask(req)
				}
				req := kmsg.RequestForKey(key)
				d.dies(req)
				// ControlledShutdown 0 has a header of its own, which nobody reads.
				if err := <-d.result; fault.KindOf(err) != fault.Unauthenticated && key != 7 {
					t.Errorf("%v", err)
				}
			})
		}
	}
	inBubble(t, "ApiVersions after SaslHandshake", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		d.ask(handshakeRequest(1, mechanism))
		d.dies(versions)
		<-d.result
	})
	inBubble(t, "SaslHandshake twice", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		d.ask(handshakeRequest(1, mechanism))
		d.dies(handshakeRequest(1, mechanism))
		<-d.result
	})
	inBubble(t, "nobody speaks", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		if err := <-d.result; err == nil {
			t.Error("let in")
		}
	})
}

// TestSecurity_14_PreAuthMemory: sizes and counts are bounded before anything
// is allocated or believed.
func TestSecurity_14_PreAuthMemory(t *testing.T) {
	inBubble(t, "a large token", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		d.ask(handshakeRequest(1, mechanism))
		d.dies(authenticateRequest(2, make([]byte, preAuthBytes)))
		<-d.result
	})
	inBubble(t, "a raw token of 2 GB", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		d.ask(handshakeRequest(0, mechanism))
		if _, err := d.link.Write([]byte{0x7f, 0xff, 0xff, 0xff}); err != nil {
			t.Fatal(err)
		}
		if err := <-d.result; fault.KindOf(err) != fault.Malformed {
			t.Error(err)
		}
	})
	inBubble(t, "four billion tags", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		d.ask(handshakeRequest(1, mechanism))
		body := []byte{0, 36, 0, 2, 0, 0, 0, 9, 0xff, 0xff, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}
		if err := d.link.WriteBytes(body); err != nil {
			t.Fatal(err)
		}
		if err := <-d.result; fault.KindOf(err) != fault.Malformed {
			t.Error(err)
		}
	})
	inBubble(t, "endless ApiVersions", func(t *testing.T) {
		d := knock(t, 10*time.Second)
		n := 0
		for ; n < 100; n++ {
			if _, err := d.try(kmsg.NewPtrApiVersionsRequest()); err != nil {
				break
			}
		}
		if err := <-d.result; n != preAuthFrames || fault.KindOf(err) != fault.Exhausted {
			t.Errorf("%d answers, %v", n, err)
		}
	})
}

func TestOtherMechanism(t *testing.T) {
	for _, m := range []string{"PLAIN", "", "oauthbearer", "OAUTHBEARER ", strings.Repeat("A", 30000)} {
		inBubble(t, m[:min(len(m), 12)], func(t *testing.T) {
			d := knock(t, 10*time.Second)
			began := time.Now()
			r := d.ask(handshakeRequest(1, m)).(*kmsg.SASLHandshakeResponse)
			if r.ErrorCode != unsupportedMechanism || !reflect.DeepEqual(r.SupportedMechanisms, []string{mechanism}) || time.Since(began) != time.Second {
				t.Errorf("%+v after %v", r, time.Since(began))
			}
			if err := <-d.result; err == nil {
				t.Error("the connection goes on")
			}
			if d.log.mu.Lock(); len(d.log.records) != 1 {
				t.Error("not audited")
			}
			d.log.mu.Unlock()
		})
	}
}

// TestNothingIsGuessed: a cluster that was never reached closes.
func TestNothingIsGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := knockAt(t, everything{}, 10*time.Second)
		d.dies(kmsg.NewPtrApiVersionsRequest())
		if err := <-d.result; fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
	})
}
