package kafka

import (
	"math"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Keys that the envelope itself must know.
const (
	apiVersions      = 18 // its response header never has tags
	saslAuthenticate = 36 // its bytes are secret
)

// Flexible reports whether requests of this key and version have tagged
// fields, and so a request header of version 2 (KIP-482).
func Flexible(key, version int16) bool {
	return key >= 0 && key <= kmsg.MaxKey && version >= firstFlexible()[key]
}

// firstFlexible is the first flexible version of each key, asked of kmsg once.
var firstFlexible = sync.OnceValue(func() *[kmsg.MaxKey + 1]int16 {
	var first [kmsg.MaxKey + 1]int16
	for key := range first {
		first[key] = math.MaxInt16
		req := kmsg.RequestForKey(int16(key))
		if req == nil {
			continue
		}
		for v := range req.MaxVersion() + 2 { // some keys become flexible after their last version
			if req.SetVersion(v); req.IsFlexible() {
				first[key] = v
				break
			}
		}
	}
	return &first
})
