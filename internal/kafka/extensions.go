package kafka

import (
	"bytes"
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
		return Extension{}, malformed("has an extension that is not name=value")
	}
	if len(name) > 64 || len(value) > MaxExtensionValue {
		return Extension{}, malformed("has an extension that is too long")
	}
	for _, c := range name {
		if !isLetter(c) {
			return Extension{}, malformed("has an extension name with other characters than A-Z and a-z")
		}
	}
	if strings.EqualFold(string(name), "auth") {
		return Extension{}, malformed("has an extension named auth, which is reserved")
	}
	for _, c := range value {
		if (c < ' ' || c > '~') && c != '\t' {
			return Extension{}, malformed("has an extension value with a character that is not printable ASCII")
		}
	}
	return Extension{string(name), string(value)}, nil
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }
