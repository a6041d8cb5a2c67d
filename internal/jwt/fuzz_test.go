package jwt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// FuzzParse: whatever is accepted has exactly one spelling, and its claims are
// what the standard decoder reads.
func FuzzParse(f *testing.F) {
	f.Add(form(rs256, simple))
	f.Add(form(`{"alg":"none"}`, simple))
	f.Add(confused())
	f.Add(sign(f, ecKey(), map[string]any{"typ": "at+jwt"}, map[string]any{"exp": 1}))
	f.Add(form(rs256, simple) + ".x.y")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := jwt.Parse(secret.New(text))
		if err != nil {
			if fault.KindOf(err) != fault.Malformed || jwt.ProblemOf(err) == "" {
				t.Errorf("a refusal without kind or problem: %#v", err)
			}
			return
		}
		parts := strings.Split(text, ".")
		if len(parts) != 3 || len(text) > jwt.MaxToken {
			t.Fatalf("accepted with %d parts, %d bytes", len(parts), len(text))
		}
		for _, part := range parts {
			if raw, err := base64.RawURLEncoding.DecodeString(part); err != nil || base64.RawURLEncoding.EncodeToString(raw) != part {
				t.Errorf("accepted a second spelling of base64: %q", part)
			}
		}
		if err := token.Verify(ecKey().Public()); err == nil && token.Alg != "ES256" {
			t.Errorf("a forgery was verified: alg %q", token.Alg)
		}
		_, _ = token.Expires()
		compare(t, must(base64.RawURLEncoding.DecodeString(parts[1])), token.Claims)
	})
}

// FuzzClaims goes past the base64 and compares both ways.
func FuzzClaims(f *testing.F) {
	for _, text := range []string{
		simple, `{}`, ` {"a":[1,-0,1.5e3,1e999,{"b":null}],"c":"\u00e9\ud83d\ude00"} `, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `[1]`, `{"a":tru}`,
		strings.Repeat(`{"a":`, 17) + `1` + strings.Repeat(`}`, 17),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 || len(payload) > 20<<10 {
			return
		}
		token, err := jwt.Parse(secret.New(form(rs256, string(payload))))
		if err == nil {
			compare(t, payload, token.Claims)
			return
		}
		// What only we refuse has one of four reasons.
		var object map[string]any
		if json.Unmarshal(payload, &object) != nil || object == nil {
			return
		}
		problem := jwt.ProblemOf(err)
		surrogate := bytes.Contains(bytes.ToLower(payload), []byte(`\ud`))
		if problem != jwt.DuplicateKey && problem != jwt.TooDeep && utf8.Valid(payload) && !surrogate {
			t.Errorf("valid JSON refused as %q: %q", problem, payload)
		}
	})
}

func compare(t *testing.T, payload []byte, got map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var want map[string]any
	if err := d.Decode(&want); err != nil || !json.Valid(payload) {
		t.Fatalf("accepted what is no JSON: %q", payload)
	}
	if numbered := typed(want); !reflect.DeepEqual(map[string]any(got), numbered) {
		t.Errorf("read %#v, the standard decoder %#v", got, numbered)
	}
}

// typed replaces json.Number by what claims hold.
func typed(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = typed(v[key])
		}
	case []any:
		for i := range v {
			v[i] = typed(v[i])
		}
	case json.Number:
		if whole, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return whole
		}
		float, _ := v.Float64()
		if float == math.Trunc(float) && math.Abs(float) <= 1<<53 {
			return int64(float)
		}
		return float
	}
	return value
}

// FuzzParseSet: keys that come out are public keys that verify something.
func FuzzParseSet(f *testing.F) {
	f.Add([]byte(jwt.MarshalSet(rsaKey().JWK(nil), ecKey().JWK(map[string]any{"issuer": "https://{tenantid}/"}))))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AQ","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := jwt.ParseSet(data)
		for _, k := range keys {
			if err != nil || len(k.Algorithms()) == 0 || len(k.ID) > jwt.MaxKeyID || strings.Contains(string(k.JWK()), `"d":`) {
				t.Errorf("key %q with algorithms %v, error %v", k.ID, k.Algorithms(), err)
			}
		}
	})
}
