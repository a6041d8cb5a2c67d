package files

import (
	"context"
	"crypto/sha256"
	"os"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Options say what the surroundings allow and hear. The zero value is strict,
// silent and looks at the files only when asked.
type Options struct {
	// Interval is how often [Store.Watch] looks at the files; 0: only Load and
	// Reload do. A change counts when it stands unchanged for one interval,
	// since editors do not write a file at once.
	Interval time.Duration
	// OnError hears of a change that is not valid, once for each change.
	OnError func(error)
	// Validate judges what this package cannot: filters and roles. where tells
	// the place of an object's setting, as [Store.Where] does.
	Validate func(s *iam.Snapshot, where func(id, setting string) string) error
	// Clusters are the logical clusters there are; a binding on another one is
	// a warning. None: not known.
	Clusters []string
	// Foreign are kinds of documents in the same files that somebody else reads.
	Foreign []string
	// Audited asks for an Organization even without bindings, since every audit
	// event names it.
	Audited bool
	// Lab allows plain http on loopback, and key sets on loopback for
	// Microsoft's issuers: whoever sets it can make tokens of every tenant.
	Lab bool
	// ReadFile reads certificate authorities; os.ReadFile when nil.
	ReadFile func(string) ([]byte, error)
}

// Store is a folder of documents. It is safe for concurrent use.
type Store struct {
	o      Options
	name   string
	source func() ([]file, []config.Warning, error)

	mu        sync.Mutex
	current   *state        // the last good one; nil before it
	changed   chan struct{} // closed at the next publication
	attempted digest        // the files that were last read, good or not
	cas       []string      // certificate authorities that they name
	pending   digest        // a change that is waited for to settle
	since     time.Time     // when it was seen first
}

// state is what one reading of the files gave.
type state struct {
	snapshot *iam.Snapshot
	digest   digest
	warnings []config.Warning
	places   map[[2]string]string // id and setting -> file:line:column
}

type digest [sha256.Size]byte

// Dir is the store of the folder dir: all its *.yaml, without subfolders and
// hidden files.
func Dir(dir string, o Options) *Store {
	return newStore(dir, func() ([]file, []config.Warning, error) { return readDir(dir) }, o)
}

// Memory is the store of documents by file name; they never change.
func Memory(documents map[string][]byte, o Options) *Store {
	files := sortFiles(documents)
	return newStore("the documents", func() ([]file, []config.Warning, error) { return files, nil, nil }, o)
}

func newStore(name string, source func() ([]file, []config.Warning, error), o Options) *Store {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	return &Store{o: o, name: name, source: source, changed: make(chan struct{})}
}

// Load reads the files. When they are not valid, the error is a
// [config.Errors] with every fault, and what was published before stays.
func (s *Store) Load(ctx context.Context) (*iam.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(); err != nil {
		return nil, err
	}
	return s.current.snapshot, nil
}

// Reload is [Store.Load] for those who only want to know whether it went well.
func (s *Store) Reload(ctx context.Context) error {
	_, err := s.Load(ctx)
	return err
}

// Update refuses: files are changed by people.
func (s *Store) Update(context.Context, func(*iam.Snapshot) error) (*iam.Snapshot, error) {
	return nil, fault.New(fault.Unsupported, "identity is managed by files").Mend("edit %s and reload", s.name)
}

// Watch follows the files, see [Options.Interval].
func (s *Store) Watch(ctx context.Context, f func(*iam.Snapshot)) error {
	var tick <-chan time.Time
	if s.o.Interval > 0 {
		t := time.NewTicker(s.o.Interval)
		defer t.Stop()
		tick = t.C
	}
	if now, _ := s.newest(); now == nil {
		if err := s.Reload(ctx); err != nil && ctx.Err() == nil {
			s.o.OnError(err)
		}
	}
	for seen := uint64(0); ctx.Err() == nil; {
		newest, changed := s.newest()
		if newest != nil && newest.Generation > seen {
			seen = newest.Generation
			f(newest)
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case now := <-tick:
			if err := s.poll(now); err != nil {
				s.o.OnError(err)
			}
		}
	}
	return ctx.Err()
}

// Warnings are what the last good reading found strange.
func (s *Store) Warnings() []config.Warning {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil
	}
	return append([]config.Warning(nil), s.current.warnings...)
}

// Where is the place of a setting ("filter", "role") of the object with this
// id, in the last good reading; that of the object when it has no such setting,
// and "" when there is no such object.
func (s *Store) Where(id, setting string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return ""
	}
	return s.current.where(id, setting)
}

func (s *state) where(id, setting string) string {
	if at, ok := s.places[[2]string{id, setting}]; ok {
		return at
	}
	return s.places[[2]string{id, ""}]
}

func (s *Store) newest() (*iam.Snapshot, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, s.changed
	}
	return s.current.snapshot, s.changed
}

// poll reads the files when they have changed and the change has settled.
func (s *Store) poll(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, _, err := s.source()
	switch d := s.digest(files, err); {
	case d == s.attempted:
		s.pending = digest{}
	case d != s.pending:
		s.pending, s.since = d, now
	case now.Sub(s.since) >= s.o.Interval:
		return s.read()
	}
	return nil
}

// read reads all files, and publishes them when they are valid and new.
func (s *Store) read() error {
	files, warnings, err := s.source()
	var next *state
	if err == nil {
		var l *loader
		next, l, err = load(files, s.o)
		s.cas = l.cas
	}
	s.attempted, s.pending = s.digest(files, err), digest{}
	if err != nil {
		return err
	}
	next.warnings = append(next.warnings, warnings...)
	config.SortWarnings(next.warnings)
	next.digest = s.attempted
	if s.current == nil {
		next.snapshot.Generation = 1
	} else if s.current.digest == next.digest {
		return nil
	} else {
		next.snapshot.Generation = s.current.snapshot.Generation + 1
	}
	s.current = next
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}
