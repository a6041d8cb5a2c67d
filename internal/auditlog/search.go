package auditlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
)

// ByRef finds a refusal by the id of its event.
func (l *Log) ByRef(ref string) (audit.Record, bool) {
	if r, ok := l.index.ref(ref); ok || ref == "" {
		return r, ok
	}
	return l.search([]byte(`"id":"`+ref+`"`), func(r audit.Record) bool { return r.Event.ID == ref })
}

// LastFor finds the latest refusal of a principal ("User:pool-orders"), of an
// identity claim's value or of a client id.
func (l *Log) LastFor(subject string) (audit.Record, bool) {
	if r, ok := l.index.lastFor(subject); ok || subject == "" {
		return r, ok
	}
	quoted, err := json.Marshal(subject)
	if err != nil {
		return audit.Record{}, false
	}
	return l.search(quoted, func(r audit.Record) bool { return slices.Contains(r.Subjects, subject) })
}

// search looks through the files of steps, for what memory has forgotten. The
// newest file that has a match answers with its last one. Lines without the
// hint are not decoded.
func (l *Log) search(hint []byte, match func(audit.Record) bool) (found audit.Record, ok bool) {
	if l.steps == nil {
		return found, false
	}
	for _, path := range []string{l.steps.path, l.steps.path + ".1"} {
		err := eachLine(path, 0, func(line []byte) {
			var r audit.Record
			if bytes.Contains(line, hint) && json.Unmarshal(line, &r) == nil && match(r) {
				found, ok = r, true
			}
		})
		if err != nil || ok {
			break
		}
	}
	return found, ok
}

// restoreTail is how much of each file of steps is read back at the start; what
// is older is found by search.
const restoreTail = 8 << 20

// restore fills the index from the ends of the files of steps.
func (l *Log) restore() error {
	for _, path := range []string{l.steps.path + ".1", l.steps.path} {
		err := eachLine(path, restoreTail, func(line []byte) {
			var r audit.Record
			if json.Unmarshal(line, &r) == nil && r.Event.ID != "" {
				l.index.add(r)
			}
		})
		if err != nil {
			return fault.New(fault.Unavailable, "the steps of earlier refusals cannot be read").At(path).
				Mend("let klamm's user read the file, or move it away").Because(err)
		}
	}
	return nil
}

// maxLine is longer than any line that this package writes; what is longer is
// not ours.
const maxLine = 1 << 20

// eachLine calls f with each whole line in the last tail bytes (0: in all) of a
// file that may be missing. A line that is cut or too long is passed over.
func eachLine(path string, tail int64, f func([]byte)) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	skipping := false
	if info, err := file.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return nil
	} else if tail > 0 && info.Size() > tail {
		skipping = true // the first line is cut
		if _, err := file.Seek(-tail, io.SeekEnd); err != nil {
			return err
		}
	}
	in := bufio.NewReaderSize(file, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			skipping = true
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if !skipping {
			f(line)
		}
		skipping = false
	}
}
