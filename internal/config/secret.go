package config

import (
	"os"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// maxSecret is the largest file that can be a secret, in bytes.
const maxSecret = 64 << 10

// Secret is a setting whose text stands elsewhere: {file: PATH} or {env: NAME}.
// A plain string is refused, so that no secret is ever part of a configuration.
type Secret struct {
	File Path   `config:"file"`
	Env  string `config:"env"`

	// Value is the text, once [Load] has read it. It is exported because fmt
	// does not ask a value in an unexported field how to print itself.
	Value secret.String
}

func (Secret) expected() string {
	return "{file: PATH} or {env: NAME}, since secrets must not stand in a configuration"
}

// resolve reads the text; one line break at the end of a file is no part of it.
func (s *Secret) resolve(dir string, env func(string) (string, bool)) *fault.Error {
	s.File.under(dir)
	var text string
	switch {
	case (s.File == "") == (s.Env == ""):
		return fault.New(fault.Invalid, "expected exactly one of file and env")
	case s.Env != "":
		text, _ = env(s.Env)
		if text == "" {
			return fault.New(fault.Invalid, "the environment variable %s is not set or empty", s.Env)
		}
	default:
		data, err := readFile(s.File, maxSecret)
		if err != nil {
			return err
		}
		text = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
		if text == "" {
			return fault.New(fault.Invalid, "the file %s is empty, expected a secret", s.File)
		}
	}
	s.Value = secret.New(text)
	return nil
}

// exposed reports whether every user of the machine may read a file.
func exposed(path Path) bool {
	info, err := os.Stat(string(path))
	return err == nil && info.Mode().Perm()&0o004 != 0
}

// readFile reads a regular file of at most limit bytes.
func readFile(path Path, limit int64) ([]byte, *fault.Error) {
	info, err := os.Stat(string(path))
	if err == nil && !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "%s is no regular file", path)
	}
	if err == nil && info.Size() > limit {
		return nil, fault.New(fault.Exhausted, "the file %s has %d bytes, expected at most %d", path, info.Size(), limit)
	}
	data, err := os.ReadFile(string(path))
	if err != nil {
		return nil, fault.New(fault.Invalid, "cannot read %s: %s", path, plainCause(err)).Because(err)
	}
	return data, nil
}

// plainCause is the system's word without the path, which our sentence has already.
func plainCause(err error) string {
	if path, ok := err.(*os.PathError); ok {
		return path.Err.Error()
	}
	return err.Error()
}
