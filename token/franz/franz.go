// Package franz is a SASL/OAUTHBEARER mechanism for franz-go (RFC 7628,
// KIP-255, KIP-342) that takes tokens from a [token.Source], carries checked
// extensions and surfaces the server's own words when it refuses.
//
// It caches nothing: wrap the source in [token.Cached].
package franz

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/klammhq/klamm/token"
)

// Extensions are sent beside the token, such as logicalCluster and
// identityPoolId. Keys are letters; values printable ASCII (KIP-342).
type Extensions map[string]string

var (
	keyGrammar   = regexp.MustCompile(`^[A-Za-z]+$`)
	valueGrammar = regexp.MustCompile(`^[\x21-\x7E \t]+$`)
)

// Mechanism makes the mechanism. Its error names an extension that the
// grammar of KIP-342 does not allow; "auth" is reserved.
func Mechanism(source token.Source, extensions Extensions) (sasl.Mechanism, error) {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(extensions)) {
		value := extensions[key]
		switch {
		case !keyGrammar.MatchString(key) || strings.EqualFold(key, "auth"):
			return nil, fmt.Errorf("extension %q: a name consists of letters only and is not \"auth\"", key)
		case !valueGrammar.MatchString(value):
			return nil, fmt.Errorf("extension %s: a value consists of one or more printable ASCII characters", key)
		}
		b.WriteString(key + "=" + value + "\x01")
	}
	return mechanism{source, b.String()}, nil
}

type mechanism struct {
	source     token.Source
	extensions string // as they stand on the wire
}

func (mechanism) Name() string { return "OAUTHBEARER" }

// Authenticate makes the first client message of RFC 7628, section 3.1.
func (m mechanism) Authenticate(ctx context.Context, _ string) (sasl.Session, []byte, error) {
	t, err := m.source.Token(ctx)
	if err != nil {
		return nil, nil, err
	}
	return session{}, []byte("n,,\x01auth=Bearer " + t.Reveal() + "\x01" + m.extensions + "\x01"), nil
}

type session struct{}

// Challenge ends the exchange. A server that refuses by RFC 7628, section
// 3.2.2, sends words where success sends none.
func (session) Challenge(words []byte) (bool, []byte, error) {
	if len(words) == 0 {
		return true, nil, nil
	}
	const most = 1000
	if len(words) > most {
		words = words[:most]
	}
	return false, nil, errors.New("the server refused the token: " + strings.ToValidUTF8(string(words), "?"))
}
