package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// renewal produces and consumes for RENEWAL_SECONDS while tokens end: every
// record comes once and in order.
func renewal(ctx context.Context) error {
	seconds, err := strconv.Atoi(os.Getenv("RENEWAL_SECONDS"))
	if err != nil {
		return fmt.Errorf("RENEWAL_SECONDS: %w", err)
	}
	lasting := time.Duration(seconds) * time.Second
	ctx, cancel := context.WithTimeout(ctx, lasting+patience)
	defer cancel()
	topic, key := os.Getenv("KAFKA_TOPIC"), rand.Text()
	var logins, connections atomic.Int64
	producer, err := client("KAFKA_IDENTITY_POOL_ID", counted(&logins), kgo.DefaultProduceTopic(topic), kgo.WithHooks(connected{&connections}))
	if err != nil {
		return err
	}
	defer producer.Close()
	consumer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.ConsumerGroup(os.Getenv("KAFKA_GROUP")+"-"+key),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer consumer.Close()

	reading, stop := context.WithCancel(ctx)
	sent, failed := 0, error(nil)
	go func() {
		defer stop()
		sent, failed = produceFor(ctx, lasting, producer, key)
		time.Sleep(2 * time.Second) // what is on its way, and what comes twice, comes now
	}()
	came := 0
	for {
		fetches := consumer.PollFetches(reading)
		if reading.Err() != nil {
			break
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume: %w", err)
		}
		for r := range fetches.RecordsAll() {
			if string(r.Key) != key {
				continue
			}
			if string(r.Value) != strconv.Itoa(came) {
				return fmt.Errorf("record %s came when %d was due", r.Value, came)
			}
			came++
		}
	}
	if failed != nil {
		return fmt.Errorf("produce: %w", failed)
	}
	if came != sent {
		return fmt.Errorf("%d of %d records came back", came, sent)
	}
	figure("%d records once and in order", sent)
	anew := logins.Load() - connections.Load()
	figure("producer logged in anew %d times", anew)
	if anew < int64(seconds/40) { // half as often as tokens end
		return errors.New("the producer let its tokens end")
	}
	return nil
}

// connected counts the connections of a client.
type connected struct{ n *atomic.Int64 }

func (c connected) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil {
		c.n.Add(1)
	}
}

// produceFor writes 0, 1, 2, … under one key, which keeps them in order, and
// returns how many it wrote.
func produceFor(ctx context.Context, limit time.Duration, producer *kgo.Client, key string) (int, error) {
	began := time.Now()
	for n := 0; ; n++ {
		if time.Since(began) > limit {
			return n, nil
		}
		record := kgo.KeyStringRecord(key, strconv.Itoa(n))
		if err := producer.ProduceSync(ctx, record).FirstErr(); err != nil {
			return n, fmt.Errorf("record %d after %.0f s: %w", n, time.Since(began).Seconds(), err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
