package app

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
)

// steps before a login, by name.
var beforeLogin = map[string]func(*wire) error{
	"first": func(*wire) error { return nil },
	"after ApiVersions": func(w *wire) error {
		_, err := w.ask(kmsg.NewPtrApiVersionsRequest())
		return err
	},
	"after SaslHandshake": func(w *wire) error {
		_, err := w.handshake(1, "OAUTHBEARER")
		return err
	},
}

func TestSecurity_04_NothingBeforeALogin(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	allowed := map[string][]int16{"first": {17, 18}, "after ApiVersions": {17, 18}, "after SaslHandshake": {36}}
	type try struct {
		when string
		key  int16
	}
	var tries []try
	for when := range beforeLogin {
		for key := int16(-1); key <= kmsg.MaxKey+2; key++ {
			if !slices.Contains(allowed[when], key) {
				tries = append(tries, try{when, key})
			}
		}
		tries = append(tries, try{when, 32767}, try{when, -32768})
	}
	h.together(len(tries), func(i int) error {
		at := tries[i]
		w, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer w.Close()
		if err := beforeLogin[at.when](w); err != nil {
			return err
		}
		bytes := frame(at.key, 0, nil)
		if req := kmsg.RequestForKey(at.key); req != nil {
			req.SetVersion(req.MaxVersion())
			bytes = w.encode(req, 1)
		}
		if _, err := w.Write(bytes); err != nil {
			return err
		}
		if err := w.ended(); err != nil {
			return fmt.Errorf("key %d %s: %w", at.key, at.when, err)
		}
		return nil
	})
	h.repel([]attack{
		{"an empty message", nil, authn.SASLMessage},
		{"no token", []byte("n,,\x01\x01"), authn.SASLMessage},
		{"an empty token", here(""), authn.SASLMessage},
		{"a space", here(" "), authn.SASLMessage},
		{"only extensions", []byte("n,,\x01logicalCluster=" + lkc + "\x01identityPoolId=pool-admin\x01\x01"), authn.SASLMessage},
	})
	// Not TLS at all.
	c, err := net.Dial("tcp", h.run.Bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	plain := &wire{}
	if _, err := c.Write(plain.encode(kmsg.NewPtrApiVersionsRequest(), 1)); err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(c); len(b) > 64 {
		t.Errorf("a client without TLS is answered %d bytes", len(b))
	}
	if s := h.get("/sessions"); strings.Contains(s, "principal") {
		t.Errorf("somebody is in: %s", s)
	}
}

// TestSecurity_04_RawTokens: after SaslHandshake 0 a token stands alone; the
// refusal is the challenge of RFC 7628, section 3.2.2.
func TestSecurity_04_RawTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	raw := func(message []byte) (*wire, string) {
		w := h.knock()
		if r, err := w.handshake(0, "OAUTHBEARER"); err != nil || r.ErrorCode != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		if err := w.WriteBytes(message); err != nil {
			t.Fatal(err)
		}
		var size [4]byte
		if _, err := io.ReadFull(w, size[:]); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(w, answer); err != nil {
			t.Fatal(err)
		}
		return w, string(answer)
	}
	w, answer := raw(here(h.token(nil)))
	if answer != "" {
		t.Errorf("success is told with %q", answer)
	}
	ask := kmsg.NewPtrMetadataRequest()
	ask.Version = 4
	if r := w.must(t, ask).(*kmsg.MetadataResponse); len(r.Brokers) != 1 {
		t.Errorf("%+v", r)
	}
	metadata := (&wire{}).encode(ask, 1)[4:]
	for name, message := range map[string][]byte{"a bad token": here(h.token(map[string]any{"exp": 1})), "a request instead of a token": metadata, "nothing": {}} {
		w, answer := raw(message)
		if answer != `{"status":"invalid_token"}` {
			t.Errorf("%s: answered %q", name, answer)
		}
		if err := w.WriteBytes([]byte{1}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.ended(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, code := h.lastStory("wire"); code != authn.SASLMessage && code != authn.Expired {
		t.Errorf("audited as %s", code)
	}
}

// TestSecurity_14_MemoryBeforeALogin: a length that a stranger names is
// checked before anything is allocated for it, and the requests are counted.
func TestSecurity_14_MemoryBeforeALogin(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	length := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	for when, prepare := range beforeLogin {
		for name, bytes := range map[string][]byte{
			"2 GiB": length(1<<31 - 1), "1 GiB": length(1 << 30), "64 KiB and one": length(64<<10 + 1), "negative": length(1 << 31), "-1": length(1<<32 - 1),
			"nothing": length(0), "half a header": append(length(5), 0, 18, 0, 0, 0),
			"a client id beyond the end": append(length(10), 0, 18, 0, 0, 0, 0, 0, 1, 0x7f, 0xff), "a client id of -2": append(length(10), 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xfe),
		} {
			w := h.knock()
			if err := prepare(w); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(bytes); err != nil {
				t.Fatal(err)
			}
			_ = w.SetDeadline(time.Now().Add(5 * time.Second)) // less than the handshake may take
			if err := w.ended(); err != nil {
				t.Errorf("%s, %s: %v", name, when, err)
			}
		}
	}
	w := h.knock()
	answered := 0
	for range 100 {
		if _, err := w.ask(kmsg.NewPtrApiVersionsRequest()); err != nil {
			break
		}
		answered++
	}
	if answered == 0 || answered > 16 {
		t.Errorf("%d requests are answered without a login", answered)
	}
	h.letIn("somebody else", here(h.token(nil)))
}

func TestSecurity_15_ExtensionInjection(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	good, reader := h.token(nil), h.token(role("reader"))
	cluster := "logicalCluster=" + lkc
	for name, m := range map[string][]byte{
		"any order": message(good, "identityPoolId=pool-orders", cluster), "another case": message(good, "LOGICALCLUSTER="+lkc),
		"one that nobody knows": here(good, "traceId=a b\tc"), "n,a=,": []byte(strings.Replace(string(here(good)), "n,,", "n,a=,", 1)),
		"bearer in lower case": []byte(strings.Replace(string(here(good)), "Bearer", "bearer", 1)),
	} {
		h.letIn(name, m)
	}
	grammar := map[string][]byte{
		"LF in a value":             here(good, "note=a\nb"),
		"CR in a value":             here(good, "note=a\rb"),
		"NUL in a value":            here(good, "note=a\x00b"),
		"an umlaut in a value":      here(good, "note=ü"),
		"a digit in a name":         here(good, "pool1=x"),
		"a hyphen in a name":        here(good, "identity-pool=x"),
		"no name":                   here(good, "=x"),
		"no value":                  here(good, "note="),
		"no equals":                 here(good, "note"),
		"auth twice":                here(good, "auth=Bearer "+reader),
		"Auth as an extension":      here(good, "Auth=x"),
		"the cluster twice":         here(good, cluster),
		"the cluster in two cases":  here(good, "LogicalCluster="+lkc),
		"the pool in two cases":     here(good, "identityPoolId=pool-orders", "identitypoolid=pool-admin"),
		"channel binding":           []byte("p=tls-unique,,\x01auth=Bearer " + good + "\x01" + cluster + "\x01\x01"),
		"another binding":           []byte("y,,\x01auth=Bearer " + good + "\x01" + cluster + "\x01\x01"),
		"an authorization identity": []byte("n,a=User:pool-admin,\x01auth=Bearer " + good + "\x01" + cluster + "\x01\x01"),
		"no end":                    here(good)[:len(here(good))-1],
		"half an end":               here(good)[:len(here(good))-2],
		"something after the end":   append(here(good), 'x'),
		"something before":          append([]byte("x"), here(good)...),
		"Basic":                     []byte("n,,\x01auth=Basic " + good + "\x01" + cluster + "\x01\x01"),
		"no scheme":                 []byte("n,,\x01auth=" + good + "\x01" + cluster + "\x01\x01"),
		"two tokens":                here(good + " " + good),
		"33 extensions":             here(good, many(32)...),
		"a long value":              here(good, "note="+strings.Repeat("x", 8<<10+1)),
		"a long name":               here(good, strings.Repeat("x", 65)+"=1"),
	}
	var attacks []attack
	for name, m := range grammar {
		attacks = append(attacks, attack{name, m, authn.SASLMessage})
	}
	selectors := []struct {
		name       string
		extensions []string
		code       iam.Code
	}{
		{"no cluster", nil, authn.NoLogicalCluster},
		{"another cluster", []string{"logicalCluster=lkc-other"}, authn.WrongCluster},
		{"the cluster in capitals", []string{"logicalCluster=LKC-TEST"}, authn.WrongCluster},
		{"the cluster and a blank", []string{"logicalCluster=" + lkc + " "}, authn.WrongCluster},
		{"a list of clusters", []string{"logicalCluster=" + lkc + ",lkc-other"}, authn.WrongCluster},
		{"a pool whose filter does not hold", []string{cluster, "identityPoolId=pool-admin"}, authn.FilterFalse},
		{"a pool that does not hold beside one that does", []string{cluster, "identityPoolId=pool-orders,pool-admin"}, authn.FilterFalse},
		{"a pool that nobody knows", []string{cluster, "identityPoolId=pool-nobody"}, authn.UnknownPool},
		{"a pool twice", []string{cluster, "identityPoolId=pool-orders,pool-orders"}, authn.DuplicatePool},
		{"21 pools", []string{cluster, "identityPoolId=" + strings.TrimSuffix(strings.Repeat("pool-x,", 21), ",")}, authn.TooManyPools},
		{"every pool", []string{cluster, "identityPoolId=*"}, authn.UnknownPool},
		{"a principal for a pool", []string{cluster, "identityPoolId=User:pool-admin"}, authn.UnknownPool},
		{"a path for a pool", []string{cluster, "identityPoolId=../pool-admin"}, authn.UnknownPool},
	}
	for _, s := range selectors {
		attacks = append(attacks, attack{s.name, message(good, s.extensions...), s.code})
	}
	h.repel(attacks)
}

func many(n int) (list []string) {
	for i := range n {
		list = append(list, "x"+strings.Repeat("y", i)+"=1")
	}
	return list
}

// TestSecurity_20_ErrorsThatTell: whatever was wrong, a client reads the same
// sentence, after the same pause.
func TestSecurity_20_ErrorsThatTell(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	ways := map[string][]byte{
		"an unknown issuer":      here(h.token(map[string]any{"iss": "https://evil.test"})),
		"an unknown key":         here(sign(t, otherKey(), nil, h.claims(nil))),
		"a bad signature":        here(sign(t, otherKey(), map[string]any{"kid": ecKey().Kid}, h.claims(nil))),
		"an expired token":       here(h.token(map[string]any{"exp": 1})),
		"another audience":       here(h.token(map[string]any{"aud": "other"})),
		"an unknown pool":        here(h.token(nil), "identityPoolId=pool-nobody"),
		"a filter that is false": here(h.token(nil), "identityPoolId=pool-admin"),
		"no pool that matches":   here(h.token(role("nobody"))),
		"no identity claim":      here(h.token(map[string]any{"sub": nil})),
		"no token":               []byte("n,,\x01\x01"),
		"not a token":            here("x"),
		"a grammar that is none": []byte("x"),
	}
	const sentence = "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"
	names := slices.Sorted(maps.Keys(ways))
	h.together(len(names), func(i int) error {
		name := names[i]
		for version := int16(0); version <= 2; version++ {
			w, err := h.dial(h.run.Bootstrap)
			if err != nil {
				return err
			}
			defer w.Close()
			began := time.Now()
			r, err := w.authenticate(version, ways[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if took := time.Since(began); took < time.Second {
				return fmt.Errorf("%s is answered after %s, expected the pause of a second", name, took)
			}
			words := *r.ErrorMessage
			at := strings.LastIndex(words, " (ref=")
			if r.ErrorCode != 58 || at < 0 || words[:at] != sentence || len(words) != at+len(" (ref=)")+32 || len(r.SASLAuthBytes) > 0 {
				return fmt.Errorf("%s: the client is told %+v %q", name, r, words)
			}
			if err := w.ended(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

func TestSecurity_22_BackDoors(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	mechanisms := []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "EXTERNAL", "ANONYMOUS", "oauthbearer", "OAUTHBEARER ", "", "AWS_MSK_IAM", strings.Repeat("M", 300)}
	h.together(2*len(mechanisms), func(i int) error {
		mechanism, version := mechanisms[i/2], int16(i%2)
		w, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer w.Close()
		r, err := w.handshake(version, mechanism)
		if err != nil {
			return fmt.Errorf("%.20q: %w", mechanism, err)
		}
		if r.ErrorCode != 33 || !slices.Equal(r.SupportedMechanisms, []string{"OAUTHBEARER"}) {
			return fmt.Errorf("%.20q: %+v", mechanism, r)
		}
		// What such a client would send next is not read any more.
		_, _ = w.Write(frame(36, 0, []byte("\x00\x00\x00\x0e\x00admin\x00admin-s")))
		if err := w.ended(); err != nil {
			return fmt.Errorf("%.20q: %w", mechanism, err)
		}
		return nil
	})
	if _, code := h.lastStory("wire"); code != authn.Mechanism {
		t.Errorf("audited as %s", code)
	}
	for _, setting := range []string{"[PLAIN]", "[OAUTHBEARER, PLAIN]", "[]", "[SCRAM-SHA-512]"} {
		if err := newSetup(t).with("mechanisms: [OAUTHBEARER]", "mechanisms: "+setting).serve(t, nil); err == nil {
			t.Errorf("klamm starts with mechanisms %s", setting)
		}
	}
}
