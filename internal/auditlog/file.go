package auditlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// rotating is a file of whole lines, readable by its owner only, that is put
// aside when it has grown to its limit.
type rotating struct {
	path  string
	limit int64
	aside func(path string) (string, error) // the name under which it is put aside

	file    *os.File
	size    int64
	regular bool // devices and pipes are neither measured nor moved
}

func (r *rotating) open() error {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) { // a pipe or a device that is write-only
		f, err = os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND, 0)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "the audit file cannot be opened").At(r.path).
			Mend("make its folder, and let klamm's user write there").Because(err)
	}
	if err := r.adopt(f); err != nil {
		_ = f.Close()
		return fault.New(fault.Unavailable, "the audit file cannot be read back").At(r.path).Because(err)
	}
	return nil
}

// adopt takes over a file that may be there already: it closes it to others
// and ends a line that a crash has cut.
func (r *rotating) adopt(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r.file, r.size, r.regular = f, 0, info.Mode().IsRegular()
	if !r.regular {
		return nil
	}
	r.size = info.Size()
	if info.Mode().Perm() != 0o600 {
		if err := f.Chmod(0o600); err != nil {
			return err
		}
	}
	if r.size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], r.size-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	n, err := f.Write([]byte{'\n'})
	r.size += int64(n)
	return err
}

// append writes lines, all or none.
func (r *rotating) append(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	if r.regular && r.size > 0 && r.size+int64(len(lines)) > r.limit {
		if err := r.rotate(); err != nil {
			return err
		}
	}
	if r.file == nil {
		if err := r.open(); err != nil {
			return err
		}
	}
	n, err := r.file.Write(lines)
	if err == nil {
		r.size += int64(n)
		return nil
	}
	if r.regular && n > 0 {
		_ = r.file.Truncate(r.size) // no half lines; a full disk lets a file shrink
	}
	return fault.New(fault.Unavailable, "the audit file cannot be written").At(r.path).
		Mend("make room on its disk; refusals are still refused meanwhile").Because(err)
}

func (r *rotating) sync() error {
	if !r.regular {
		return nil
	}
	if err := r.file.Sync(); err != nil {
		return fault.New(fault.Unavailable, "the audit file did not reach the disk").At(r.path).Because(err)
	}
	return nil
}

// rotate puts the file aside and begins a new one. When that fails the old
// file goes on: an audit log that is too long is better than none.
func (r *rotating) rotate() error {
	name, err := r.aside(r.path)
	if err == nil {
		err = os.Rename(r.path, name)
	}
	if err != nil {
		return nil
	}
	_ = r.file.Sync()
	_ = r.file.Close()
	r.file = nil
	if err := r.open(); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(r.path)); err == nil { // make the rename itself last
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

func (r *rotating) close() {
	if r.file != nil {
		_ = r.file.Sync()
		_ = r.file.Close()
		r.file = nil
	}
}

// dated puts events aside under the moment, for ever.
func dated(path string) (string, error) {
	stem := path + "." + time.Now().UTC().Format("20060102T150405Z")
	name := stem
	for n := 1; ; n++ {
		_, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = stem + "-" + strconv.Itoa(n)
	}
}

// previous keeps one earlier file of steps.
func previous(path string) (string, error) { return path + ".1", nil }
