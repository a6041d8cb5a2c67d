package kafka

import (
	"bytes"
	"strconv"
	"strings"
)

// Extension is one SASL extension (KIP-342), for instance logicalCluster.
type Extension struct{ Name, Value string }

// Extensions are in the order in which the client sent them; no name occurs
// twice, in whatever case. Those that nobody asks for have no effect.
type Extensions []Extension

// Get finds an extension by name, without regard to case.
func (e Extensions) Get(name string) (string, bool) {
	for _, x := range e {
		if strings.EqualFold(x.Name, name) {
			return x.Value, true
		}
	}
	return "", false
}

// parseExtension reads key "=" value, the whole of it: the key is [A-Za-z]+,
// the value [\x21-\x7E \t]+. KIP-342 allows line ends in values; they are
// refused because they only serve to forge log lines.
func parseExtension(pair []byte) (Extension, error) {
	name, value, ok := bytes.Cut(pair, []byte("="))
	if !ok || len(name) == 0 || len(value) == 0 {
		return Extension{}, malformed("has %s that is not name=value, expected both", extension(name)).
			Mend("leave out an extension that has no value")
	}
	if len(name) > maxExtensionName || len(value) > MaxExtensionValue {
		return Extension{}, malformed("has %s that is too long, expected at most %d bytes of name and %d of value", extension(name), maxExtensionName, MaxExtensionValue)
	}
	for _, c := range name {
		if !isLetter(c) {
			return Extension{}, malformed("has %s, expected a name of letters only", extension(name)).Mend("%s", mendName)
		}
	}
	if strings.EqualFold(string(name), "auth") {
		return Extension{}, malformed("has an extension named auth, which is reserved for the token (KIP-342)")
	}
	for _, c := range value {
		if (c < ' ' || c > '~') && c != '\t' {
			return Extension{}, malformed("has %s with a value that is not printable ASCII", extension(name))
		}
	}
	return Extension{string(name), string(value)}, nil
}

// mendName is for the most common mistake of all: settings of Java's login
// module begin with extension_, and its underscore is not for the wire.
const mendName = "names consist of letters: logicalCluster, identityPoolId; the prefix extension_ belongs to Java's JAAS only"

const (
	maxExtensionName = 64
	maxShownName     = 32 // longer ones may be something else, such as a token
)

// extension names an extension for a message, if it may be shown: the name is
// the client's word, and what stands there may be anything.
func extension(name []byte) string {
	for _, c := range name {
		if !isLetter(c) && (c < '0' || c > '9') && !strings.ContainsRune("_.-", rune(c)) {
			return "an extension"
		}
	}
	if len(name) == 0 || len(name) > maxShownName {
		return "an extension"
	}
	return "the extension " + strconv.Quote(string(name))
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }
