package files_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/store/files"
)

const (
	org      = "{kind: Organization, id: 6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11, environment: env-prod}\n"
	provider = "{kind: IdentityProvider, id: op-a, issuer: 'https://a.example.com', jwks_uri: 'https://a.example.com/keys'}\n"
	pool     = "{kind: IdentityPool, id: pool-a, provider: op-a, filter: 'true'}\n"
	tenant   = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
)

// details is one line for each fault, with its hint.
func details(err error) string {
	list, ok := errors.AsType[config.Errors](err)
	if !ok && err != nil {
		return fmt.Sprintf("%T %v", err, err)
	}
	lines := make([]string, len(list))
	for i, f := range list {
		lines[i] = f.Error()
		if f.Hint != "" {
			lines[i] += " (" + f.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

func memory(text string, o files.Options) *files.Store {
	return files.Memory(map[string][]byte{"a.yaml": []byte(text)}, o)
}

// The example of the documentation.
func TestExample(t *testing.T) {
	s := files.Dir("testdata", files.Options{Clusters: []string{"lkc-orders"}, Audited: true})
	got, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(details(err))
	}
	const id = "rb-d8428373757621b1"
	want := &iam.Snapshot{
		Generation:   1,
		Organization: iam.Organization{ID: "6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11", Environment: "env-prod"},
		Providers: map[string]iam.Provider{"op-entra": {
			ID: "op-entra", Issuer: "https://login.microsoftonline.com/" + tenant + "/v2.0",
			JWKSURI: "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys", Entra: true,
			Audiences: []string{"be587d08-a466-45e9-a02a-dfdda6b4c765"}, Origin: "testdata/orders.yaml:1:1",
		}},
		Pools: map[string]iam.Pool{"pool-orders": {
			ID: "pool-orders", Provider: "op-entra", IdentityClaim: "claims.oid", Filter: `"Kafka.Write" in claims.roles`, Origin: "testdata/orders.yaml:8:1",
		}},
		Bindings: map[string]iam.Binding{id: {
			ID: id, Principal: "User:pool-orders", Role: "DeveloperWrite", Origin: "testdata/orders.yaml:10:1",
			On: iam.Pattern{Organization: "6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11", Environment: "env-prod", Cluster: "lkc-orders", Type: iam.Topic, Name: "orders.", Prefix: true},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if w := s.Warnings(); len(w) != 0 {
		t.Errorf("warnings: %v", w)
	}
	for _, c := range []struct{ id, setting, want string }{
		{"pool-orders", "filter", "testdata/orders.yaml:8:95"},
		{"pool-orders", "", "testdata/orders.yaml:8:1"},
		{"pool-orders", "colour", "testdata/orders.yaml:8:1"},
		{id, "role", "testdata/orders.yaml:10:58"},
		{"pool-none", "filter", ""},
	} {
		if got := s.Where(c.id, c.setting); got != c.want {
			t.Errorf("Where(%s, %s) = %q, want %q", c.id, c.setting, got, c.want)
		}
	}
}

func TestScopes(t *testing.T) {
	const o, e = "6a4e3a2c-9c5e-4a8b-9a52-0d9b0f3c7e11", "env-prod"
	for _, c := range []struct {
		where string
		want  iam.Pattern
	}{
		{"on: {organization: true}", iam.Pattern{Organization: o}},
		{"on: {environment: env-prod}", iam.Pattern{Organization: o, Environment: e}},
		{"on: {cluster: lkc-a}", iam.Pattern{Organization: o, Environment: e, Cluster: "lkc-a"}},
		{"on: {cluster: lkc-a, topic: t}", iam.Pattern{Organization: o, Environment: e, Cluster: "lkc-a", Type: iam.Topic, Name: "t"}},
		{"on: {cluster: lkc-a, topic: '*'}", iam.Pattern{Organization: o, Environment: e, Cluster: "lkc-a", Type: iam.Topic, Prefix: true}},
		{"on: {cluster: lkc-a, group: 'g-*'}", iam.Pattern{Organization: o, Environment: e, Cluster: "lkc-a", Type: iam.Group, Name: "g-", Prefix: true}},
		{"on: {cluster: lkc-a, transactional_id: a/b}", iam.Pattern{Organization: o, Environment: e, Cluster: "lkc-a", Type: iam.TransactionalID, Name: "a/b"}},
		{"crn: 'crn://confluent.cloud/organization=" + o + "/environment=env-prod/cloud-cluster=lkc-a/kafka=lkc-a/group=a%2A'",
			iam.Pattern{Organization: o, Environment: e, Cluster: "lkc-a", Type: iam.Group, Name: "a*"}},
	} {
		got, err := memory(org+"---\n{kind: RoleBinding, principal: 'User:pool-a', role: R, "+c.where+"}", files.Options{}).Load(t.Context())
		if err != nil {
			t.Errorf("%s: %s", c.where, details(err))
			continue
		}
		for _, b := range got.Bindings {
			if b.On != c.want {
				t.Errorf("%s: got %+v, want %+v", c.where, b.On, c.want)
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	s := memory(org+"---\n"+provider+"---\n"+pool+`---
{kind: IdentityProvider, id: op-b, issuer: 'https://b.example.com', jwks_uri: 'https://b.example.com/keys', disabled: true}
---
{kind: IdentityPool, id: pool-b, provider: op-b, filter: 'true'}
---
{kind: IdentityProvider, id: op-c, issuer: 'https://c.example.com', jwks_uri: 'https://c.example.com/keys'}
---
{kind: RoleBinding, principal: 'User:pool-b', role: R, on: {cluster: lkc-b, topic: __klamm_state}}
---
{kind: RoleBinding, principal: 'User:pool-x', role: R, on: {organization: true}}
`, files.Options{Clusters: []string{"lkc-a"}})
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(details(err))
	}
	want := `a.yaml:9:1: pool-b lets nobody in: its provider op-b is disabled
a.yaml:13:1: lkc-b is no cluster of this klamm
a.yaml:13:1: topic=__klamm_state on lkc-b is klamm's own, which nobody may touch`
	var got []string
	for _, w := range s.Warnings() {
		got = append(got, w.String())
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	empty := memory("", files.Options{})
	if _, err := empty.Load(t.Context()); err != nil || fmt.Sprint(empty.Warnings()) != "[there is no IdentityProvider: nobody is let in]" {
		t.Errorf("nothing at all: %v, %v", err, empty.Warnings())
	}
}

func TestFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	load := func() (string, *files.Store) {
		s := files.Dir("identity", files.Options{})
		_, err := s.Load(t.Context())
		return details(err), s
	}
	if got, _ := load(); got != "cannot read identity: no such file or directory" {
		t.Error(got)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll("identity/sub.yml.d", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("identity/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.yaml", provider)
	write("b.yml", "kind: [")
	write(".c.yaml", "kind: [")
	write("d.txt", "kind: [")
	write("sub.yml.d/e.yaml", "kind: [")
	got, s := load()
	if want := "[identity/b.yml: the file is not read, only *.yaml is (rename it)]"; got != "" || fmt.Sprint(s.Warnings()) != want {
		t.Errorf("%s %v", got, s.Warnings())
	}
	if err := os.Mkdir("identity/f.yaml", 0o700); err != nil {
		t.Fatal(err)
	}
	if got, _ := load(); got != "cannot read identity/f.yaml: it is no regular file" {
		t.Error(got)
	}
}

// What only callers can judge is judged before anything is published.
func TestValidate(t *testing.T) {
	text := org + "---\n" + provider + "---\n" + pool
	s := memory(text, files.Options{Validate: func(s *iam.Snapshot, where func(id, setting string) string) error {
		for id := range s.Pools {
			return fault.New(fault.Invalid, "bad filter").At(where(id, "filter"))
		}
		return nil
	}})
	_, err := s.Load(t.Context())
	if got, want := details(err), "a.yaml:5:58: bad filter"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Documents of another reader may stand in the same file, and move no place.
func TestForeign(t *testing.T) {
	text := "{kind: Tenant, nobody: knows}\n---\n" + provider + "---\nkind: Tennant\n"
	_, err := memory(text, files.Options{Foreign: []string{"Tenant"}}).Load(t.Context())
	if got, want := details(err), `a.yaml:5:1: kind "Tennant" is unknown, expected Organization, IdentityProvider, IdentityPool or RoleBinding`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUpdateRefuses(t *testing.T) {
	_, err := files.Dir("identity", files.Options{}).Update(t.Context(), func(*iam.Snapshot) error { t.Error("called"); return nil })
	if got, want := fault.Detail(err), "identity is managed by files (edit identity and reload)"; got != want || fault.KindOf(err) != fault.Unsupported {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What a reload costs with 1 000 pools and 10 000 bindings.
func BenchmarkLoad(b *testing.B) {
	documents := map[string][]byte{"org.yaml": []byte(org + "---\n" + provider)}
	for i := range 1000 {
		var text strings.Builder
		text.WriteString(strings.ReplaceAll(pool, "pool-a", fmt.Sprintf("pool-%d", i)))
		for j := range 10 {
			fmt.Fprintf(&text, "---\n{kind: RoleBinding, principal: 'User:pool-%d', role: DeveloperRead, on: {cluster: lkc-a, topic: 't-%d.*'}}\n", i, j)
		}
		documents[fmt.Sprintf("pool-%d.yaml", i)] = []byte(text.String())
	}
	s := files.Memory(documents, files.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Load(b.Context()); err != nil {
			b.Fatal(details(err))
		}
	}
}

// FuzzDocuments finds documents that panic, and objects without a place.
func FuzzDocuments(f *testing.F) {
	example, err := os.ReadFile("testdata/orders.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(example), org + "---\n" + provider + "---\n" + pool, "kind: RoleBinding\non: ~\ncrn: x", "kind: IdentityProvider\nid: op-\nca: a",
		org + "---\n{kind: RoleBinding, principal: 'User:a', role: r, on: {cluster: lkc-a, group: '**'}}"} {
		f.Add(seed)
	}
	o := files.Options{ReadFile: func(string) ([]byte, error) { return nil, os.ErrNotExist }}
	f.Fuzz(func(t *testing.T, text string) {
		s := memory(text, o)
		got, err := s.Load(t.Context())
		if err != nil {
			for _, e := range err.(config.Errors) {
				if !strings.HasPrefix(e.Where, "a.yaml") {
					t.Errorf("%q at %q", e.Message, e.Where)
				}
			}
			return
		}
		for id, p := range got.Pools {
			if p.ID != id || p.Origin == "" || s.Where(id, "filter") == "" || p.Filter == "" || got.Providers[p.Provider].ID == "" {
				t.Errorf("%+v", p)
			}
		}
		for id, p := range got.Providers {
			if p.ID != id || p.Issuer == "" || !strings.HasPrefix(p.JWKSURI, "https://") {
				t.Errorf("%+v", p)
			}
		}
		for id, b := range got.Bindings {
			if again, err := iam.ParsePattern(b.On.CRN()); b.ID != id || err != nil || again != b.On {
				t.Errorf("%+v does not come back: %+v, %v", b, again, err)
			}
		}
	})
}
