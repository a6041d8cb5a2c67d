package httpd

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// maxForm is far above any token request; a client assertion has 32 KiB at most.
const maxForm = 64 << 10

// Form is the body of a token request, each parameter once (RFC 6749 section
// 3.2: "parameters MUST NOT be included more than once"). It may hold a client
// secret: do not print it.
type Form map[string]string

// ReadForm reads an application/x-www-form-urlencoded body, and none of the
// query string. A body of another type has no parameters.
func ReadForm(r *http.Request) (Form, error) {
	if !IsForm(r) {
		return Form{}, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxForm))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.New(fault.Exhausted, "a form above %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, fault.New(fault.Malformed, "the body ended early").Because(err)
	}
	return ParseForm(string(body))
}

// IsForm reports whether the body says that it is a form.
func IsForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// ParseForm reads "a=b&c=d". librdkafka sends a scope as it is configured, so a
// value may hold raw spaces, colons, slashes and "=", and a "%" that starts no
// escape stays what it is.
func ParseForm(text string) (Form, error) {
	form := Form{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, value = unescape(key), unescape(value)
		if _, twice := form[key]; twice {
			return nil, fault.New(fault.Invalid, "the parameter is given more than once, expected one").At(key)
		}
		form[key] = value
	}
	return form, nil
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
