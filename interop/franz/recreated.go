package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// recreate deletes the topics in RECREATE_TOPICS and makes them again under their
// names. What their ids stood for is gone: who names one is told UNKNOWN_TOPIC_ID.
func recreate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	admin, err := client("KAFKA_ADMIN_POOL_ID", managedIdentityToken)
	if err != nil {
		return err
	}
	defer admin.Close()
	topics := strings.Split(os.Getenv("RECREATE_TOPICS"), ",")
	for _, topic := range topics {
		old, err := idOf(ctx, admin, topic)
		if err != nil {
			return err
		}
		if err := again(ctx, admin, topic); err != nil {
			return fmt.Errorf("%s: %w", topic, err)
		}
		if err := gone(ctx, old); err != nil {
			return fmt.Errorf("the old id of %s: %w", topic, err)
		}
	}
	figure("UNKNOWN_TOPIC_ID for %d old ids in Produce, Fetch and Metadata", len(topics))
	return nil
}

func idOf(ctx context.Context, admin *kgo.Client, topic string) (id [16]byte, err error) {
	ask := kmsg.NewPtrMetadataRequest()
	ask.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	meta, err := ask.RequestWith(ctx, admin)
	if err != nil {
		return id, err
	}
	return meta.Topics[0].TopicID, kerr.ErrorForCode(meta.Topics[0].ErrorCode)
}

func again(ctx context.Context, admin *kgo.Client, topic string) error {
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.TimeoutMillis, remove.TopicNames = 10_000, []string{topic}
	remove.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &topic}}
	removed, err := remove.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(removed.Topics[0].ErrorCode); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	for err = nil; !errors.Is(err, kerr.UnknownTopicOrPartition); _, err = idOf(ctx, admin, topic) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(20 * time.Millisecond)
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.TimeoutMillis = 10_000
	create.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 3}}
	created, err := create.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(created.Topics[0].ErrorCode)
}

// gone asks for a topic by the id that it had, until the broker that answers has
// heard of its end.
func gone(ctx context.Context, old [16]byte) error {
	reads, err := newRecorder()
	if err != nil {
		return err
	}
	w, err := newWire(ctx, reads, os.Getenv("KAFKA_BOOTSTRAP_SERVER"), "KAFKA_ADMIN_POOL_ID", 2)
	if err != nil {
		return err
	}
	defer w.Close()

	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks, produce.TimeoutMillis = 13, -1, 5000
	produce.Topics = []kmsg.ProduceRequestTopic{{TopicID: old, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: recordBatch("never")}}}}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.SessionEpoch, fetch.MaxBytes = 13, -1, 1<<16
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.PartitionMaxBytes = 1 << 12
	fetch.Topics = []kmsg.FetchRequestTopic{{TopicID: old, Partitions: []kmsg.FetchRequestTopicPartition{partition}}}
	meta := kmsg.NewPtrMetadataRequest()
	meta.Version, meta.Topics = 12, []kmsg.MetadataRequestTopic{{TopicID: old}}
	for _, req := range []kmsg.Request{produce, fetch, meta} {
		for code := int16(-1); code != kerr.UnknownTopicID.Code; time.Sleep(20 * time.Millisecond) {
			if ctx.Err() != nil {
				return fmt.Errorf("%s answers %v", kmsg.NameForKey(req.Key()), kerr.ErrorForCode(code))
			}
			resp, err := w.ask(req)
			if err != nil {
				return err
			}
			code = topicCode(resp)
		}
	}
	return reads.clean()
}

// topicCode is the error for the one topic that an answer is about.
func topicCode(resp kmsg.Response) int16 {
	switch resp := resp.(type) {
	case *kmsg.ProduceResponse:
		return resp.Topics[0].Partitions[0].ErrorCode
	case *kmsg.FetchResponse:
		return resp.Topics[0].Partitions[0].ErrorCode
	case *kmsg.MetadataResponse:
		return resp.Topics[0].ErrorCode
	}
	return -1
}

// recreated produces and consumes while the topic RECREATED_TOPIC is deleted and
// made again. franz-go tells its application with UNKNOWN_TOPIC_ID, and wants it
// to begin anew with the topic. It says reading, and again when records that were
// written after the file RECREATED was there came back.
func recreated(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	topic := os.Getenv("RECREATED_TOPIC")
	producer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer producer.Close()
	consumer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer consumer.Close()

	var told [2]atomic.Int64 // UNKNOWN_TOPIC_ID, by producer and consumer
	var failed atomic.Pointer[error]
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			word := "before"
			if _, err := os.Stat(os.Getenv("RECREATED")); err == nil {
				word = "after"
			}
			err := producer.ProduceSync(ctx, kgo.KeyStringRecord(strconv.Itoa(n), word)).FirstErr()
			switch {
			case errors.Is(err, kerr.UnknownTopicID):
				told[0].Add(1)
				producer.PurgeTopicsFromProducing(topic)
			case err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) && ctx.Err() == nil:
				failed.CompareAndSwap(nil, &err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	came := map[string]int{}
	for came["after"] < enough {
		if err := failed.Load(); err != nil {
			return fmt.Errorf("produce: %w", *err)
		}
		polling, cancel := context.WithTimeout(ctx, time.Second)
		fetches := consumer.PollFetches(polling)
		cancel()
		for _, err := range fetches.Errors() {
			switch {
			case errors.Is(err.Err, kerr.UnknownTopicID):
				told[1].Add(1)
				consumer.PurgeTopicsFromConsuming(topic)
				consumer.AddConsumeTopics(topic)
			case ctx.Err() != nil || !errors.Is(err.Err, context.DeadlineExceeded) && !errors.Is(err.Err, kerr.UnknownTopicOrPartition):
				return fmt.Errorf("consume: %w, after %v", err.Err, came)
			}
		}
		for r := range fetches.RecordsAll() {
			if came[string(r.Value)]++; string(r.Value) == "before" && came["before"] == enough {
				fmt.Println("reading")
			}
		}
	}
	fmt.Println("again")
	figure("UNKNOWN_TOPIC_ID to producer %d times, to consumer %d times", told[0].Load(), told[1].Load())
	return nil
}
