package app

import (
	"net/http"
	"strings"

	"github.com/klammhq/klamm/internal/emulator/entra"
)

// What the administrator's calls of the lab's Entra ID answer.
type (
	EntraAnswer = entra.Answer
	EntraApp    = entra.App
	EntraError  = entra.AdminError
)

// EntraPath is where they are, on each of the emulator's listeners.
const EntraPath = entra.AdminPath

// administered puts the administrator's calls in front of the emulator, where
// no injected fault hits them or counts them.
func administered(e *entra.Entra, emulator http.Handler) http.Handler {
	admin := e.Admin()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == EntraPath || strings.HasPrefix(r.URL.Path, EntraPath+"/") {
			admin.ServeHTTP(w, r)
			return
		}
		emulator.ServeHTTP(w, r)
	})
}
