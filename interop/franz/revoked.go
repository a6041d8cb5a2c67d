package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics of which one is revoked and granted again while they are read.
const (
	topicKept = "revoked-kept"
	topicLost = "revoked-lost"
	enough    = 20 // records that show that a topic is read
)

// feed writes 0, 1, 2, … to each partition of both topics until the file FEED_UNTIL exists.
func feed(ctx context.Context) error {
	producer, err := client("KAFKA_ADMIN_POOL_ID", managedIdentityToken, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer producer.Close()
	for n := 0; ; n++ {
		if _, err := os.Stat(os.Getenv("FEED_UNTIL")); err == nil {
			return nil
		}
		var round []*kgo.Record
		for _, topic := range []string{topicKept, topicLost} {
			for p := range int32(partitions) {
				round = append(round, &kgo.Record{Topic: topic, Partition: p, Value: strconv.AppendInt(nil, int64(n), 10)})
			}
		}
		if err := producer.ProduceSync(ctx, round...).FirstErr(); err != nil {
			return fmt.Errorf("feed: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// revoked reads both topics in one fetch session per broker, while somebody takes
// the right to one of them away and gives it back: that topic alone is refused,
// and goes on where it was. It says what it sees: reading, refused, again.
func revoked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	var connections atomic.Int64
	consumer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.WithHooks(connected{&connections}),
		kgo.ConsumerGroup("cluster-"+rand.Text()), kgo.ConsumeTopics(topicKept, topicLost),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer consumer.Close()

	r := &reader{consumer: consumer, due: map[string][]int{topicKept: make([]int, partitions), topicLost: make([]int, partitions)}}
	if err := r.until(ctx, "reading", func() bool { return r.came[topicKept] > enough && r.came[topicLost] > enough }); err != nil {
		return err
	}
	before := connections.Load()
	if err := r.until(ctx, "refused", func() bool { return r.refusals > 0 && r.came[topicKept] > enough }); err != nil {
		return err
	}
	r.came = map[string]int{}
	if err := r.until(ctx, "again", func() bool { return r.came[topicLost] > 0 }); err != nil {
		return err
	}
	if err := r.until(ctx, "over", func() bool { return r.came[topicLost] > enough }); err != nil {
		return err
	}
	figure("%d refusals, %d connections, %d of them new", r.refusals, before, connections.Load()-before)
	if connections.Load() != before {
		return errors.New("it had to connect anew")
	}
	return nil
}

// reader follows both topics: each record comes once and in order.
type reader struct {
	consumer *kgo.Client
	due      map[string][]int // the next value, by topic and partition
	came     map[string]int   // since the last phase or refusal
	refusals int
}

// until reads until the phase is over, and says its name then.
func (r *reader) until(ctx context.Context, phase string, over func() bool) error {
	for r.came = map[string]int{}; !over(); {
		fetches := r.consumer.PollFetches(ctx)
		for _, failed := range fetches.Errors() {
			if failed.Topic != topicLost || !errors.Is(failed.Err, kerr.TopicAuthorizationFailed) || phase == "reading" {
				return fmt.Errorf("before %s: %s %d: %w", phase, failed.Topic, failed.Partition, failed.Err)
			}
			if r.refusals++; r.refusals == 1 {
				r.came = map[string]int{} // what counts is what comes from now on
			}
		}
		for record := range fetches.RecordsAll() {
			due := &r.due[record.Topic][record.Partition]
			if string(record.Value) != strconv.Itoa(*due) {
				return fmt.Errorf("before %s: record %s of %s %d came when %d was due", phase, record.Value, record.Topic, record.Partition, *due)
			}
			*due++
			r.came[record.Topic]++
		}
	}
	fmt.Println(phase)
	return nil
}
