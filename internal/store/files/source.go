package files

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
)

// file is the text of one file of documents.
type file struct {
	name string // as errors show it
	data []byte
}

// readDir reads a folder. Names that begin with a dot are passed over: editors
// keep copies there, and Kubernetes keeps the folders that a mount points to.
func readDir(dir string) ([]file, []config.Warning, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, unreadable(dir, err)
	}
	var files []file
	var warnings []config.Warning
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch ext := filepath.Ext(e.Name()); {
		case strings.HasPrefix(e.Name(), "."):
		case ext == ".yml":
			warnings = append(warnings, config.Warning{Code: "file-not-read", Where: name, Message: "the file is not read, only *.yaml is", Hint: "rename it"})
		case ext == ".yaml":
			data, err := readFile(name)
			if err != nil {
				return nil, nil, unreadable(name, err)
			}
			files = append(files, file{name, data})
		}
	}
	return files, warnings, nil
}

// readFile does not wait at a pipe, and does not fill the memory.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	if info.Size() > config.MaxDocument {
		return nil, fmt.Errorf("it has %d bytes, expected at most %d", info.Size(), config.MaxDocument)
	}
	return os.ReadFile(name)
}

func unreadable(name string, err error) error {
	cause := err.Error()
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		cause = path.Err.Error()
	}
	return config.Errors{fault.New(fault.Invalid, "cannot read %s: %s", name, cause).Because(err)}
}

func sortFiles(documents map[string][]byte) []file {
	var files []file
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		files = append(files, file{name, documents[name]})
	}
	return files
}

// digest tells one state of the files, and of the certificate authorities that
// they name, from another. That they cannot be read is a state, too.
func (s *Store) digest(files []file, err error) digest {
	h := sha256.New()
	part := func(name string, data []byte, err error) {
		fmt.Fprintf(h, "%q %d %v\n", name, len(data), err)
		h.Write(data)
	}
	if files == nil && err != nil {
		part("", nil, err)
	}
	for _, f := range files {
		part(f.name, f.data, nil)
	}
	for _, name := range s.cas {
		data, err := s.o.ReadFile(name)
		part(name, data, err)
	}
	return digest(h.Sum(nil))
}
