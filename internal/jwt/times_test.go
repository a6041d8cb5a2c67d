package jwt_test

import (
	"math"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

func TestTimes(t *testing.T) {
	for claim, want := range map[string]time.Time{
		`0`: time.Unix(0, 0), `1790000000`: time.Unix(1790000000, 0), `1790000000.25`: time.Unix(1790000000, 25e7), `1.79e9`: time.Unix(1790000000, 0),
		`2147483648`: time.Unix(1<<31, 0), `4294967296`: time.Unix(1<<32, 0), `253402300799`: time.Unix(253402300799, 0), // beyond 32 bits
		`253402300800`: {}, `9223372036854775807`: {}, `9223372036854775808`: {}, `1e300`: {}, `18446744073709551617`: {},
		`-1`: {}, `-0.5`: {}, `-9223372036854775808`: {}, `"1790000000"`: {}, `true`: {}, `null`: {}, `[1790000000]`: {}, `{}`: {},
	} {
		token := must(jwt.Parse(secret.New(form(rs256, `{"exp":`+claim+`,"nbf":`+claim+`,"iat":`+claim+`}`))))
		for name, read := range map[string]func() (time.Time, error){"exp": token.Expires, "nbf": token.NotBefore, "iat": token.IssuedAt} {
			got, err := read()
			if (err != nil) != want.IsZero() || !got.Equal(want) {
				t.Errorf("%s %s: %v, %v; want %v", name, claim, got, err, want)
			}
			if err != nil && jwt.ProblemOf(err) != jwt.BadTime {
				t.Errorf("%s %s: problem %q", name, claim, jwt.ProblemOf(err))
			}
		}
	}
}

func TestTimesAbsent(t *testing.T) {
	var token jwt.Token
	if _, err := token.Expires(); jwt.ProblemOf(err) != jwt.BadTime {
		t.Errorf("no exp: %v", err)
	}
	if at, err := token.NotBefore(); err != nil || !at.IsZero() {
		t.Errorf("no nbf: %v, %v", at, err)
	}
	token.Claims = map[string]any{"exp": math.NaN(), "iat": math.Inf(1)}
	if _, err := token.Expires(); err == nil {
		t.Error("exp NaN was accepted")
	}
	if _, err := token.IssuedAt(); err == nil {
		t.Error("iat infinite was accepted")
	}
}
