package jwt

import (
	"errors"

	"github.com/klammhq/klamm/internal/fault"
)

// Problem is the machine's reason in every error of this package about a
// token or its key: lower-case words joined by hyphens, stable. It is the cause
// of the fault, so errors.As and [ProblemOf] find it.
type Problem string

const (
	NotAToken    Problem = "not-a-token"   // not three parts, as an opaque token is
	TooLarge     Problem = "too-large"     // over [MaxToken]
	Encrypted    Problem = "encrypted"     // a JWE
	BadEncoding  Problem = "bad-encoding"  // a part is not base64url in its one form
	BadJSON      Problem = "bad-json"      // header or claims are not one JSON object
	DuplicateKey Problem = "duplicate-key" // at any depth of header or claims
	TooDeep      Problem = "too-deep"      // nested beyond any use
	BadAlgorithm Problem = "bad-algorithm" // none, HMAC, unknown, absent
	BadType      Problem = "bad-type"      // typ or cty of something else than an access token
	BadKeyID     Problem = "bad-key-id"    // kid is no string or too long
	Critical     Problem = "critical"      // crit: an extension that must be understood
	BadTime      Problem = "bad-time"      // exp, nbf or iat is no NumericDate, or exp is absent
	WrongKey     Problem = "wrong-key"     // the algorithm is not one of the key's
	BadSignature Problem = "bad-signature"
	UnknownKey   Problem = "unknown-key" // the key set was read and has no such key
	NoKeys       Problem = "no-keys"     // the key set cannot be had
)

func (p Problem) Error() string { return string(p) }

// ProblemOf finds the reason in err's chain; there is none in errors of others.
func ProblemOf(err error) Problem {
	p, _ := errors.AsType[Problem](err)
	return p
}

// malformed is a fault of the token's form. The message never holds its text.
func (p Problem) malformed(format string, args ...any) *fault.Error {
	return fault.New(fault.Malformed, format, args...).Because(p)
}

// refused is a fault of a token that is well formed and not to be believed.
func (p Problem) refused(format string, args ...any) *fault.Error {
	return fault.New(fault.Unauthenticated, format, args...).Because(p)
}
