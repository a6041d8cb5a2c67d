package oidc

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
)

// keySet is a state of a provider's keys. It never changes.
type keySet struct {
	published []*jwt.SigningKey // verifiers know these
	signer    *jwt.SigningKey
	next      *jwt.SigningKey // published and to sign next; nil without one
}

// checkKnown is an error while verifiers cannot know the key that signs.
func (s *keySet) checkKnown() error {
	if slices.Contains(s.published, s.signer) {
		return nil
	}
	return fault.New(fault.Conflict, "the key that signs is in no key set yet, publish it first")
}

// keys are a provider's, with one rotation at a time.
type keys struct {
	rotating sync.Mutex
	state    atomic.Pointer[keySet]
}

func (k *keys) now() *keySet { return k.state.Load() }

// begin sets the first key, which signs and is published.
func (k *keys) begin(key *jwt.SigningKey) error {
	key, err := orNew(key)
	if err == nil {
		k.state.Store(&keySet{published: []*jwt.SigningKey{key}, signer: key})
	}
	return err
}

// orNew is key, or a new one for nil.
func orNew(key *jwt.SigningKey) (*jwt.SigningKey, error) {
	if key != nil {
		return key, nil
	}
	return jwt.GenerateRSA(2048)
}

// rotate replaces the state by what step makes of a copy of it.
func (k *keys) rotate(step func(*keySet) error) error {
	k.rotating.Lock()
	defer k.rotating.Unlock()
	next := *k.now()
	next.published = slices.Clone(next.published)
	if err := step(&next); err != nil {
		return err
	}
	k.state.Store(&next)
	return nil
}

// PublishKey begins a rotation: key is in the key set from now on, and signs
// nothing yet. For nil an RSA key is made. When the key that signs is in no key
// set, that one is published instead.
func (p *Provider) PublishKey(key *jwt.SigningKey) error {
	return p.keys.rotate(func(s *keySet) (err error) {
		if s.checkKnown() != nil {
			s.published = append(s.published, s.signer)
			return nil
		}
		if s.next, err = orNew(key); err == nil {
			s.published = append(s.published, s.next)
		}
		return err
	})
}

// SignWithNewKey goes on with a rotation: the key published last signs.
func (p *Provider) SignWithNewKey() error {
	return p.keys.rotate(func(s *keySet) error {
		if s.next == nil {
			return fault.New(fault.Conflict, "the key published last signs already, publish a new one first")
		}
		s.signer, s.next = s.next, nil
		return s.checkKnown()
	})
}

// SignWithUnpublishedKey begins a rotation at its wrong end, as some servers do:
// key signs from now on, and is in no key set until PublishKey. For nil an RSA
// key is made.
func (p *Provider) SignWithUnpublishedKey(key *jwt.SigningKey) error {
	return p.keys.rotate(func(s *keySet) (err error) {
		if err := s.checkKnown(); err != nil {
			return err
		}
		s.signer, err = orNew(key)
		return err
	})
}

// RemoveOldKey ends a rotation: the keys that signed before are in the key set
// no longer, and no longer verify.
func (p *Provider) RemoveOldKey() error {
	return p.keys.rotate(func(s *keySet) error {
		if err := s.checkKnown(); err != nil {
			return err
		}
		all := len(s.published)
		s.published = slices.DeleteFunc(s.published, func(key *jwt.SigningKey) bool { return key != s.signer && key != s.next })
		if len(s.published) == all {
			return fault.New(fault.Conflict, "no key has stopped signing, sign with a new one first")
		}
		return nil
	})
}
