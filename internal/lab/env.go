package lab

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// Var is one environment variable of the lab.
type Var struct{ Key, Value string }

// Env is the lab's variables in the order in which they are written.
type Env []Var

// Get returns the value of key, "" when there is none.
func (e Env) Get(key string) string {
	for _, v := range e {
		if v.Key == key {
			return v.Value
		}
	}
	return ""
}

// Environ is the form of os.Environ.
func (e Env) Environ() []string {
	out := make([]string, len(e))
	for i, v := range e {
		out[i] = v.Key + "=" + v.Value
	}
	return out
}

// WriteFile writes KEY=value lines to path, readable by its owner only, all at
// once: whoever sees the file sees all of it. remove takes it away again.
func (e Env) WriteFile(path string) (remove func(), err error) {
	text := strings.Join(e.Environ(), "\n") + "\n"
	if err := writePrivate(path, []byte(text)); err != nil {
		return nil, fault.New(fault.Invalid, "the environment file %s cannot be written", path).
			Mend("name a file in a folder that exists and may be written").Because(err)
	}
	return func() { _ = os.Remove(path) }, nil
}

// writePrivate writes a file of mode 0600 through a temporary one beside it.
func writePrivate(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".klamm-*") // made with 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
