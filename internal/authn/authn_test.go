package authn_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

const (
	tenant  = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	entraV2 = "https://login.microsoftonline.com/" + tenant + "/v2.0"
	oidc    = "https://issuer.example/oauth2/default"
	app     = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	party   = "0f6c1b52-5a0d-4f4e-8a53-1d1a3c1f7a11"
)

// now is the moment of every test here.
var now = time.Unix(1790000000, 0)

// signer makes one key for all tests of the process.
var signer = sync.OnceValue(func() *jwt.SigningKey {
	k, err := jwt.GenerateEC()
	if err != nil {
		panic(err)
	}
	return k
})

var stranger = sync.OnceValue(func() *jwt.SigningKey {
	k, err := jwt.GenerateEC()
	if err != nil {
		panic(err)
	}
	return k
})

func snapshot() *iam.Snapshot {
	return &iam.Snapshot{
		Generation:   7,
		Organization: iam.Organization{ID: "6a4e3a2c", Environment: "env-prod"},
		Providers: map[string]iam.Provider{
			"op-entra": {ID: "op-entra", Issuer: entraV2, Entra: true, Audiences: []string{app}, IdentityClaim: "claims.oid"},
			"op-oidc":  {ID: "op-oidc", Issuer: oidc},
			"op-off":   {ID: "op-off", Issuer: "https://off.example", Disabled: true},
		},
		Pools: map[string]iam.Pool{
			"pool-orders":  {ID: "pool-orders", DisplayName: "Order writers", Provider: "op-entra", IdentityClaim: "claims.oid", Filter: `"Kafka.Write" in claims.roles`},
			"pool-audit":   {ID: "pool-audit", Provider: "op-entra", IdentityClaim: "claims.azp", Filter: `"Kafka.Audit" in claims.roles`},
			"pool-read":    {ID: "pool-read", Provider: "op-entra", IdentityClaim: "claims.oid", Filter: `claims.aud == "` + app + `" && "Kafka.Write" in claims.roles`},
			"pool-group":   {ID: "pool-group", Provider: "op-entra", IdentityClaim: "claims.oid", Filter: `claims.department == "it"`},
			"pool-nobody":  {ID: "pool-nobody", Provider: "op-entra", IdentityClaim: "claims.email", Filter: `claims.tid == "` + tenant + `"`, Disabled: true},
			"pool-email":   {ID: "pool-email", Provider: "op-oidc", IdentityClaim: "claims.email", Filter: `claims.cid == "mail"`},
			"pool-roles":   {ID: "pool-roles", Provider: "op-oidc", IdentityClaim: "claims.scp", Filter: `claims.cid == "list"`},
			"pool-generic": {ID: "pool-generic", Provider: "op-oidc", Filter: `claims.cid == "app"`},
		},
	}
}

// claims are a good Entra v2 access token's.
func claims(change ...any) map[string]any {
	c := map[string]any{
		"iss": entraV2, "aud": app, "sub": party, "oid": party, "tid": tenant, "azp": "c0ffee00-0000-4000-8000-000000000001",
		"ver": "2.0", "roles": []string{"Kafka.Write"},
		"iat": now.Unix() - 300, "nbf": now.Unix() - 300, "exp": now.Unix() + 3600,
	}
	return with(c, change...)
}

// other are a good token's of a provider that is not Entra.
func other(change ...any) map[string]any {
	return with(map[string]any{"iss": oidc, "sub": "app-1", "cid": "app", "exp": now.Unix() + 3600}, change...)
}

// with sets claims; nil removes one.
func with(c map[string]any, change ...any) map[string]any {
	c = maps.Clone(c)
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == nil {
			delete(c, change[i].(string))
		} else {
			c[change[i].(string)] = change[i+1]
		}
	}
	return c
}

func sign(t testing.TB, k *jwt.SigningKey, c map[string]any) string {
	t.Helper()
	token, err := k.Sign(map[string]any{"kid": signer().Public().ID, "typ": "JWT"}, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// counting is a key set that counts look-ups, so that a test sees what
// happened before any key was looked for.
type counting struct {
	jwt.KeySet
	asked   int
	version uint64
}

func (k *counting) Key(ctx context.Context, kid string) (jwt.Key, error) {
	k.asked++
	return k.KeySet.Key(ctx, kid)
}

func (k *counting) Version() uint64 { return k.version }

type down struct{}

func (down) Key(context.Context, string) (jwt.Key, error) {
	return jwt.Key{}, fault.New(fault.Unavailable, "the key set cannot be had").Because(jwt.NoKeys)
}
func (down) Version() uint64 { return 0 }

func compile(t testing.TB, s *iam.Snapshot, keys jwt.KeySet, o authn.Options) *authn.Authenticator {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return now }
	}
	trust := map[string]authn.Trust{}
	for id := range s.Providers {
		trust[id] = authn.Trust{Keys: keys, Since: 1}
	}
	a, _, err := authn.Compile(s, trust, o)
	if err != nil {
		t.Fatal(fault.Detail(err))
	}
	return a
}

func keySet() *counting {
	return &counting{KeySet: jwt.NewStatic(signer().Public()), version: 1}
}

func credential(token, selection string) iam.Credential {
	return iam.Credential{Mechanism: "OAUTHBEARER", Token: secret.New(token), Cluster: "lkc-orders", LogicalCluster: "lkc-orders", PoolSelection: selection}
}

func TestLetIn(t *testing.T) {
	crn := "crn://confluent.cloud/organization=6a4e3a2c/identity-provider=op-entra/identity=" + party
	for _, c := range []struct {
		name, token, selection string
		principal              iam.Principal
		pools, claim           string
	}{
		{"one pool by name", sign(t, signer(), claims()), "pool-orders", "User:pool-orders", "pool-orders", party},
		{"its own identity claim", sign(t, signer(), claims("roles", []string{"Kafka.Audit"})), "pool-audit", "User:pool-audit", "pool-audit", "c0ffee00-0000-4000-8000-000000000001"},
		{"several by name", sign(t, signer(), claims()), "pool-read, pool-orders", iam.Principal(crn), "pool-orders pool-read", party},
		{"all that match", sign(t, signer(), claims()), "", iam.Principal(crn), "pool-orders pool-read", party},
		{"the only one that matches", sign(t, signer(), claims("roles", []string{"Kafka.Audit"})), "", "User:pool-audit", "pool-audit", "c0ffee00-0000-4000-8000-000000000001"},
		{"sub by default", sign(t, signer(), other()), "pool-generic", "User:pool-generic", "pool-generic", "app-1"},
		{"aud as a list", sign(t, signer(), claims("aud", []string{"x", app})), "pool-orders", "User:pool-orders", "pool-orders", party},
		{"skewed by a minute", sign(t, signer(), claims("nbf", now.Unix()+60, "iat", now.Unix()+60)), "pool-orders", "User:pool-orders", "pool-orders", party},
		{"a managed identity's day", sign(t, signer(), claims("exp", now.Unix()+24*3600)), "pool-orders", "User:pool-orders", "pool-orders", party},
		{"a second before its end", sign(t, signer(), claims("exp", now.Unix()+1)), "pool-orders", "User:pool-orders", "pool-orders", party},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := compile(t, snapshot(), keySet(), authn.Options{})
			for range 2 { // cold and warm
				id, steps, err := a.Authenticate(context.Background(), credential(c.token, c.selection))
				if err != nil {
					t.Fatalf("refused: %v\n%+v", err, steps)
				}
				if id.Principal != c.principal || strings.Join(id.Pools, " ") != c.pools || id.Claim != c.claim || id.Provider == "" {
					t.Errorf("identity %+v", id)
				}
				if id.Key != signer().Public().Thumbprint() || id.Generation != 7 || id.PoolSelection != c.selection || id.Cluster != "lkc-orders" || !strings.HasPrefix(id.CRN, "crn://confluent.cloud/organization=6a4e3a2c/identity-provider=op-") {
					t.Errorf("identity %+v", id)
				}
				if len(id.Acting) != len(id.Pools) || id.Acting[0] != iam.PoolPrincipal(id.Pools[0]) {
					t.Errorf("acting %v for pools %v", id.Acting, id.Pools)
				}
				for _, s := range steps {
					if !s.OK || s.Code != "" {
						t.Errorf("step %+v of a success", s)
					}
				}
			}
		})
	}
}

func raw(header, payload string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(header)) + "." + b64([]byte(payload)) + "." + b64([]byte("signature"))
}

// attack is one way to be refused.
type attack struct {
	code      iam.Code
	token     string
	selection string
	fetch     bool   // keys may be looked for
	saw, mend string // parts of the last step
	change    func(*iam.Credential)
	keys      jwt.KeySet
}

func attacks(t testing.TB) map[string]attack {
	ec := func(c map[string]any) string { return sign(t, signer(), c) }
	good := ec(claims())
	parts := strings.Split(good, ".")
	withHeader := func(h map[string]any, c map[string]any) string {
		h = with(map[string]any{"kid": signer().Public().ID}, flat(h)...)
		token, err := signer().Sign(h, c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	iss := func(s string) string { return `"iss":"` + s + `"` }
	many := strings.Repeat("pool-orders,", 20) + "pool-orders"
	return map[string]attack{
		"another mechanism":        {code: authn.Mechanism, change: func(c *iam.Credential) { c.Mechanism = "PLAIN" }, saw: "PLAIN"},
		"no token":                 {code: authn.TokenMalformed},
		"unreadable message":       {code: authn.SASLMessage, change: func(c *iam.Credential) { c.Malformed, c.Mend = `has "pool_id"`, "letters only" }, saw: "pool_id", mend: "letters only"},
		"unreadable, no mend":      {code: authn.SASLMessage, change: func(c *iam.Credential) { c.Malformed = "has no end" }, saw: "no end", mend: "logicalCluster, identityPoolId"},
		"unreadable with a token":  {code: authn.SASLMessage, token: good, change: func(c *iam.Credential) { c.Malformed = "has no end" }},
		"too large":                {code: authn.TokenMalformed, saw: "at most 32768", token: good + strings.Repeat("A", 33<<10)},
		"opaque":                   {code: authn.TokenMalformed, token: "0123456789abcdef"},
		"two parts":                {code: authn.TokenMalformed, token: parts[0] + "." + parts[1]},
		"no JSON":                  {code: authn.TokenMalformed, token: raw(`{"alg":"ES256"}`, `{`)},
		"unknown crit":             {code: authn.TokenMalformed, token: raw(`{"alg":"ES256","crit":["x"]}`, `{}`)},
		"encrypted":                {code: authn.TokenEncrypted, token: good + "..."[:2]},
		"alg none":                 {code: authn.TokenAlgorithm, token: raw(`{"alg":"none"}`, `{`+iss(entraV2)+`}`)},
		"alg confusion":            {code: authn.TokenAlgorithm, token: raw(`{"alg":"HS256"}`, `{`+iss(entraV2)+`}`)},
		"duplicate claim":          {code: authn.TokenDuplicate, token: raw(`{"alg":"ES256"}`, `{`+iss(oidc)+`,`+iss(entraV2)+`}`)},
		"type of a logout token":   {code: authn.TokenType, token: raw(`{"alg":"ES256","typ":"logout+jwt"}`, `{`+iss(entraV2)+`}`)},
		"ID token by nonce":        {code: authn.IDToken, token: ec(claims("nonce", "1")), saw: "nonce"},
		"ID token by at_hash":      {code: authn.IDToken, token: ec(claims("at_hash", "1"))},
		"ID token by c_hash":       {code: authn.IDToken, token: ec(claims("c_hash", "1"))},
		"no issuer":                {code: authn.UnknownIssuer, token: ec(claims("iss", nil)), saw: "no iss"},
		"issuer is a list":         {code: authn.UnknownIssuer, token: ec(claims("iss", []string{entraV2}))},
		"unknown issuer":           {code: authn.UnknownIssuer, token: ec(claims("iss", "https://evil.example")), saw: "evil.example", mend: "exactly this issuer"},
		"issuer with a slash":      {code: authn.UnknownIssuer, token: ec(claims("iss", entraV2+"/")), mend: "byte for byte"},
		"Entra v1 token":           {code: authn.UnknownIssuer, token: ec(claims("iss", "https://sts.windows.net/"+tenant+"/", "ver", "1.0")), mend: "this is an Entra v1 token"},
		"emulated Entra v1 token":  {code: authn.UnknownIssuer, token: ec(claims("iss", "https://localhost:1/x/", "ver", "1.0", "appid", "x")), mend: "requestedAccessTokenVersion"},
		"disabled issuer":          {code: authn.IssuerDisabled, token: ec(claims("iss", "https://off.example")), saw: "op-off"},
		"Entra version 1":          {code: authn.EntraVersion, token: ec(claims("ver", "1.0")), saw: `"1.0"`, mend: "accessTokenAcceptedVersion"},
		"no Entra version":         {code: authn.EntraVersion, token: ec(claims("ver", nil))},
		"Entra version as number":  {code: authn.EntraVersion, token: ec(claims("ver", 2))},
		"another tenant":           {code: authn.EntraTenant, token: ec(claims("tid", "0"))},
		"no Entra client":          {code: authn.EntraClient, token: ec(claims("azp", nil)), saw: "no azp"},
		"v1 client claim":          {code: authn.EntraClient, token: ec(claims("azp", nil, "appid", "x"))},
		"no exp":                   {code: authn.MissingExpiry, token: ec(claims("exp", nil))},
		"exp as text":              {code: authn.TimeMalformed, token: ec(claims("exp", "tomorrow"))},
		"exp beyond any clock":     {code: authn.TimeMalformed, token: ec(claims("exp", 1e300))},
		"exp in milliseconds":      {code: authn.TimeMalformed, token: ec(claims("exp", now.UnixMilli())), mend: "milliseconds"},
		"exp is negative":          {code: authn.TimeMalformed, token: ec(claims("exp", -1))},
		"nbf as text":              {code: authn.TimeMalformed, token: ec(claims("nbf", "today"))},
		"ended now":                {code: authn.Expired, token: ec(claims("exp", now.Unix()))},
		"ended 30 s ago":           {code: authn.Expired, token: ec(claims("exp", now.Unix()-30)), saw: "30s ago; issued 20", mend: "klamm's clock is ahead"},
		"a clock 10 min ahead":     {code: authn.Expired, token: ec(claims("exp", now.Unix()-600, "iat", nil)), saw: "10m0s ago", mend: "klamm's clock is ahead"},
		"a clock 10 min behind":    {code: authn.NotYetValid, token: ec(claims("nbf", now.Unix()+600, "iat", now.Unix()+600)), saw: "in 10m0s", mend: "klamm's clock is behind"},
		"begins later":             {code: authn.NotYetValid, token: ec(claims("nbf", now.Unix()+61))},
		"issued later":             {code: authn.NotYetValid, token: ec(claims("iat", now.Unix()+61))},
		"lives too long":           {code: authn.LifetimeTooLong, token: ec(claims("exp", now.Unix()+26*3600)), saw: "26h5m"},
		"lives too long, no iat":   {code: authn.LifetimeTooLong, token: ec(claims("iat", nil, "exp", now.Unix()+26*3600))},
		"another audience":         {code: authn.Audience, token: ec(claims("aud", "api://x")), saw: "api://x", mend: "GUID"},
		"another application":      {code: authn.Audience, token: ec(claims("aud", party)), mend: "this token is for the application " + party},
		"for Microsoft Graph":      {code: authn.UnknownIssuer, token: ec(claims("iss", "https://sts.windows.net/"+tenant+"/", "ver", "1.0", "appid", "x", "aud", "00000003-0000-0000-c000-000000000000")), mend: "ask for the application that stands for Kafka"},
		"for Azure's management":   {code: authn.Audience, token: ec(claims("aud", "https://management.azure.com/")), mend: "a service of Microsoft's"},
		"no audience":              {code: authn.Audience, token: ec(claims("aud", nil)), saw: "no aud"},
		"audience is no text":      {code: authn.Audience, token: ec(claims("aud", []any{app, 1}))},
		"unknown key":              {code: authn.UnknownKey, token: withHeader(map[string]any{"kid": "nobody"}, claims()), fetch: true, saw: "nobody"},
		"keys are down":            {code: authn.KeysUnavailable, token: good, fetch: true, keys: down{}},
		"stranger's signature":     {code: authn.BadSignature, token: sign(t, stranger(), claims()), fetch: true},
		"changed after signing":    {code: authn.BadSignature, token: parts[0] + "." + strings.Split(ec(claims("oid", "x")), ".")[1] + "." + parts[2], fetch: true},
		"no logical cluster":       {code: authn.NoLogicalCluster, token: good, fetch: true, change: func(c *iam.Credential) { c.LogicalCluster = "" }},
		"another logical cluster":  {code: authn.WrongCluster, token: good, fetch: true, change: func(c *iam.Credential) { c.LogicalCluster = "lkc-x" }, saw: "lkc-x"},
		"cluster in quotes":        {code: authn.WrongCluster, token: good, fetch: true, change: func(c *iam.Credential) { c.LogicalCluster = `'lkc-orders'` }, mend: "quotes"},
		"cluster in capitals":      {code: authn.WrongCluster, token: good, fetch: true, change: func(c *iam.Credential) { c.LogicalCluster = "LKC-Orders" }, mend: "it is written lkc-orders"},
		"cluster and a blank":      {code: authn.WrongCluster, token: good, fetch: true, change: func(c *iam.Credential) { c.LogicalCluster = "lkc-orders " }, mend: "blanks"},
		"audience in quotes":       {code: authn.Audience, token: ec(claims("aud", "'"+app+"'")), mend: "quotes"},
		"scope for a resource":     {code: authn.Audience, token: ec(claims("aud", "api://kafka/.default")), mend: "/.default belongs to scope"},
		"the other spelling":       {code: authn.Audience, token: ec(claims("aud", "api://"+app)), mend: "application's id"},
		"optional yet wrong":       {code: authn.WrongCluster, token: good, fetch: true, change: func(c *iam.Credential) { c.LogicalCluster, c.LogicalClusterOptional = "lkc-x", true }},
		"address without cluster":  {code: authn.NoLogicalCluster, token: good, fetch: true, change: func(c *iam.Credential) { c.LogicalCluster, c.Cluster, c.LogicalClusterOptional = "", "", true }},
		"unknown pool":             {code: authn.UnknownPool, token: good, selection: "pool-x", fetch: true, saw: `"pool-x" does not exist`, mend: "existing pool"},
		"a comma at the end":       {code: authn.UnknownPool, token: good, selection: "pool-orders,", fetch: true, saw: "empty item", mend: "remove the comma"},
		"a comma too many":         {code: authn.UnknownPool, token: good, selection: "pool-orders,,pool-read", fetch: true, saw: "empty item"},
		"a comma alone":            {code: authn.UnknownPool, token: good, selection: ",", fetch: true, saw: "empty item"},
		"a blank for pools":        {code: authn.UnknownPool, token: good, selection: " ", fetch: true, saw: "empty item"},
		"pool in capitals":         {code: authn.UnknownPool, token: good, selection: "Pool-Orders", fetch: true, mend: "it is written pool-orders"},
		"a principal for a pool":   {code: authn.UnknownPool, token: good, selection: "User:pool-orders", fetch: true, mend: "without User:"},
		"a pool in quotes":         {code: authn.UnknownPool, token: good, selection: `"pool-orders"`, fetch: true, mend: "quotes"},
		"librdkafka's backslash":   {code: authn.UnknownPool, token: good, selection: `pool-orders\,pool-read`, fetch: true, mend: "backslash"},
		"a pool by its name":       {code: authn.UnknownPool, token: good, selection: "Order writers", fetch: true, mend: "the id is pool-orders"},
		"pool twice, with blanks":  {code: authn.DuplicatePool, token: good, selection: "pool-orders,pool-read, pool-orders ", fetch: true},
		"pool twice":               {code: authn.DuplicatePool, token: good, selection: "pool-orders,pool-orders", fetch: true},
		"too many pools":           {code: authn.TooManyPools, token: good, selection: many, fetch: true, saw: "21"},
		"another provider's pool":  {code: authn.ForeignPool, token: good, selection: "pool-generic", fetch: true, saw: "op-oidc"},
		"disabled pool":            {code: authn.PoolDisabled, token: good, selection: "pool-nobody", fetch: true},
		"filter false":             {code: authn.FilterFalse, token: ec(claims("roles", []string{"Kafka.Read"})), selection: "pool-read", fetch: true, saw: "Kafka.Read"},
		"one of two filters false": {code: authn.FilterFalse, token: good, selection: "pool-orders,pool-audit", fetch: true, saw: "Kafka.Write"},
		"filter wants a claim":     {code: authn.FilterError, token: good, selection: "pool-group", fetch: true, saw: "department"},
		"no pool matches":          {code: authn.NoMatchingPool, token: ec(claims("roles", []string{"x"})), fetch: true},
		"no identity claim":        {code: authn.NoIdentityClaim, token: ec(other("cid", "mail")), selection: "pool-email", fetch: true, saw: "claims.email"},
		"empty identity claim":     {code: authn.NoIdentityClaim, token: ec(other("cid", "mail", "email", "")), selection: "pool-email", fetch: true},
		"identity claim is huge":   {code: authn.ClaimNotString, token: ec(other("cid", "list", "scp", strings.Repeat("s", 1025))), selection: "pool-roles", fetch: true, saw: "1025 bytes"},
		"identity claim is a list": {code: authn.ClaimNotString, token: ec(other("cid", "list", "scp", []string{"a"})), selection: "pool-roles", fetch: true},
	}
}

func flat(m map[string]any) []any {
	var list []any
	for k, v := range m {
		list = append(list, k, v)
	}
	return list
}

func TestAttacks(t *testing.T) {
	for name, c := range attacks(t) {
		t.Run(name, func(t *testing.T) {
			keys := keySet()
			if c.keys != nil {
				keys.KeySet = c.keys
			}
			cred := credential(c.token, c.selection)
			if c.change != nil {
				c.change(&cred)
			}
			id, steps, err := compile(t, snapshot(), keys, authn.Options{}).Authenticate(context.Background(), cred)
			if err == nil {
				t.Fatalf("let in as %s", id.Principal)
			}
			last := steps[len(steps)-1]
			if last.Code != c.code || last.OK || last.Mend == "" || last.Wanted == "" {
				t.Fatalf("last step %+v, want code %s with wanted and mend", last, c.code)
			}
			if !strings.Contains(last.Saw, c.saw) || !strings.Contains(last.Mend, c.mend) {
				t.Errorf("last step %+v, want saw %q and mend %q", last, c.saw, c.mend)
			}
			if keys.asked > 0 != c.fetch {
				t.Errorf("keys were looked for %d times, allowed: %v", keys.asked, c.fetch)
			}
			if id.Principal != "" || len(id.Acting) > 0 {
				t.Errorf("a refusal has the principal %q", id.Principal)
			}
			checkWords(t, err, c.code)
			checkCanary(t, c.token, err, steps)
		})
	}
}

// checkWords holds the sentence to the table: nothing of the token is in it.
func checkWords(t *testing.T, err error, code iam.Code) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Cause != nil || f.Hint != "" || f.Where != "" {
		t.Fatalf("error %#v, want a fault with the sentence alone", err)
	}
	for _, r := range authn.Refusals() {
		if r.Code != code {
			continue
		}
		mechanism := "OAUTHBEARER"
		if code == authn.Mechanism {
			mechanism = "PLAIN"
		}
		if want := strings.ReplaceAll(r.Sentence, "{mechanism}", mechanism); f.Message != want || f.Kind != r.Kind {
			t.Errorf("client reads %q (%s), want %q (%s)", f.Message, f.Kind, want, r.Kind)
		}
		return
	}
	t.Errorf("code %s is not in the table", code)
}

// checkCanary looks for the parts of the token that make it one.
func checkCanary(t *testing.T, token string, err error, steps []iam.Step) {
	t.Helper()
	text := fmt.Sprintf("%+v %s", steps, fault.Detail(err))
	for _, part := range strings.Split(token, ".") {
		if len(part) > 12 && strings.Contains(text, part) {
			t.Errorf("a part of the token is in %s", text)
		}
	}
}

// Every code has an attack, and every row is complete.
func TestTable(t *testing.T) {
	tried := map[iam.Code]bool{authn.NotCompiled: true, authn.Retrusted: true, authn.KeyIssuer: true} // in tests of their own
	for _, a := range attacks(t) {
		tried[a.code] = true
	}
	seen := map[iam.Code]bool{}
	for _, r := range authn.Refusals() {
		if seen[r.Code] || r.Code == "" || r.Means == "" || r.Sentence == "" || r.Mend == "" || r.Kind == "" {
			t.Errorf("row %+v is incomplete or stands twice", r)
		}
		seen[r.Code] = true
		if !tried[r.Code] {
			t.Errorf("no attack for %s", r.Code)
		}
	}
	for code := range tried {
		if !seen[code] {
			t.Errorf("%s is not in the table", code)
		}
	}
}

func TestKeyOfAnotherIssuer(t *testing.T) {
	for issuer, good := range map[string]bool{
		"https://login.microsoftonline.com/{tenantid}/v2.0": true,
		entraV2: true,
		"https://login.microsoftonline.com/9188040d-6c67-4c5b/v2.0":    false,
		"https://login.microsoftonline.us/{tenantid}/v2.0":             false,
		"https://login.microsoftonline.com/{tenantid}/{tenantid}/v2.0": false,
	} {
		set, err := jwt.ParseSet(jwt.MarshalSet(signer().JWK(map[string]any{"issuer": issuer})))
		if err != nil || len(set) != 1 {
			t.Fatal(err, len(set))
		}
		_, steps, err := compile(t, snapshot(), jwt.NewStatic(set...), authn.Options{}).
			Authenticate(context.Background(), credential(sign(t, signer(), claims()), "pool-orders"))
		if good != (err == nil) || !good && steps[len(steps)-1].Code != authn.KeyIssuer {
			t.Errorf("key of %s: %v, %+v", issuer, err, steps)
		}
	}
}

func TestNothingCompiledRefuses(t *testing.T) {
	for _, a := range []*authn.Authenticator{nil, {}} {
		_, steps, err := a.Authenticate(context.Background(), credential(sign(t, signer(), claims()), ""))
		if err == nil || steps[0].Code != authn.NotCompiled {
			t.Errorf("Authenticate = %v, %+v", err, steps)
		}
		if _, steps, err := a.Reassess(iam.Identity{}); err == nil || steps[0].Code != authn.NotCompiled {
			t.Errorf("Reassess = %v, %+v", err, steps)
		}
	}
}

// A verified claim names a party that is refused later, for the audit log.
func TestRefusedPartyIsNamedOnceVerified(t *testing.T) {
	a := compile(t, snapshot(), keySet(), authn.Options{})
	id, _, err := a.Authenticate(context.Background(), credential(sign(t, signer(), claims()), "pool-x"))
	if err == nil || id.Claim != party || id.Provider != "op-entra" {
		t.Errorf("identity %+v, %v", id, err)
	}
	if id, _, err = a.Authenticate(context.Background(), credential(sign(t, stranger(), claims()), "")); err == nil || id.Claim != "" {
		t.Errorf("an unverified claim is given out: %+v, %v", id, err)
	}
}

// With automatic choice, explain says of each pool why it did not match.
func TestNoMatchingPoolExplainsEach(t *testing.T) {
	_, steps, err := compile(t, snapshot(), keySet(), authn.Options{}).
		Authenticate(context.Background(), credential(sign(t, signer(), claims("roles", []string{"Kafka.Read"})), ""))
	if err == nil {
		t.Fatal("let in")
	}
	text := fmt.Sprint(steps)
	for _, want := range []string{"pool pool-audit", "pool pool-group", "pool pool-orders", "pool pool-read", "Kafka.Read", "department"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Contains(text, "pool-nobody") || strings.Contains(text, "pool-generic") {
		t.Errorf("pools that do not count are shown: %s", text)
	}
}
