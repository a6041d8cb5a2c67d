package httpd

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// The ways in which a client sends its secret, as discovery documents name them.
const (
	SecretBasic = "client_secret_basic"
	SecretPost  = "client_secret_post"
)

// Client is who a token request says it comes from (RFC 6749 section 2.3.1).
// The zero value is a request that names nobody.
type Client struct {
	ID     string
	Method string // SecretBasic, SecretPost, or "" when no secret was sent

	secrets []secret.String // every reading of what was sent
}

// ReadClient finds the client of a token request. In the Basic scheme the RFC
// wants id and secret form-encoded before base64; librdkafka and Java (unless
// sasl.oauthbearer.header.urlencode is set) send them raw. Both are read.
func ReadClient(r *http.Request, form Form) (Client, error) {
	posted, inBody := form["client_secret"]
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		c := Client{ID: form["client_id"]}
		if inBody {
			c.Method, c.secrets = SecretPost, []secret.String{secret.New(posted)}
		}
		return c, nil
	}
	id, password, err := basic(headers)
	if err != nil {
		return Client{}, err
	}
	if named, ok := form["client_id"]; inBody || ok && named != id && named != unescape(id) {
		return Client{}, fault.New(fault.Invalid, "the client is named in the Authorization header and differently, or with a secret, in the body; expected one of the two")
	}
	return Client{
		ID: unescape(id), Method: SecretBasic,
		secrets: []secret.String{secret.New(password), secret.New(unescape(password))},
	}, nil
}

func basic(headers []string) (id, password string, err error) {
	scheme, encoded, _ := strings.Cut(headers[0], " ")
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	id, password, ok := strings.Cut(string(plain), ":")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Basic") || err != nil || !ok {
		return "", "", fault.New(fault.Malformed, `expected "Basic" and the base64 of "id:secret"`).At("Authorization")
	}
	return id, password, nil
}

// Sent reports whether s is the secret that the client sent. The empty secret
// never is.
func (c Client) Sent(s secret.String) bool {
	want, same := sha256.Sum256([]byte(s.Reveal())), 0
	for _, sent := range c.secrets {
		got := sha256.Sum256([]byte(sent.Reveal()))
		same |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return same == 1 && !s.IsZero()
}
