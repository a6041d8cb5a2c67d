package jwt_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

const canary = "canary-4c1d"

// form makes a token of texts that need be neither JSON nor signed.
func form(header, claims string) string {
	return encode(header) + "." + encode(claims) + "." + encode("signature-"+canary)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

const (
	rs256  = `{"alg":"RS256"}`
	simple = `{"iss":"https://id.example","sub":"` + canary + `"}`
)

// TestParseAttacks is docs/security.md rows 1, 2, 6 and 16: each is refused
// with its reason, and no error repeats the token.
func TestParseAttacks(t *testing.T) {
	header := func(more string) string { return form(`{"alg":"RS256",`+more+`}`, simple) }
	claims := func(text string) string { return form(rs256, text) }
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + `1` + strings.Repeat(`}`, n) }
	valid := form(rs256, simple)
	parts := strings.Split(valid, ".")

	for name, c := range map[string]struct {
		token string
		want  jwt.Problem
	}{
		"empty":                       {"", jwt.NotAToken},
		"opaque":                      {"ya29.a0AfH6SMBx", jwt.NotAToken},
		"only dots":                   {"..", jwt.NotAToken},
		"millions of dots":            {strings.Repeat(".", 32<<10), jwt.NotAToken},
		"four parts":                  {valid + ".x", jwt.NotAToken},
		"JWE":                         {valid + ".x.y", jwt.Encrypted},
		"JWE of three parts":          {header(`"enc":"A256GCM"`), jwt.Encrypted},
		"33 KiB":                      {claims(`{"a":"` + strings.Repeat("x", 33<<10) + `"}`), jwt.TooLarge},
		"no signature":                {parts[0] + "." + parts[1] + ".", jwt.NotAToken},
		"alg none":                    {form(`{"alg":"none"}`, simple), jwt.BadAlgorithm},
		"alg nOnE":                    {form(`{"alg":"nOnE"}`, simple), jwt.BadAlgorithm},
		"alg none, no signature":      {encode(`{"alg":"none"}`) + "." + parts[1] + ".", jwt.BadAlgorithm},
		"alg absent":                  {form(`{}`, simple), jwt.BadAlgorithm},
		"alg empty":                   {form(`{"alg":""}`, simple), jwt.BadAlgorithm},
		"alg list":                    {form(`{"alg":["RS256"]}`, simple), jwt.BadAlgorithm},
		"alg HS256 with public key":   {confused(), jwt.BadAlgorithm},
		"alg lower case":              {form(`{"alg":"rs256"}`, simple), jwt.BadAlgorithm},
		"alg of encryption":           {form(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647}`, simple), jwt.BadAlgorithm},
		"alg twice":                   {form(`{"alg":"none","alg":"RS256"}`, simple), jwt.DuplicateKey},
		"alg twice, escaped":          {form(`{"alg":"none","\u0061lg":"RS256"}`, simple), jwt.DuplicateKey},
		"alg in capitals":             {form(`{"ALG":"RS256"}`, simple), jwt.BadAlgorithm},
		"crit":                        {header(`"crit":["exp"]`), jwt.Critical},
		"crit empty":                  {header(`"crit":[]`), jwt.Critical},
		"b64":                         {header(`"b64":false,"crit":["b64"]`), jwt.Critical},
		"kid number":                  {header(`"kid":1`), jwt.BadKeyID},
		"kid null":                    {header(`"kid":null`), jwt.BadKeyID},
		"kid long":                    {header(`"kid":"` + strings.Repeat("k", 257) + `"`), jwt.BadKeyID},
		"typ of a client assertion":   {header(`"typ":"client-authentication+jwt"`), jwt.BadType},
		"typ dpop":                    {header(`"typ":"dpop+jwt"`), jwt.BadType},
		"typ number":                  {header(`"typ":1`), jwt.BadType},
		"nested":                      {form(`{"alg":"RS256","cty":"JWT"}`, valid), jwt.BadType},
		"nested without saying it":    {form(rs256, valid), jwt.BadJSON},
		"claims list":                 {claims(`[{"iss":"x"}]`), jwt.BadJSON},
		"claims string":               {claims(`"x"`), jwt.BadJSON},
		"claims null":                 {claims(`null`), jwt.BadJSON},
		"claims blank":                {claims(` `), jwt.BadJSON},
		"claims cut":                  {claims(simple[:len(simple)-1]), jwt.BadJSON},
		"claims trailing object":      {claims(simple + simple), jwt.BadJSON},
		"claims trailing text":        {claims(simple + `x`), jwt.BadJSON},
		"claims trailing NUL":         {claims(simple + "\x00"), jwt.BadJSON},
		"claims trailing comma":       {claims(`{"a":1,}`), jwt.BadJSON},
		"claims comment":              {claims(`{"a":1/**/}`), jwt.BadJSON},
		"claims single quotes":        {claims(`{'a':1}`), jwt.BadJSON},
		"claims key without quotes":   {claims(`{a:1}`), jwt.BadJSON},
		"claims byte order mark":      {claims("\ufeff" + simple), jwt.BadJSON},
		"claims NaN":                  {claims(`{"exp":NaN}`), jwt.BadJSON},
		"claims Infinity":             {claims(`{"exp":-Infinity}`), jwt.BadJSON},
		"claims number 01":            {claims(`{"exp":01}`), jwt.BadJSON},
		"claims number +1":            {claims(`{"exp":+1}`), jwt.BadJSON},
		"claims number .5":            {claims(`{"exp":.5}`), jwt.BadJSON},
		"claims number 1e999":         {claims(`{"exp":1e999}`), jwt.BadJSON},
		"claims hex":                  {claims(`{"exp":0x10}`), jwt.BadJSON},
		"claims line end in string":   {claims("{\"a\":\"\n\"}"), jwt.BadJSON},
		"claims NUL in string":        {claims("{\"a\":\"\x00\"}"), jwt.BadJSON},
		"claims bad escape":           {claims(`{"a":"\x41"}`), jwt.BadJSON},
		"claims escape at the end":    {claims(`{"a":"\`), jwt.BadJSON},
		"claims not UTF-8":            {claims("{\"a\":\"\xff\"}"), jwt.BadJSON},
		"claims overlong UTF-8":       {claims("{\"a\":\"\xc0\xaf\"}"), jwt.BadJSON},
		"claims half a surrogate":     {claims(`{"a":"\ud800"}`), jwt.BadJSON},
		"claims half in a key":        {claims(`{"\udc00":1}`), jwt.BadJSON},
		"claims halves turned":        {claims(`{"a":"\udc00\ud800"}`), jwt.BadJSON},
		"claims half before escape":   {claims(`{"a":"\ud800\n"}`), jwt.BadJSON},
		"claims twice":                {claims(`{"iss":"a","iss":"b"}`), jwt.DuplicateKey},
		"claims twice, deep":          {claims(`{"a":[{"b":{"c":1,"c":1}}]}`), jwt.DuplicateKey},
		"claims twice, escaped slash": {claims(`{"a/b":1,"a\/b":1}`), jwt.DuplicateKey},
		"claims deep":                 {claims(deep(17)), jwt.TooDeep},
		"claims very deep":            {claims(strings.Repeat(`{"a":`, 4000)), jwt.TooDeep},
		"claims lists very deep":      {claims(`{"a":` + strings.Repeat(`[`, 20000)), jwt.TooDeep},
		"header deep":                 {form(deep(17), simple), jwt.TooDeep},
		"header list":                 {form(`["RS256"]`, simple), jwt.BadJSON},
		"padding":                     {encode(`{"alg":"RS256"} `) + "==." + parts[1] + "." + parts[2], jwt.BadEncoding},
		"standard alphabet":           {parts[0] + "." + base64.RawStdEncoding.EncodeToString([]byte(`{"a":"???>>>"}`)) + "." + parts[2], jwt.BadEncoding},
		"blank within":                {parts[0] + ". " + parts[1] + "." + parts[2], jwt.BadEncoding},
		"line end within":             {parts[0] + "." + parts[1][:4] + "\n" + parts[1][4:] + "." + parts[2], jwt.BadEncoding},
		"CR LF at the end":            {valid + "\r\n", jwt.BadEncoding},
		"blank at the end":            {valid + " ", jwt.BadEncoding},
		"spare bits in the header":    {spareBits(encode(`{"alg":"RS256" }`)) + "." + parts[1] + "." + parts[2], jwt.BadEncoding},
		"spare bits in the signature": {parts[0] + "." + parts[1] + "." + spareBits(encode("signature"+"!")), jwt.BadEncoding},
		"one character too many":      {parts[0] + "." + parts[1] + "." + strings.Repeat("A", 5), jwt.BadEncoding},
		"Bearer":                      {"Bearer " + valid, jwt.BadEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := jwt.Parse(secret.New(c.token))
			if err == nil || parsed != nil {
				t.Fatal("it was accepted")
			}
			if got := jwt.ProblemOf(err); got != c.want {
				t.Errorf("problem %q, want %q (%v)", got, c.want, err)
			}
			if kind := fault.KindOf(err); kind != fault.Malformed {
				t.Errorf("kind %q", kind)
			}
			if text := fault.Detail(err); strings.Contains(text, canary) || strings.Contains(text, encode(canary)[:12]) {
				t.Errorf("the error repeats the token: %s", text)
			}
		})
	}
}

// confused is signed with HMAC, the RSA public key as the shared secret.
func confused() string {
	der := must(x509.MarshalPKIXPublicKey(rsaPublic()))
	signed := encode(`{"alg":"HS256","kid":"`+rsaKey().Kid+`"}`) + "." + encode(simple)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// spareBits changes the last character so that a lax decoder sees the same bytes.
func spareBits(part string) string {
	lax, want := base64.RawURLEncoding, must(base64.RawURLEncoding.DecodeString(part))
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		other := part[:len(part)-1] + string(c)
		if got, err := lax.DecodeString(other); err == nil && other != part && string(got) == string(want) {
			return other
		}
	}
	panic("the part has no spare bits")
}

func TestParse(t *testing.T) {
	token, err := jwt.Parse(secret.New(form(
		`{"alg":"ES256","kid":"../../etc/passwd","typ":"AT+JWT","x5t":"abc","jku":"https://evil.example","jwk":{"kty":"oct","k":"AA"},"x5c":["AA"],"x5u":"file:///"}`,
		`{"iss":"https://id.example","sub":"s","aud":["a","b"],"n":1,"f":1.5,"e":1e3,"one":1.0,"big":9223372036854775808,"min":-9223372036854775808,
		  "t":true,"z":null,"o":{"l":[1,"x",{}],"empty":[]},"esc":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00","a:b":"colon","":"nameless"}`)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"iss": "https://id.example", "sub": "s", "aud": []any{"a", "b"}, "n": int64(1), "f": 1.5, "e": int64(1000), "one": int64(1),
		"big": 9223372036854775808.0, "min": int64(-9223372036854775808), "t": true, "z": nil,
		"o": map[string]any{"l": []any{int64(1), "x", map[string]any{}}, "empty": []any{}}, "esc": "\"\\/\b\f\n\r\té😀", "a:b": "colon", "": "nameless",
	}
	if !reflect.DeepEqual(token.Claims, want) {
		t.Errorf("claims\n%#v\nwant\n%#v", token.Claims, want)
	}
	if token.Alg != "ES256" || token.Kid != "../../etc/passwd" || token.Typ != "AT+JWT" || token.X5T != "abc" {
		t.Errorf("header %q %q %q %q", token.Alg, token.Kid, token.Typ, token.X5T)
	}
	if token.Issuer() != "https://id.example" || token.Subject() != "s" || !reflect.DeepEqual(token.Audiences(), []string{"a", "b"}) {
		t.Error("iss, sub or aud was lost")
	}
}

func TestParseTypes(t *testing.T) {
	for typ, want := range map[string]bool{
		`"JWT"`: true, `"jwt"`: true, `"at+jwt"`: true, `"application/at+jwt"`: true, `"Application/AT+JWT"`: true, `""`: true,
		`"application/jwt"`: false, `"JWS"`: false, `"at+jwt "`: false, `"id+jwt"`: false, `"logout+jwt"`: false,
	} {
		_, err := jwt.Parse(secret.New(form(`{"alg":"RS256","typ":`+typ+`}`, simple)))
		if (err == nil) != want {
			t.Errorf("typ %s: %v", typ, err)
		}
	}
}

func TestParseEdges(t *testing.T) {
	for name, c := range map[string]string{
		"32 KiB":     form(rs256, `{"a":"`+strings.Repeat("x", 24500)+`"}`),
		"16 levels":  form(rs256, strings.Repeat(`{"a":`, 16)+`1`+strings.Repeat(`}`, 16)),
		"kid of 256": form(`{"alg":"RS256","kid":"`+strings.Repeat("k", 256)+`"}`, simple),
		"blanks":     form(" \t\r\n{ \"alg\" : \"RS256\" } ", " { \"a\" : [ 1 , 2 ] , \"b\" : { } , \"c\" : [ ] }\n"),
	} {
		if _, err := jwt.Parse(secret.New(c)); err != nil {
			t.Errorf("%s (%d bytes): %v", name, len(c), err)
		}
	}
}

func TestAudiences(t *testing.T) {
	for aud, want := range map[string][]string{
		`"a"`: {"a"}, `["a","b"]`: {"a", "b"}, `[]`: {}, `null`: nil, `1`: nil, `["a",1]`: nil, `{"a":1}`: nil,
	} {
		token, err := jwt.Parse(secret.New(form(rs256, `{"aud":`+aud+`}`)))
		if err != nil {
			t.Fatal(err)
		}
		if got := token.Audiences(); !reflect.DeepEqual(got, want) {
			t.Errorf("aud %s: %#v, want %#v", aud, got, want)
		}
	}
}

func TestTokenPrintsNothing(t *testing.T) {
	token := must(jwt.Parse(secret.New(form(rs256, simple))))
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, token)
		fmt.Fprintf(&out, verb, *token)
		fmt.Fprintf(&out, verb, struct{ T jwt.Token }{*token})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("login", "token", token, "value", *token)
	slog.New(slog.NewTextHandler(&out, nil)).Info("login", "token", token, "value", *token)
	if text := out.String(); strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
		t.Errorf("claims got out: %s", text)
	}
}
