package files

import (
	"slices"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// kinds are read in this order, so that what an object refers to is known.
var kinds = []struct {
	name string
	read func(*loader, *config.Document)
}{
	{"Organization", (*loader).organization},
	{"IdentityProvider", (*loader).provider},
	{"IdentityPool", (*loader).pool},
	{"RoleBinding", (*loader).binding},
}

// laterKinds are known and not built.
var laterKinds = []string{"ServiceAccount", "APIKey", "GroupMapping", "ACL", "Environment", "Cluster"}

// loader makes one snapshot. It goes on after a fault, so that all are found.
type loader struct {
	o        Options
	snapshot *iam.Snapshot
	errs     config.Errors
	warnings []config.Warning
	places   map[[2]string]string
	seen     map[string]string // id -> where, also of objects with faults
	issuers  map[string]string // issuer -> where its enabled provider is
	orgAt    string            // where the organization is
	cas      []string
}

// load reads and validates files as a whole. The loader is returned in any case.
func load(files []file, o Options) (*state, *loader, error) {
	l := &loader{
		o:        o,
		snapshot: &iam.Snapshot{Providers: map[string]iam.Provider{}, Pools: map[string]iam.Pool{}, Bindings: map[string]iam.Binding{}},
		places:   map[[2]string]string{}, seen: map[string]string{}, issuers: map[string]string{},
	}
	byKind := l.parse(files)
	for _, k := range kinds {
		for _, doc := range byKind[k.name] {
			k.read(l, doc)
		}
	}
	if o.Audited && l.orgAt == "" {
		l.errs.Add(fault.New(fault.Invalid, "there is no Organization, expected one, since every audit event names it").Mend("%s", organizationExample))
	}
	s := &state{snapshot: l.snapshot, places: l.places}
	if len(l.errs) == 0 && o.Validate != nil {
		l.errs.Add(o.Validate(l.snapshot, s.where))
	}
	if err := l.errs.Err(); err != nil {
		return nil, l, err
	}
	l.lookAround()
	s.warnings = l.warnings
	return s, l, nil
}

const organizationExample = "add {kind: Organization, id: A-UUID, environment: env-NAME}"

// parse splits the files into documents of known kinds.
func (l *loader) parse(files []file) map[string][]*config.Document {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	byKind := map[string][]*config.Document{}
	for _, f := range files {
		docs, err := config.Parse(f.name, f.data)
		l.errs.Add(err)
		for _, doc := range docs {
			switch kind := doc.Kind(); {
			case slices.Contains(names, kind):
				byKind[kind] = append(byKind[kind], doc)
			case slices.Contains(l.o.Foreign, kind):
			case slices.Contains(laterKinds, kind):
				l.fail(doc, nil, "kind %s is not in this version", kind).Kind = fault.Unsupported
			case kind == "":
				l.fail(doc, nil, "the document has no kind, expected Organization, IdentityProvider, IdentityPool or RoleBinding")
			default:
				f := l.fail(doc, nil, "kind %.64q is unknown, expected Organization, IdentityProvider, IdentityPool or RoleBinding", kind)
				if near := config.Nearest(kind, names); near != "" {
					f.Mend("did you mean %s?", near)
				}
			}
		}
	}
	return byKind
}

func (l *loader) fail(doc *config.Document, pointer any, format string, args ...any) *fault.Error {
	f := doc.Errorf(pointer, format, args...)
	l.errs = append(l.errs, f)
	return f
}

func (l *loader) warn(where, code, message string) {
	l.warnings = append(l.warnings, config.Warning{Code: code, Where: where, Message: message})
}

// decode reads a document; with faults in its form it is not looked at further.
func (l *loader) decode(doc *config.Document, into any) bool {
	err := doc.Decode(into)
	l.errs.Add(err)
	return err == nil
}

// register takes note of an object's id and place. It is false for an id of
// the wrong shape or one that is taken.
func (l *loader) register(doc *config.Document, id *string, prefix string) bool {
	if !validID(*id, prefix) {
		if doc.Has(id) {
			l.fail(doc, id, "id %.64q is not valid, expected %s and letters, digits, hyphens or underscores", *id, prefix)
		}
		return false
	}
	if earlier, taken := l.seen[*id]; taken {
		l.fail(doc, id, "id %s is taken, first at %s", *id, earlier)
		return false
	}
	l.seen[*id] = doc.Where(nil)
	l.place(doc, *id, "", nil)
	return true
}

func (l *loader) place(doc *config.Document, id, setting string, pointer any) {
	l.places[[2]string{id, setting}] = doc.Where(pointer)
}

// validID keeps ids within what the extension identityPoolId can carry in a
// comma list (KIP-342), and short.
func validID(id, prefix string) bool {
	if len(id) <= len(prefix) || len(id) > 64 || id[:len(prefix)] != prefix {
		return false
	}
	for _, c := range []byte(id) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
