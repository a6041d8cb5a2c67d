package app

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// Fault is what an emulator can be told to do wrong.
type Fault = httpd.FaultRequest

// FaultsPath is where every emulator takes a [Fault], on each of its listeners.
const FaultsPath = "/_lab/faults"

// labFaults are the faults of the lab's emulators.
type labFaults struct{ entra, imds, oidc httpd.Faults }

// named are the faults by the names that emulators have on the command line.
func (f *labFaults) named() map[string]*httpd.Faults {
	return map[string]*httpd.Faults{"entra": &f.entra, "imds": &f.imds, "oidc": &f.oidc}
}

// set begins with faults that are written as "imds={…}", in the JSON of a
// [Fault].
func (f *labFaults) set(flags []string) error {
	told := map[string]bool{}
	for _, flag := range flags {
		name, text, _ := strings.Cut(flag, "=")
		faults := f.named()[name]
		if faults == nil {
			return fault.New(fault.Invalid, "%.64q is no fault of an emulator, expected %s, = and a JSON object", flag, strings.Join(slices.Sorted(maps.Keys(f.named())), ", ")).
				At("--fault").Mend("write it as --fault 'imds={\"status\":429,\"times\":2}'")
		}
		if told[name] {
			return fault.New(fault.Invalid, "%s has a fault already, expected one for each emulator", name).At("--fault")
		}
		told[name] = true
		parsed, err := httpd.ParseFault([]byte(text))
		if err == nil {
			err = faults.Set(parsed)
		}
		if err != nil {
			return fault.New(fault.Invalid, "%s: %s", name, err.Error()).At("--fault").Mend("%s", fault.HintOf(err))
		}
	}
	return nil
}

// faulty is an emulator that can be told to fail (docs/lab.md).
func faulty(faults *httpd.Faults, emulator http.Handler) http.Handler {
	return below(FaultsPath, faults.Admin(), faults.Wrap(emulator))
}

// below gives requests for a path, and for all that is below it, to a handler of
// their own.
func below(path string, own, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path || strings.HasPrefix(r.URL.Path, path+"/") {
			own.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}
