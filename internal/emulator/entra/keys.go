package entra

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
)

// keys are those that are published, and which of them signs.
type keys struct {
	made func() ([]*jwt.SigningKey, error) // the first ones

	mu        sync.Mutex
	published []*jwt.SigningKey
	signer    *jwt.SigningKey
	next      *jwt.SigningKey   // published to sign next, nil outside of a rotation
	old       []*jwt.SigningKey // signers before, until they are removed
}

// newKeys starts to make keys, which takes a while, and returns at once.
func newKeys(given []*jwt.SigningKey) *keys {
	if len(given) > 0 {
		return &keys{published: append([]*jwt.SigningKey(nil), given...), signer: given[0]}
	}
	k := &keys{made: sync.OnceValues(func() ([]*jwt.SigningKey, error) {
		var pair [2]*jwt.SigningKey
		var errs [2]error
		var both sync.WaitGroup
		for i := range pair {
			both.Go(func() { pair[i], errs[i] = newKey() })
		}
		both.Wait()
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
		return pair[:], nil
	})}
	go func() { _, _ = k.made() }() // whoever needs them sees the error
	return k
}

func newKey() (*jwt.SigningKey, error) {
	key, err := jwt.GenerateRSA(2048)
	if err != nil {
		return nil, err
	}
	key.Kid = key.X5T() // as at Microsoft
	return key, nil
}

// lock takes the keys, made by now.
func (k *keys) lock() (unlock func(), err error) {
	k.mu.Lock()
	if k.published == nil {
		made, err := k.made()
		if err != nil {
			k.mu.Unlock()
			return nil, err
		}
		k.published, k.signer = append([]*jwt.SigningKey(nil), made...), made[0]
	}
	return k.mu.Unlock, nil
}

func (k *keys) current() (*jwt.SigningKey, error) {
	unlock, err := k.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return k.signer, nil
}

func (k *keys) set(issuer string) (json.RawMessage, error) {
	unlock, err := k.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	var jwks []json.RawMessage
	for _, key := range k.published {
		jwks = append(jwks, key.JWK(map[string]any{"x5t": key.X5T(), "x5c": key.X5C(), "issuer": issuer}))
	}
	return jwt.MarshalSet(jwks...), nil
}

func (e *Entra) keysV1(w http.ResponseWriter, r *http.Request) error { return e.writeKeys(w, r, 1) }
func (e *Entra) keysV2(w http.ResponseWriter, r *http.Request) error { return e.writeKeys(w, r, 2) }

func (e *Entra) writeKeys(w http.ResponseWriter, r *http.Request, version int) error {
	id, err := e.tenantOrCommon(r.PathValue("tenant"))
	if err != nil {
		return err
	}
	set, err := e.keys.set(e.Issuer(id, version))
	if err != nil {
		return err
	}
	return publish(w, set)
}

// publish answers with a document that changes rarely.
func publish(w http.ResponseWriter, document any) error {
	w.Header().Set("Cache-Control", "max-age=86400, private")
	return httpd.WriteJSON(w, http.StatusOK, document)
}
