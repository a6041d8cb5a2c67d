package jwt

import (
	"math"
	"time"
)

// lastSecond is 9999-12-31T23:59:59Z, the last second that RFC 3339 can write:
// whatever a clock is compared with or printed as, nothing overflows.
const lastSecond = 253402300799

// Expires is the claim exp. A token without one is an error: it would never end.
func (t *Token) Expires() (time.Time, error) {
	at, err := t.numericDate("exp")
	if err == nil && at.IsZero() {
		return at, BadTime.malformed("there is no exp; a token must end").At("exp")
	}
	return at, err
}

// NotBefore is the claim nbf; the zero time when it is absent.
func (t *Token) NotBefore() (time.Time, error) { return t.numericDate("nbf") }

// IssuedAt is the claim iat; the zero time when it is absent.
func (t *Token) IssuedAt() (time.Time, error) { return t.numericDate("iat") }

// numericDate reads seconds since 1970, fractions allowed (RFC 7519 section 2).
func (t *Token) numericDate(claim string) (time.Time, error) {
	value, present := t.Claims[claim]
	if !present {
		return time.Time{}, nil
	}
	whole, fraction := int64(-1), 0.0
	switch n := value.(type) {
	case int64:
		whole = n
	case float64:
		// The comparison is false for NaN; a float beyond int64 never gets to the conversion.
		if n >= 0 && n <= lastSecond {
			seconds, rest := math.Modf(n)
			whole, fraction = int64(seconds), rest
		}
	default:
		return time.Time{}, BadTime.malformed("it is %s, expected a number of seconds since 1970", shape(value)).At(claim)
	}
	if whole < 0 || whole > lastSecond {
		return time.Time{}, BadTime.malformed("it is out of range, expected seconds from 0 to %d", int64(lastSecond)).At(claim)
	}
	return time.Unix(whole, int64(fraction*1e9)), nil
}
