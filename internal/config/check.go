package config

import (
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

var (
	configType = reflect.TypeFor[Config]()
	clusterID  = regexp.MustCompile(`^lkc-[a-z0-9][a-z0-9-]*$`)
)

const (
	minRotate     = 1 << 20
	defaultRotate = 256 << 20
)

// Words that a setting may have, and those that a later version will know.
var (
	listenerMechanisms = choice{now: []string{"OAUTHBEARER"}, later: []string{"PLAIN", "mTLS"}}
	upstreamMechanisms = choice{now: []string{"none", "SCRAM-SHA-512"}, later: []string{"PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "mTLS"}}
	logicalCluster     = choice{now: []string{"required", "optional"}}
)

type choice struct{ now, later []string }

// checker looks at what a single value cannot say about itself. What is absent
// or was refused by the decoder has its zero value here and is passed over, so
// that nothing is reported twice.
type checker struct {
	Options
	*Config
	doc  *Document
	dir  string
	errs Errors
}

func (k *checker) fail(pointer any, format string, args ...any) *fault.Error {
	f := k.doc.Errorf(pointer, format, args...)
	k.errs = append(k.errs, f)
	return f
}

func (k *checker) warn(pointer any, code, message, hint string) {
	k.Warnings = append(k.Warnings, Warning{Code: code, Where: k.doc.Where(pointer), Message: message, Hint: hint})
}

// absent reports whether a setting is missing from a mapping that is there.
func (k *checker) absent(pointer any) bool { return k.doc.places[pointer].state == absent }

func (k *checker) check() {
	for _, p := range []*Path{&k.Listeners.Kafka.TLS.Cert, &k.Listeners.Kafka.TLS.Key, &k.Identity.Files, &k.Audit.File, &k.Cache} {
		k.path(p)
	}
	if k.doc.Has(&k.Version) && k.Version != 1 {
		k.fail(&k.Version, "version is %d, expected 1", k.Version)
	}
	k.kafka(&k.Listeners.Kafka)
	k.ops(&k.Listeners.Ops)
	k.clusters()
	k.identity()
	k.audit()
	k.proxy()
}

// path resolves a setting that names a file.
func (k *checker) path(p *Path) {
	if k.doc.Has(p) && *p == "" {
		k.fail(p, "the path is empty")
	}
	p.under(k.dir)
}

func (k *checker) word(pointer *string, name string, c choice) {
	switch word := *pointer; {
	case !k.doc.Has(pointer), slices.Contains(c.now, word):
	case slices.Contains(c.later, word):
		k.fail(pointer, "%s %s is not in this version, expected %s", name, word, orList(c.now)).Kind = fault.Unsupported
	default:
		f := k.fail(pointer, "%s %.32q is unknown, expected %s", name, word, orList(c.now))
		if near := Nearest(word, c.now); near != "" {
			f.Mend("did you mean %q?", near)
		}
	}
}

func (k *checker) ops(l *Local) {
	if l.Network == "unix" {
		p := Path(l.Address)
		p.under(k.dir)
		l.Address = string(p)
	}
	if k.absent(l) {
		k.warn(&k.Listeners, "no-ops", "there is no listeners.ops: no health, metrics, reload and explain", "add ops: 127.0.0.1:9644")
	}
}

// clusters checks each cluster, and that there is exactly one for the Kafka
// listener: an address fixes the cluster, and one listener with ports has one
// address for strangers.
func (k *checker) clusters() {
	ids := slices.Sorted(maps.Keys(k.Clusters))
	if k.doc.Has(&k.Clusters) && len(ids) == 0 {
		k.fail(&k.Clusters, "clusters has none, expected one")
	}
	for _, id := range ids {
		if !clusterID.MatchString(id) {
			k.fail(k.Clusters[id], "%.64q is no logical cluster id, expected lkc- and lower-case letters, digits or hyphens", id)
		}
		k.cluster("clusters."+id, k.Clusters[id])
	}
	if len(ids) == 1 {
		k.Listeners.Kafka.Cluster = ids[0]
	}
	if len(ids) > 1 {
		k.fail(&k.Clusters, "%d clusters, expected one: listeners.kafka has one address for clients to begin with, which stands for one cluster", len(ids)).
			Mend("run one klamm for each cluster; several behind one listener need brokers.sni, which is not in this version").Kind = fault.Unsupported
	}
}

func (k *checker) identity() {
	i := &k.Identity
	if k.absent(&i.Files) {
		k.fail(i, "identity.files is missing, expected the folder of the identity documents")
	}
}

// proxy checks that it is one of HTTP, with a login whole or absent.
func (k *checker) proxy() {
	p := k.Proxy
	if p == nil {
		return
	}
	if k.doc.Has(&p.URL) {
		u, err := url.Parse(p.URL)
		switch {
		case err != nil || u.Scheme != "http" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
			k.fail(&p.URL, "proxy.url is not http://HOST:PORT")
		case u.User != nil:
			k.fail(&p.URL, "proxy.url has a user, expected none").Mend("set proxy.username and proxy.password")
		}
	}
	if k.doc.Has(&p.Password) {
		k.secret(&p.Password)
	}
	if (p.Username == "") != k.absent(&p.Password) {
		k.fail(p, "proxy has one of username and password, expected both or none")
	}
	for i, host := range p.Direct {
		if k.doc.Has(&p.Direct[i]) && !isHost(strings.TrimPrefix(host, ".")) {
			k.fail(&p.Direct[i], "%.64q is no host, expected a name, or .example.com for every name under one", host)
		}
	}
}

func (k *checker) audit() {
	a := &k.Audit
	switch {
	case k.absent(&a.Rotate):
		a.Rotate = defaultRotate
	case k.doc.Has(&a.Rotate) && a.Rotate < minRotate:
		k.fail(&a.Rotate, "audit.rotate is %s, expected at least %s", a.Rotate, Size(minRotate))
	}
}
