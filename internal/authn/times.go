package authn

import (
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
)

// times are those of a token.
type times struct {
	expires time.Time
	begins  time.Time // the later of nbf and iat; zero when it has neither
	issued  time.Time // zero when it is not said
}

// readTimes reads exp, nbf and iat (RFC 7519, section 4.1) and holds the
// lifetime to its limit.
func (a *Authenticator) readTimes(t *trail, token *jwt.Token) (times, error) {
	if _, ok := token.Claims["exp"]; !ok {
		return times{}, t.fail(MissingExpiry, "times", "no exp", "exp, in seconds since 1970", "")
	}
	expires, err := token.Expires()
	if err != nil {
		return times{}, t.fail(TimeMalformed, "times", claim(token.Claims, "exp"), "seconds since 1970", timeMend(token.Claims["exp"]))
	}
	begins, err := token.NotBefore()
	if err != nil {
		return times{}, t.fail(TimeMalformed, "times", claim(token.Claims, "nbf"), "seconds since 1970", timeMend(token.Claims["nbf"]))
	}
	issued, err := token.IssuedAt()
	if err != nil {
		return times{}, t.fail(TimeMalformed, "times", claim(token.Claims, "iat"), "seconds since 1970", timeMend(token.Claims["iat"]))
	}
	start := a.options.Now()
	if !issued.IsZero() && issued.Before(start) {
		start = issued
	}
	if life := expires.Sub(start); life > a.options.MaxLifetime {
		return times{}, t.fail(LifetimeTooLong, "times", "a lifetime of "+span(life), "at most "+a.options.MaxLifetime.String(), "")
	}
	if issued.After(begins) {
		begins = issued
	}
	return times{expires, begins, issued}, nil
}

// timeMend knows the unit that is easily taken for seconds.
func timeMend(v any) string {
	if n, ok := v.(int64); ok && n > 1e12 && n < 1e13 {
		return "this is a number of milliseconds, as Java and JavaScript count: have the provider divide it by 1000"
	}
	return ""
}

// inTime compares a token's times with the clock. The end gets no skew: the
// session would outlive the token.
func (a *Authenticator) inTime(t *trail, when times) error {
	now := a.options.Now()
	if !when.expires.After(now) {
		saw := "exp " + stamp(when.expires) + ", " + span(now.Sub(when.expires)) + " ago"
		if !when.issued.IsZero() {
			saw += "; issued " + stamp(when.issued)
		}
		return t.fail(Expired, "times", saw, "a token that has not ended at "+stamp(now)+" by klamm's clock", "")
	}
	if when.begins.After(now.Add(skew)) {
		return t.fail(NotYetValid, "times", "valid from "+stamp(when.begins)+", in "+span(when.begins.Sub(now)), "not later than "+span(skew)+" after "+stamp(now)+" by klamm's clock", "")
	}
	return nil
}

func span(d time.Duration) string { return d.Truncate(time.Second).String() }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// checkAudience compares aud with what the provider accepts (RFC 7519, section
// 4.1.3). Without a list of its own it is left to the pools' filters.
func (p *provider) checkAudience(t *trail, claims map[string]any) error {
	if len(p.Audiences) == 0 {
		t.ok("audience", "unchecked: the provider lists none")
		return nil
	}
	token := jwt.Token{Claims: claims}
	for _, aud := range token.Audiences() {
		for _, want := range p.Audiences {
			if aud == want {
				t.ok("audience", show(aud))
				return nil
			}
		}
	}
	return t.fail(Audience, "audience", claim(claims, "aud"), "one of "+show(p.Audiences)+", the audiences of "+p.ID, p.audienceMend(claims))
}

// audienceMend guesses how the token came to be for somebody else.
func (p *provider) audienceMend(claims map[string]any) string {
	if mend := forMicrosoft(claims); mend != "" {
		return mend
	}
	aud, _ := claims["aud"].(string)
	if resource, scope := strings.CutSuffix(aud, "/.default"); scope {
		return "/.default belongs to scope, which the v2 token endpoint reads; where resource is asked for (IMDS, App Service, the v1 endpoint) write " + show(resource)
	}
	for _, want := range p.Audiences {
		if mend := slip(aud, want); mend != "" {
			return mend
		}
	}
	if p.entra != nil {
		return p.entraAudienceMend(aud)
	}
	return ""
}

// step is that of times that were found good.
func (w times) step() iam.Step {
	return iam.Step{Name: "times", OK: true, Saw: "valid until " + stamp(w.expires)}
}
