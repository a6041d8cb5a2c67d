// Package authn turns a token and what the client says beside it into an
// identity, and says every step that it took: issuer, provider, times,
// audience, key, signature, pools, identity claim, principal.
//
// It is compiled from one snapshot and the key sets of its providers, and is
// immutable but for a cache of verified tokens. It reads no configuration,
// fetches nothing itself, decides no action, and never keeps, prints or
// returns a token.
package authn
