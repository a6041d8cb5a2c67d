package entra

import (
	"net/http"
	"slices"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
)

// PublishKey begins a rotation: key is in the key set from now on, and signs
// nothing yet. For nil an RSA key is made. When the key that signs is in no key
// set, that one is published instead.
func (e *Entra) PublishKey(key *jwt.SigningKey) error { return e.rotate((*keys).publish, key) }

// SignWithNewKey goes on with a rotation: the key published last signs.
func (e *Entra) SignWithNewKey() error { return e.keys.locked((*keys).signWithNext) }

// SignWithUnpublishedKey begins a rotation at its wrong end, as some issuers do:
// key signs from now on, and is in no key set until PublishKey. For nil an RSA
// key is made.
func (e *Entra) SignWithUnpublishedKey(key *jwt.SigningKey) error {
	return e.rotate((*keys).signUnpublished, key)
}

// RemoveOldKey ends a rotation: the keys that signed before are no longer in the
// key set, and no longer verify.
func (e *Entra) RemoveOldKey() error { return e.keys.locked((*keys).removeOld) }

// rotate does a step that may need a key, which is made, where it is nil, while
// others can still use the keys.
func (e *Entra) rotate(step func(*keys, *jwt.SigningKey) error, key *jwt.SigningKey) error {
	if key == nil {
		var err error
		if key, err = newKey(); err != nil {
			return err
		}
	}
	return e.keys.locked(func(k *keys) error { return step(k, key) })
}

func (k *keys) locked(step func(*keys) error) error {
	unlock, err := k.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return step(k)
}

// secretly reports whether the key that signs is in no key set.
func (k *keys) secretly() bool { return !slices.Contains(k.published, k.signer) }

func (k *keys) checkPublished() error {
	if k.secretly() {
		return fault.New(fault.Conflict, "the key that signs is in no key set yet, publish it first")
	}
	return nil
}

func (k *keys) publish(key *jwt.SigningKey) error {
	if k.secretly() {
		key = k.signer
	} else {
		k.next = key
	}
	k.published = append(k.published, key)
	return nil
}

func (k *keys) signWithNext() error {
	if k.next == nil {
		return fault.New(fault.Conflict, "the key published last signs already, publish a new one first")
	}
	k.old, k.signer, k.next = append(k.old, k.signer), k.next, nil
	return nil
}

func (k *keys) signUnpublished(key *jwt.SigningKey) error {
	if err := k.checkPublished(); err != nil {
		return err
	}
	if k.next != nil {
		return fault.New(fault.Conflict, "a key is published that signs nothing yet, sign with that one first")
	}
	k.old, k.signer = append(k.old, k.signer), key
	return nil
}

// replace publishes a key and signs with it.
func (k *keys) replace(key *jwt.SigningKey) error {
	if err := k.checkPublished(); err != nil {
		return err
	}
	k.published, k.next = append(k.published, key), key
	return k.signWithNext()
}

func (k *keys) removeOld() error {
	if err := k.checkPublished(); err != nil {
		return err
	}
	if len(k.old) == 0 {
		return fault.New(fault.Conflict, "no key has stopped signing, sign with a new one first")
	}
	k.published = slices.DeleteFunc(k.published, func(key *jwt.SigningKey) bool { return slices.Contains(k.old, key) })
	k.old = nil
	return nil
}

// rotations are the steps of a rotation of the signing key, all tenants', by the
// names that commands have for them. Each says what it did.
var rotations = map[string]func(*keys, *jwt.SigningKey) (done string, err error){
	"": func(k *keys, key *jwt.SigningKey) (string, error) {
		return "a new key is published and signs; the old one still verifies until the step remove", k.replace(key)
	},
	"publish": func(k *keys, key *jwt.SigningKey) (string, error) {
		if k.secretly() {
			return "the key that signs is published", k.publish(key)
		}
		return "a new key is published and signs nothing yet", k.publish(key)
	},
	"sign": func(k *keys, key *jwt.SigningKey) (string, error) {
		if k.next != nil {
			return "the key published last signs", k.signWithNext()
		}
		return "a new key signs that is in no key set until the step publish", k.signUnpublished(key)
	},
	"remove": func(k *keys, _ *jwt.SigningKey) (string, error) {
		return "the keys that signed before are published no more", k.removeOld()
	},
}

func (e *Entra) rotateKeys(w http.ResponseWriter, r *http.Request) error {
	var c struct {
		Step string `json:"step"`
	}
	if err := httpd.ReadCommand(r, &c); err != nil {
		return err
	}
	step, ok := rotations[c.Step]
	if !ok {
		return fault.New(fault.Invalid, "there is no step %q, expected publish, sign or remove, or none for the first two", show(c.Step)).At("step")
	}
	a := Answer{Tenant: e.first().current.Load().id}
	err := e.rotate(func(k *keys, key *jwt.SigningKey) (err error) {
		a.Done, err = step(k, key)
		return err
	}, nil)
	if err != nil {
		return err
	}
	return httpd.WriteJSON(w, http.StatusOK, a)
}
