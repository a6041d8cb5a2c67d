package jwt

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// Limits of a fetched key set.
const (
	maxSet       = 256 << 10        // the document
	fetchTime    = 10 * time.Second // one fetch with its redirects
	maxInterval  = time.Hour        // between refreshes, whatever Cache-Control allows
	minInterval  = time.Minute      // likewise, whatever it forbids
	goodFor      = 24 * time.Hour   // last good keys while the provider is down
	fetchBurst   = 5                // fetches that lookups may cause at once
	fetchEvery   = 10 * time.Second // and one more after each
	missFor      = 30 * time.Second // a key id that was not found is not asked for again
	maxMisses    = 1000             // of those remembered
	maxRedirects = 3
)

// RemoteOptions say where a key set is and what its fetches may do.
type RemoteOptions struct {
	URL string // https, without user information
	// CA is the PEM of the authorities for URL, instead of the system's.
	CA string
	// CacheFile keeps the last good keys, 0600; none when empty.
	CacheFile string
	// NamedInConfiguration says that a person with access to this machine wrote
	// the URL: its host may be on loopback and private addresses. Link-local
	// addresses and metadata services are refused in either case.
	NamedInConfiguration bool
	// AllowPlainLoopback allows http to loopback, for the lab only.
	AllowPlainLoopback bool
	// Proxy is the way to URL; the zero value is the straight one.
	Proxy Proxy
	// Transport replaces the guarded one, and with it CA and the check of
	// resolved addresses; the checks of URLs and answers stay.
	Transport http.RoundTripper
}

// Remote is a key set that a provider publishes. It is fetched when it is first
// asked for, refreshed as Cache-Control says (between 1 min and 1 h), and
// survives the provider's absence for 24 h, across restarts with a cache file.
// An unknown key id causes one fetch for all who wait, within a rate, and then
// the same lookup succeeds. A fetched set replaces the last one entirely.
//
// Lookups fetch; no goroutine lives between them.
type Remote struct {
	url    string
	client *http.Client
	file   string
	closed context.Context // ends the fetches under way
	close  context.CancelFunc

	good atomic.Pointer[fetched] // nil until there are keys

	mu      sync.Mutex
	flight  *flight // the fetch under way
	budget  bucket
	misses  map[string]time.Time // key id: when a set without it was seen
	tried   time.Time
	failed  error // of the last try
	unsaved error // of the last write of the cache file
}

// fetched is one answer of the provider.
type fetched struct {
	keys    keys
	version uint64
	at      time.Time
	refresh time.Time // from when on lookups cause a refresh in the background
	wait    time.Time // from when on they wait for it: nobody has asked for long
}

// NewRemote prepares a key set and reads the cache file. It does not fetch, so
// that klamm starts while a provider is down.
func NewRemote(o RemoteOptions) (*Remote, error) {
	client, err := newClient(o)
	if err != nil {
		return nil, err
	}
	r := &Remote{url: o.URL, client: client, file: o.CacheFile, misses: map[string]time.Time{}}
	r.closed, r.close = context.WithCancel(context.Background())
	if r.file != "" {
		last, err := readKeyFile(r.file, r.url, time.Now())
		r.unsaved = err
		if last != nil {
			r.good.Store(last)
		}
	}
	return r, nil
}

// Close ends fetches under way; afterwards nothing is fetched.
func (r *Remote) Close() { r.close() }

// Version implements [KeySet]. It is 0 until there are keys.
func (r *Remote) Version() uint64 {
	if good := r.good.Load(); good != nil {
		return good.version
	}
	return 0
}

// Holds reports whether a key of that thumbprint is among the last good ones.
func (r *Remote) Holds(thumbprint string) bool {
	good := r.good.Load()
	return good != nil && thumbprint != "" && slices.ContainsFunc(good.keys, func(k Key) bool { return k.thumb == thumbprint })
}

// Status is what operators may see of a key set. Key ids are public.
type Status struct {
	URL        string
	KeyIDs     []string
	Version    uint64
	Fetched    time.Time // the keys are of this time; zero without keys
	Refresh    time.Time // the next lookup after it fetches
	Tried      time.Time // last fetch, successful or not
	Error      string    // of the last fetch
	CacheError string    // of the cache file
}

// Status tells how the key set is.
func (r *Remote) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{URL: r.url, Tried: r.tried}
	if good := r.good.Load(); good != nil {
		s.KeyIDs, s.Version, s.Fetched, s.Refresh = good.keys.ids(), good.version, good.at, good.refresh
	}
	if r.failed != nil {
		s.Error = fault.Detail(r.failed)
	}
	if r.unsaved != nil {
		s.CacheError = fault.Detail(r.unsaved)
	}
	return s
}
