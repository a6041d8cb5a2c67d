package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // SHA-256 for crypto.Hash
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash
	"math/big"
)

// algorithm is one row of what is verified (RFC 7518 section 3.1, RFC 8037).
type algorithm struct {
	family string // of the key: RSA, Ed25519 or the name of a curve
	hash   crypto.Hash
	verify func(public crypto.PublicKey, hash crypto.Hash, signed, signature []byte) bool
}

// algorithms is the allow-list. HMAC and none have no row and never get one:
// a public key must not become a shared secret (RFC 8725 section 2.1).
var algorithms = map[string]algorithm{
	"RS256": {"RSA", crypto.SHA256, verifyPKCS1},
	"RS384": {"RSA", crypto.SHA384, verifyPKCS1},
	"RS512": {"RSA", crypto.SHA512, verifyPKCS1},
	"PS256": {"RSA", crypto.SHA256, verifyPSS},
	"PS384": {"RSA", crypto.SHA384, verifyPSS},
	"PS512": {"RSA", crypto.SHA512, verifyPSS},
	"ES256": {"P-256", crypto.SHA256, verifyECDSA},
	"ES384": {"P-384", crypto.SHA384, verifyECDSA},
	"ES512": {"P-521", crypto.SHA512, verifyECDSA},
	"EdDSA": {"Ed25519", 0, verifyEd25519},
}

// Verify checks the signature with a key. The algorithm must be one of the
// key's own (RFC 8725 section 3.1). Errors are Unauthenticated and hold
// [WrongKey] or [BadSignature].
func (t *Token) Verify(k Key) error {
	a, known := algorithms[t.Alg]
	if !known || !k.allows(t.Alg) {
		return WrongKey.refused("the key %q does not verify %q, expected one of %v", k.ID, t.Alg, k.algs).At("header.alg")
	}
	if !a.verify(k.public, a.hash, t.signed, t.signature) {
		return BadSignature.refused("the signature is not that of the key %q", k.ID).At("signature")
	}
	return nil
}

func digest(hash crypto.Hash, signed []byte) []byte {
	h := hash.New()
	h.Write(signed)
	return h.Sum(nil)
}

func verifyPKCS1(public crypto.PublicKey, hash crypto.Hash, signed, signature []byte) bool {
	key, ok := public.(*rsa.PublicKey)
	return ok && rsa.VerifyPKCS1v15(key, hash, digest(hash, signed), signature) == nil
}

func verifyPSS(public crypto.PublicKey, hash crypto.Hash, signed, signature []byte) bool {
	key, ok := public.(*rsa.PublicKey)
	// RFC 7518 section 3.5: the salt is as long as the hash.
	return ok && rsa.VerifyPSS(key, hash, digest(hash, signed), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
}

func verifyECDSA(public crypto.PublicKey, hash crypto.Hash, signed, signature []byte) bool {
	key, ok := public.(*ecdsa.PublicKey)
	if !ok {
		return false
	}
	// RFC 7518 section 3.4: r and s, each as long as the curve's order.
	size := (key.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, digest(hash, signed), r, s)
}

func verifyEd25519(public crypto.PublicKey, _ crypto.Hash, signed, signature []byte) bool {
	key, ok := public.(ed25519.PublicKey)
	return ok && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, signature)
}
