package app

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/token/franz"
)

var series = regexp.MustCompile(`(?m)^(klamm_[a-z_]+(\{[^}]*\})?) `)

// names of all series of klamm's own.
func (h *house) series() map[string]bool {
	set := map[string]bool{}
	for _, m := range series.FindAllStringSubmatch(h.get("/metrics"), -1) {
		set[m[1]] = true
	}
	return set
}

// TestSecurity_18_Cardinality: nothing that a client chooses becomes a label,
// and what is remembered of strangers has an end.
func TestSecurity_18_Cardinality(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	choose := func(round int) {
		h.together(60, func(i int) error {
			mark := fmt.Sprintf("chosen-%d-%d", round, i)
			attacks := []attack{
				{"issuer", here(h.token(map[string]any{"iss": "https://" + mark})), authn.UnknownIssuer},
				{"kid", here(sign(t, otherKey(), map[string]any{"kid": mark}, h.claims(nil))), authn.UnknownKey},
				{"audience", here(h.token(map[string]any{"aud": mark})), authn.Audience},
				{"pool", here(h.token(nil), "identityPoolId="+mark), authn.UnknownPool},
				{"cluster", message(h.token(nil), "logicalCluster="+mark), authn.WrongCluster},
				{"claims", here(h.token(map[string]any{"role": mark, "sub": mark})), authn.NoMatchingPool},
			}
			_, err := h.refused(attacks[i%6].message, attacks[i%6].code)
			return err
		})
		for i := range 20 {
			for _, key := range []int16{3, int16(1000 + 100*round + i)} { // each is the end of its connection
				w := h.loggedIn(map[string]any{"sub": fmt.Sprintf("chosen-%d-%d", round, i)}, relay.Bootstrap)
				_, _ = w.Write(frame(key, int16(i), []byte(fmt.Sprintf("chosen-%d-%d", round, i))))
				_ = w.CloseWrite()
				_ = w.ended()
			}
		}
		for i := range 5 {
			w := h.loggedIn(nil, relay.Bootstrap)
			q := metadataOf(fmt.Sprintf("chosen-%d-%d", round, i))
			if _, err := w.ask(q); err != nil {
				t.Fatal(err)
			}
		}
	}
	choose(1)
	before := h.series()
	if len(before) < 20 {
		t.Fatalf("only %d series: %v", len(before), before)
	}
	choose(2)
	for name := range h.series() {
		if !before[name] {
			t.Errorf("more strangers made the series %s", name)
		}
		if strings.Contains(name, "chosen") {
			t.Errorf("the label of %s was chosen by a client", name)
		}
	}
}

// TestSecurity_19_Canary: words that stand in a token or in a secret alone are
// looked for in everything that klamm writes and says.
func TestSecurity_19_Canary(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{auditFile: true})
	const inClaims, inSignature, inExtension, inFilter = "canary7claim", "canary7signature", "canary7extension", "canary7plain"
	var needles []string
	var said lockedBuffer // all that clients and operators were told
	tokens := map[string]string{
		"good":      h.token(map[string]any{"secret": inClaims}),
		"expired":   h.token(map[string]any{"secret": inClaims, "exp": 1}),
		"forged":    forge(map[string]any{"alg": "ES256", "kid": ecKey().Kid}, h.claims(map[string]any{"secret": inClaims}), func(string) []byte { return []byte(inSignature + strings.Repeat("x", 48)) }),
		"unsigned":  forge(map[string]any{"alg": "none", "secret": inClaims}, h.claims(map[string]any{"secret": inClaims}), func(string) []byte { return []byte(inSignature) }),
		"stranger":  sign(t, otherKey(), nil, h.claims(map[string]any{"secret": inClaims})),
		"elsewhere": h.token(map[string]any{"secret": inClaims, "iss": "https://evil.test"}),
		"audience":  h.token(map[string]any{"secret": inClaims, "aud": "x"}),
		"nobody":    h.token(map[string]any{"secret": inClaims, "role": "nobody"}),
		"twice":     signText(t, strings.TrimSuffix(mustJSON(t, h.claims(map[string]any{"secret": inClaims})), "}")+`,"secret":"x"}`),
		"broken":    signText(t, `{"secret":"`+inClaims+`",`),
		"opaque":    inFilter + "-opaque-secret-that-is-no-jwt",
		"no claim":  h.token(map[string]any{"secret": inClaims, "sub": nil}),
		"encrypted": "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ." + part(inClaims) + ".x.x." + part(inSignature),
	}
	for _, text := range tokens {
		for _, p := range strings.Split(text, ".") {
			if len(p) >= 16 && !strings.HasPrefix(p, "eyJhbGciOiJFUzI1NiIs") {
				needles = append(needles, p, p[:16])
			}
		}
		needles = append(needles, text)
	}
	needles = append(needles, inClaims, inSignature, inFilter, inExtension)
	for _, word := range []string{inClaims, inSignature, inFilter} {
		needles = append(needles, base64.StdEncoding.EncodeToString([]byte(word)), fmt.Sprintf("%x", word))
	}
	slices.Sort(needles)
	needles = slices.Compact(needles)

	names := slices.Sorted(maps.Keys(tokens))
	h.together(5*len(names), func(i int) error {
		name := names[i/5]
		m := here(tokens[name], "note="+inExtension)
		switch i % 5 {
		case 1:
			m = message(tokens[name], "note="+inExtension) // no cluster
		case 2:
			m = append(m, inFilter...) // not the grammar
		case 3: // a token where the id of a pool or a cluster belongs
			m = here(tokens["good"], "identityPoolId="+misplaced(tokens[name]))
		case 4:
			m = message(tokens["good"], "logicalCluster="+misplaced(tokens[name]))
		}
		w, err := h.dial(h.run.Bootstrap)
		if err != nil {
			return err
		}
		defer w.Close()
		r, err := w.authenticate(2, m)
		if err != nil {
			return err
		}
		fmt.Fprintf(&said, "%+v\n", *r)
		if r.ErrorMessage != nil {
			fmt.Fprintln(&said, *r.ErrorMessage)
			ref := sentences.FindStringSubmatch(*r.ErrorMessage)
			if ref == nil {
				return fmt.Errorf("%s: told %q", name, *r.ErrorMessage)
			}
			fmt.Fprintln(&said, h.get("/explain/"+ref[2]))
			record, _ := h.run.audit.ByRef(ref[2])
			fmt.Fprintf(&said, "%+v\n%s\n", record, mustJSON(t, record))
		}
		return nil
	})
	// A client that works, re-authenticates and attacks.
	cl := h.clientAs(tokens["good"], franz.Extensions{"logicalCluster": lkc, "note": inExtension})
	if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Key: []byte(inFilter), Value: []byte(inFilter)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w := h.knock()
	for range 2 {
		if r, err := w.authenticate(2, here(tokens["good"], "note="+inExtension)); err != nil || r.ErrorCode != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	_, _ = w.Write(frame(3, 12, []byte(inFilter)))
	_ = w.ended()
	// One before the login, and one in the raw form.
	w = h.knock()
	if _, err := w.handshake(0, "OAUTHBEARER"); err != nil {
		t.Fatal(err)
	}
	_ = w.WriteBytes(here(tokens["expired"], "note="+inExtension))
	_, _ = w.Next()
	w = h.knock()
	_, _ = w.Write(authenticateFrame(here(tokens["good"])))
	_ = w.ended()
	fmt.Fprintln(&said, h.get("/sessions"), h.get("/explain?principal=svc-orders&last"), h.get("/explain?principal=wire&last"))

	places := map[string]string{"what clients and operators are told": said.String(), "the metrics": h.get("/metrics"), "the log": h.log.String()}
	for _, path := range []string{h.events, h.events + ".steps"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		places[path] = string(text)
	}
	for place, text := range places {
		if len(text) < 500 {
			t.Errorf("%s has only %d bytes", place, len(text))
		}
		for _, needle := range needles {
			if at := strings.Index(text, needle); at >= 0 {
				t.Errorf("%q stands in %s: …%q…", needle, place, text[max(0, at-120):min(len(text), at+len(needle)+40)])
			}
		}
	}
	if !strings.Contains(places["the log"], "DEBUG") {
		t.Error("the log is not at debug level")
	}
}

// misplaced is a token that can be told from an id; an opaque secret cannot.
func misplaced(token string) string {
	if strings.Count(token, ".") < 2 {
		return "eyJ.x.x"
	}
	return token
}

// TestSecurity_19_PasswordUpstream: klamm's own password is as secret as a
// client's token, whether the login upstream succeeds or not.
func TestSecurity_19_PasswordUpstream(t *testing.T) {
	t.Parallel()
	const password = "canary7password"
	behind, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"), kfake.TLS(serverTLS()),
		kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "klamm", password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(behind.Close)
	h := newHouse(t, houseOptions{}) // for its provider and tokens
	s := newSetup(t).with("KEYS", h.idp.url+"/keys").with(`"127.0.0.1:1"`, `"`+behind.ListenAddrs()[0]+`"`).
		with("login: {mechanism: none}", "tls: {ca: identity/ca.pem}\n    login: {mechanism: SCRAM-SHA-512, username: klamm, password: {file: secret}}")
	for _, right := range []bool{true, false} {
		secret := password
		if !right {
			secret += "-wrong"
		}
		s.write(t, "secret", []byte(secret+"\n"))
		s.log = &lockedBuffer{}
		err := s.serve(t, func(bootstrap string) {
			h.run.Bootstrap, bootstrap = bootstrap, h.run.Bootstrap
			defer func() { h.run.Bootstrap = bootstrap }()
			if right {
				cl := h.client(h.token(nil))
				defer cl.Close()
				if err := cl.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
					t.Error(err)
				}
				return
			}
			h.eventually("the login is told to have failed", func() bool { return strings.Contains(s.log.String(), "cannot be reached") })
		})
		if err != nil {
			t.Fatal(details(err))
		}
		if strings.Contains(s.log.String(), password) || right && s.log.String() == "" {
			t.Errorf("the log: %s", s.log)
		}
	}
}
