package iam

import "context"

// Store keeps the state of identity. Implementations pass storetest.Run.
type Store interface {
	// Load reads the newest state. Errors are faults whose place names the
	// document at fault.
	Load(context.Context) (*Snapshot, error)
	// Update applies change to a copy of the newest snapshot and publishes it
	// by compare-and-swap on Generation; it may call change again when another
	// writer was faster. It returns when this replica runs the result. An error
	// of change is returned as it is and changes nothing. A read-only store
	// returns a fault of kind Unsupported.
	Update(context.Context, func(*Snapshot) error) (*Snapshot, error)
	// Watch calls f with the newest snapshot and again after each change, one
	// call at a time and with rising generations, until ctx ends; it then
	// returns ctx's error. A state that cannot be loaded is not handed to f.
	Watch(ctx context.Context, f func(*Snapshot)) error
}
