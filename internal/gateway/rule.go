package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// rule is what is done about one API key.
type rule struct {
	min, max int16
	older    string // why versions below min are not served; "" when there are none
	newer    string // why versions above max are not served, which kmsg or Kafka knows; "" when there are none
	needs    string // the rights in words: Operation Type, as authz has them
	method   string // of Apache Kafka, whose decisions these are
	limit    int    // bytes of a request that is decoded; 4 MiB when zero
	drop     bool   // at the session's end nobody waits for the answer
	atTop    bool   // the error of a whole request stands at the top alone, without its items
	pause    bool   // refusals are held back when there are many, for clients ask again at once

	// decide asks for every right that the request needs, through the call, and
	// removes from the request what is refused. A request of which nothing is left
	// is not sent; one about which nothing was asked at all closes the connection.
	decide func(*call, kmsg.Request)
	// plan replaces all of that for the keys whose requests are not decoded.
	plan func(*session, *call, *kafka.Frame) (relay.Plan, error)
}

// decodedBytes bounds what a request costs once it is read: kmsg makes some 50
// bytes of each of the smallest items.
const decodedBytes = 4 << 20

// largeBytes is for requests that grow with a group or its partitions.
const largeBytes = 16 << 20

// on makes a decision about any request of one about a particular one.
func on[Q kmsg.Request](decide func(*call, Q)) func(*call, kmsg.Request) {
	return func(c *call, req kmsg.Request) { decide(c, req.(Q)) }
}

// edit has the answer to a request of type Q changed before the client sees it.
func edit[R kmsg.Response](c *call, f func(R)) {
	c.edits = append(c.edits, func(resp kmsg.Response) { f(resp.(R)) })
}
