package authn

import (
	"context"
	"crypto/sha256"
	"strings"
	"unsafe"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// checkMessage is about what was sent beside a token, or in place of one.
func checkMessage(t *trail, c iam.Credential) error {
	switch {
	case c.Malformed != "":
		return t.fail(SASLMessage, "SASL message", c.Malformed, "n,,^Aauth=Bearer TOKEN^AlogicalCluster=LKC^AidentityPoolId=POOLS^A^A, where ^A is the byte 1", c.Mend)
	case c.Token.IsZero() && t.mechanism != "OAUTHBEARER":
		return t.fail(Mechanism, "mechanism", show(t.mechanism), "OAUTHBEARER", "")
	}
	return nil // no token at all is none that can be read
}

// verify believes a token, or says why not. Everything that needs no key is
// checked before a key is looked for, so that nobody can make klamm fetch keys
// with a token that would be refused anyway.
func (a *Authenticator) verify(ctx context.Context, t *trail, token secret.String) (*verified, error) {
	hash := digest(token)
	if v := a.verified.get(hash); v != nil {
		if v.keyHolds(ctx) {
			t.steps = append(t.steps, v.step)
			if err := a.inTime(t, v.times); err != nil {
				return nil, err
			}
			return v, nil
		}
		a.verified.drop(hash)
	}
	parsed, err := jwt.Parse(token)
	if err != nil {
		return nil, t.unreadable(err)
	}
	t.ok("token", "a JWT signed with "+parsed.Alg)
	p, err := a.findProvider(t, parsed)
	if err != nil {
		return nil, err
	}
	when, err := a.readTimes(t, parsed)
	if err != nil {
		return nil, err
	}
	if err := a.inTime(t, when); err != nil {
		return nil, err
	}
	t.steps = append(t.steps, when.step())
	if err := p.checkAudience(t, parsed.Claims); err != nil {
		return nil, err
	}
	key, version, err := p.checkSignature(ctx, t, parsed)
	if err != nil {
		return nil, err
	}
	again := iam.Step{Name: "token", OK: true, Saw: "the same as was verified before: of " + p.ID + ", valid until " + stamp(when.expires) + ", by key " + show(parsed.Kid)}
	v := &verified{provider: p, version: version, kid: parsed.Kid, key: key.Thumbprint(), claims: parsed.Claims, times: when, step: again}
	a.verified.add(hash, v)
	return v, nil
}

// digest is SHA-256 of the token, without a copy of its text.
func digest(token secret.String) [sha256.Size]byte {
	text := token.Reveal()
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(text), len(text)))
}

// unreadable maps the reasons of the parser to codes, and to what is wanted.
var unreadable = map[jwt.Problem]struct {
	code   iam.Code
	wanted string
}{
	jwt.Encrypted:    {TokenEncrypted, "three parts: a signed JWT access token"},
	jwt.BadAlgorithm: {TokenAlgorithm, "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA"},
	jwt.DuplicateKey: {TokenDuplicate, "each key once"},
	jwt.BadType:      {TokenType, "typ JWT, at+jwt or none"},
	jwt.BadTime:      {TimeMalformed, "seconds since 1970"},
}

func (t *trail) unreadable(err error) error {
	why, ok := unreadable[jwt.ProblemOf(err)]
	if !ok {
		why.code, why.wanted = TokenMalformed, "a signed JWT access token"
	}
	return t.fail(why.code, "token", cut(err.Error()), why.wanted, "")
}

// findProvider finds who is said to have issued the token. Nothing is believed yet.
func (a *Authenticator) findProvider(t *trail, token *jwt.Token) (*provider, error) {
	issuer, ok := token.Claims["iss"].(string)
	p := a.issuers[issuer]
	switch {
	case !ok || issuer == "" || p == nil:
		return nil, t.fail(UnknownIssuer, "issuer", claim(token.Claims, "iss"), a.wantedIssuers(), a.issuerMend(token.Claims))
	case p.Disabled:
		return nil, t.fail(IssuerDisabled, "issuer", show(issuer)+" is "+p.ID+", which is disabled", "an enabled identity provider", p.enableMend())
	}
	t.ok("issuer", show(issuer)+" is "+p.ID)
	if p.entra != nil {
		if err := p.entra.check(t, token.Claims); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// enableMend is for what only a disabled provider stands in the way of.
func (p *provider) enableMend() string {
	return "take disabled: true out of the IdentityProvider " + p.ID + ", or take the token from another provider"
}

// published is a key set that knows where it is and how old its keys are.
type published interface{ Status() jwt.Status }

// noKey is the step of a key that is not to be had.
func (p *provider) noKey(t *trail, kid string, err error) error {
	from, age := "the key set of "+p.ID, ""
	if set, ok := p.trust.Keys.(published); ok {
		status := set.Status()
		from += ", " + show(status.URL)
		if !status.Fetched.IsZero() {
			age = stamp(status.Fetched)
		}
	}
	code, saw := UnknownKey, err.Error()
	if jwt.ProblemOf(err) != jwt.UnknownKey {
		code, saw = KeysUnavailable, strings.Replace(fault.Sentence(err), string(jwt.NoKeys)+": ", "", 1)
	}
	if age != "" {
		saw = "keys that were fetched at " + age + "; " + saw
	}
	const maxWhy = 2 * maxSaw // it has causes, and two URLs
	return t.fail(code, "key", cutAt(saw, maxWhy), "kid "+show(kid)+" in "+from, "")
}

// checkSignature finds the key and verifies with it. It returns the version of
// the key set before the key was found: should the keys change meanwhile, what
// is remembered is out of date rather than wrong.
func (p *provider) checkSignature(ctx context.Context, t *trail, token *jwt.Token) (key jwt.Key, version uint64, err error) {
	version = p.trust.Keys.Version()
	key, err = p.trust.Keys.Key(ctx, token.Kid)
	if now := p.trust.Keys.Version(); err == nil && now != version { // finding it was a fetch
		version = now
		key, err = p.trust.Keys.Key(ctx, token.Kid)
	}
	if err != nil {
		return key, 0, p.noKey(t, token.Kid, err)
	}
	if p.entra != nil {
		if err := p.entra.checkKey(t, key.Issuer); err != nil {
			return key, 0, err
		}
	}
	if err := token.Verify(key); err != nil {
		return key, 0, t.fail(BadSignature, "signature", cut(err.Error()), "a signature by a key of "+p.ID, "")
	}
	t.ok("signature", "good, by key "+show(key.ID))
	return key, version, nil
}
