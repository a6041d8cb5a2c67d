package jwt

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// keyFile is the cache file: the last good keys of one URL.
type keyFile struct {
	URL     string          `json:"url"`
	Fetched time.Time       `json:"fetched"`
	Set     json.RawMessage `json:"set"`
}

// readKeyFile returns nil without an error when there is no file. A file that
// others may read or write, or that is of another URL, is not believed; the age
// of its keys is looked at with every lookup.
func readKeyFile(path, url string, now time.Time) (*fetched, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unread := func(format string, args ...any) *fault.Error {
		return fault.New(fault.Invalid, "the cache of keys is not used: "+format, args...).At(path)
	}
	if err != nil {
		return nil, unread("it cannot be opened").Because(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, unread("it must be a regular file of mode 0600").Because(err)
	}
	data, err := io.ReadAll(io.LimitReader(file, 2*maxSet))
	if err != nil {
		return nil, unread("it cannot be read").Because(err)
	}
	var kept keyFile
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, unread("it is not what klamm wrote").Because(err)
	}
	if kept.URL != url {
		return nil, unread("it holds the keys of another address")
	}
	if kept.Fetched.After(now) {
		return nil, unread("it was written in the future")
	}
	set, err := ParseSet(kept.Set)
	if err != nil {
		return nil, unread("it holds no key set").Because(err)
	}
	// Whatever was published since is fetched with the first lookup.
	return &fetched{keys: set, version: 1, at: kept.Fetched, refresh: now, wait: now}, nil
}

// writeKeyFile replaces the file in one step, so that a reader or a crash
// never meets half of it.
func writeKeyFile(path, url string, good *fetched) error {
	jwks := make([]json.RawMessage, len(good.keys))
	for i, k := range good.keys {
		jwks[i] = k.jwk
	}
	data, err := json.Marshal(keyFile{URL: url, Fetched: good.at, Set: MarshalSet(jwks...)})
	if err == nil {
		err = replaceFile(path, data)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "the cache of keys cannot be written").At(path).Because(err)
	}
	return nil
}

func replaceFile(path string, data []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
