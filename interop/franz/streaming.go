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

	"github.com/twmb/franz-go/pkg/kgo"
)

// partitions of the topics that are streamed to.
const partitions = 3

// streaming produces and consumes until the file STREAM_UNTIL exists: every
// record comes once and in order, whatever happens to the cluster meanwhile. It
// goes on with many requests under way, and says "streaming" when records come.
func streaming(ctx context.Context) error {
	reads, err := newRecorder()
	if err != nil {
		return err
	}
	topic, run := os.Getenv("STREAM_TOPIC"), rand.Text()
	producer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, reads.option(), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer producer.Close()
	consumer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, reads.option(), kgo.ConsumerGroup("cluster-"+run),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer consumer.Close()

	sent := &sentRecords{}
	go sent.until(ctx, os.Getenv("STREAM_UNTIL"), producer, run)
	came, err := sent.comeBack(ctx, consumer, run)
	if err != nil {
		return err
	}
	figure("%d records once and in order", came)
	produced, addressed := reads.leaders(0)
	fetched, blanked := reads.leaders(1)
	figure("new leaders: %d of Produce, %d with klamm's address", produced, addressed)
	figure("%d of Fetch, %d blanked", fetched, blanked)
	if os.Getenv("STREAM_REDIRECTS") != "" && (addressed == 0 || blanked == 0) {
		return errors.New("leaders moved, and no answer named a new one with its address")
	}
	return reads.verdict()
}

// sentRecords is what a producer sent.
type sentRecords struct {
	counts [partitions]atomic.Int64
	done   atomic.Bool // and nothing more comes
	failed atomic.Pointer[error]
}

// until writes 0, 1, 2, … to each partition, under the key run, until a file exists.
func (s *sentRecords) until(ctx context.Context, file string, producer *kgo.Client, run string) {
	for {
		if _, err := os.Stat(file); err == nil {
			break
		}
		for p := range s.counts {
			r := kgo.KeyStringRecord(run, strconv.FormatInt(s.counts[p].Add(1)-1, 10))
			r.Partition = int32(p)
			producer.Produce(ctx, r, func(r *kgo.Record, err error) {
				if err != nil {
					s.fail(fmt.Errorf("record %s of partition %d: %w", r.Value, r.Partition, err))
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := producer.Flush(ctx); err != nil {
		s.fail(err)
	}
	s.done.Store(true)
}

// fail keeps the first error.
func (s *sentRecords) fail(err error) { s.failed.CompareAndSwap(nil, &err) }

// comeBack reads until all that was sent came, and a second more for what comes twice.
func (s *sentRecords) comeBack(ctx context.Context, consumer *kgo.Client, run string) (total int64, err error) {
	var came [partitions]int64
	all := func() bool {
		for p := range came {
			if came[p] < s.counts[p].Load() {
				return false
			}
		}
		return s.done.Load()
	}
	var deadline, enough time.Time
	for enough.IsZero() || time.Now().Before(enough) {
		if failed := s.failed.Load(); failed != nil {
			return total, fmt.Errorf("produce: %w", *failed)
		}
		if s.done.Load() && deadline.IsZero() {
			deadline = time.Now().Add(patience)
		}
		if !deadline.IsZero() && time.Now().After(deadline) {
			return total, fmt.Errorf("%v came back, not all", came)
		}
		polling, cancel := context.WithTimeout(ctx, time.Second)
		fetches := consumer.PollFetches(polling)
		cancel()
		for _, failed := range fetches.Errors() {
			if !errors.Is(failed.Err, context.DeadlineExceeded) {
				return total, fmt.Errorf("consume %s %d: %w", failed.Topic, failed.Partition, failed.Err)
			}
		}
		for r := range fetches.RecordsAll() {
			if string(r.Key) != run {
				continue
			}
			if string(r.Value) != strconv.FormatInt(came[r.Partition], 10) {
				return total, fmt.Errorf("record %s of partition %d came when %d was due", r.Value, r.Partition, came[r.Partition])
			}
			if came[r.Partition]++; total == 0 {
				fmt.Println("streaming")
			}
			total++
		}
		if enough.IsZero() && all() {
			enough = time.Now().Add(time.Second)
		}
	}
	return total, nil
}
