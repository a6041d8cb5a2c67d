package app

import (
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/klammhq/klamm/internal/jwt"
)

// LabKeys are RSA keys for the emulators of any number of labs, since making
// them takes longer than starting a lab. It is safe for concurrent use.
type LabKeys struct {
	entra []*jwt.SigningKey
	okta  *jwt.SigningKey

	mu   sync.Mutex
	next []*jwt.SigningKey // of rotations, made when they are first needed
}

// MakeLabKeys makes those that a lab begins with.
func MakeLabKeys() (*LabKeys, error) {
	k := &LabKeys{entra: make([]*jwt.SigningKey, 2)}
	var all errgroup.Group
	for i := range k.entra {
		all.Go(func() (err error) { k.entra[i], err = entraKey(); return err })
	}
	all.Go(func() (err error) { k.okta, err = jwt.GenerateRSA(2048); return err })
	if err := all.Wait(); err != nil {
		return nil, err
	}
	return k, nil
}

// entraKey is one whose id is its certificate's thumbprint, as at Microsoft.
func entraKey() (*jwt.SigningKey, error) {
	key, err := jwt.GenerateRSA(2048)
	if err != nil {
		return nil, err
	}
	key.Kid = key.X5T()
	return key, nil
}

func (k *LabKeys) ofEntra() []*jwt.SigningKey {
	if k == nil {
		return nil
	}
	return k.entra
}

func (k *LabKeys) ofOkta() *jwt.SigningKey {
	if k == nil {
		return nil
	}
	return k.okta
}

// rotation is the key of a lab's n-th rotation, from 0; nil, which stands for a
// new one, without shared keys.
func (k *LabKeys) rotation(n int) (*jwt.SigningKey, error) {
	if k == nil {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.next) <= n {
		key, err := entraKey()
		if err != nil {
			return nil, err
		}
		k.next = append(k.next, key)
	}
	return k.next[n], nil
}
