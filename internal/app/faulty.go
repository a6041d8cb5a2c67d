package app

import (
	"net/http"

	"github.com/klammhq/klamm/internal/httpd"
)

// Fault is what an emulator can be told to do wrong.
type Fault = httpd.FaultRequest

// FaultsPath is where every emulator takes a [Fault], on each of its listeners.
const FaultsPath = "/_lab/faults"

// faulty is an emulator that can be told to fail (docs/lab.md).
func faulty(emulator http.Handler) http.Handler {
	var faults httpd.Faults
	behind, admin := faults.Wrap(emulator), faults.Admin()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == FaultsPath {
			admin.ServeHTTP(w, r)
			return
		}
		behind.ServeHTTP(w, r)
	})
}
