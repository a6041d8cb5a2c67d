package entra

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/httpd"
)

// Issued is what the sign-in log of the real service keeps of a token.
type Issued struct {
	UTI      string   `json:"uti"`  // the claim that names the token
	Kind     string   `json:"kind"` // "application" or "managed_identity"
	TenantID string   `json:"tenant_id"`
	ClientID string   `json:"client_id"`
	ObjectID string   `json:"object_id"`
	Audience string   `json:"aud"`
	Version  string   `json:"ver"`
	Roles    []string `json:"roles,omitempty"`
	// ClientAuth is how the client was authenticated, such as [BySecret], and
	// Credential by which of its own: a key id or a name.
	ClientAuth string    `json:"client_auth"`
	Credential string    `json:"credential,omitempty"`
	Time       time.Time `json:"time"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// maxIssued is how many are kept; the oldest make room.
const maxIssued = 1000

type issuedList struct {
	mu   sync.Mutex
	list []Issued
}

func (l *issuedList) add(one Issued) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == maxIssued {
		l.list = slices.Delete(l.list, 0, 1)
	}
	l.list = append(l.list, one)
}

// Issued lists the last tokens, oldest first.
func (e *Entra) Issued() []Issued {
	e.issued.mu.Lock()
	defer e.issued.mu.Unlock()
	return append([]Issued{}, e.issued.list...)
}

func (e *Entra) listIssued(w http.ResponseWriter, _ *http.Request) error {
	return httpd.WriteJSON(w, http.StatusOK, map[string]any{"issued": e.Issued()})
}
