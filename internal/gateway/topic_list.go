package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/relay"
)

// topicList is the names of all topics of a cluster, which regular expressions are
// matched against. It is asked for when somebody needs it and it has its age.
type topicList struct {
	mu      sync.Mutex
	asked   time.Time
	asking  bool
	names   []string // sorted; replaced, never changed
	version uint64   // rises when names do change; 0: never asked
}

// How old the list may be: as old as the broker's own when it matches again
// (GroupMetadataManager.REGEX_BATCH_REFRESH_MIN_INTERVAL_MS), and younger for a new
// subscription, whose topic may be new as well.
const (
	listAge  = 10 * time.Second
	freshAge = time.Second
)

// topicNames gives the list, at most of this age unless somebody is asking already.
func (t *target) topicNames(ctx context.Context, age time.Duration) (names []string, version uint64, err error) {
	l := &t.topics
	l.mu.Lock()
	if l.version > 0 && (l.asking || time.Since(l.asked) < age) {
		defer l.mu.Unlock()
		return l.names, l.version, nil
	}
	l.asking = true
	l.mu.Unlock()
	names, err = t.askTopicNames(ctx)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.asking = false
	if err != nil {
		return nil, 0, err
	}
	l.asked = time.Now()
	if l.version == 0 || !slices.Equal(names, l.names) {
		l.names = names
		l.version++
	}
	return l.names, l.version, nil
}

func (t *target) askTopicNames(ctx context.Context) (names []string, err error) {
	all, err := t.askTopics(ctx)
	for _, topic := range all {
		if topic.Topic != nil {
			names = append(names, *topic.Topic)
		}
	}
	slices.Sort(names)
	return names, err
}

// askTopics asks for all topics there are, on a connection of klamm's own.
func (t *target) askTopics(ctx context.Context) ([]kmsg.MetadataResponseTopic, error) {
	ask := kmsg.NewPtrMetadataRequest()
	ask.Version = 4
	resp, err := t.Request(ctx, relay.Bootstrap, ask)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.MetadataResponse).Topics, nil
}
