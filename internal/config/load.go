package config

import (
	"os"
	"path/filepath"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// Options are what the surroundings give. The zero value is that of the product.
type Options struct {
	Engine    bool                        // allow {engine: {}}: the lab only
	LookupEnv func(string) (string, bool) // os.LookupEnv when nil
	Now       func() time.Time            // time.Now when nil; certificates are compared with it
}

// Load reads and checks klamm.yaml. The error is an [Errors] that holds every
// fault found, each with its place; [fault.Detail] of each shows its hint.
func Load(path string, o Options) (*Config, error) {
	data, unreadable := readFile(Path(path), MaxDocument)
	if unreadable != nil {
		return nil, Errors{unreadable}
	}
	return Read(path, data, o)
}

// Read is [Load] of bytes; files that they name are relative to name's folder.
func Read(name string, data []byte, o Options) (*Config, error) {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	var errs Errors
	docs, err := Parse(name, data)
	errs.Add(err)
	if len(docs) == 0 && err == nil {
		errs.Add(fault.New(fault.Invalid, "the file is empty, expected %s", expects(configType)).At(name + ":1:1"))
	}
	if len(docs) > 1 {
		errs.Add(docs[1].Errorf(nil, "a second document, expected one").Mend("identity documents stand in files of their own, see identity.files"))
	}
	if len(docs) == 0 {
		return nil, errs.Err()
	}
	c := &Config{}
	errs.Add(docs[0].Decode(c))
	k := checker{Options: o, Config: c, doc: docs[0], dir: filepath.Dir(name), errs: errs}
	k.check()
	if err := k.errs.Err(); err != nil {
		return nil, err
	}
	SortWarnings(c.Warnings)
	return c, nil
}
