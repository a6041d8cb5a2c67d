package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics of the transactions, and how many records go from one to the other.
const (
	topicFrom = "cluster-from"
	topicTo   = "cluster-to"
	copies    = 300
)

// transacting copies records from one topic to another with the offsets in the
// transaction, and aborts every third one: who reads what is committed sees each
// record exactly once. TRANSACTIONS is the version that must be spoken: 2 leaves
// AddPartitionsToTxn and AddOffsetsToTxn out (KIP-890).
func transacting(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	reads, err := newRecorder()
	if err != nil {
		return err
	}
	run := rand.Text()
	if err := fillTopic(ctx, run); err != nil {
		return err
	}
	aborted, err := copyInTransactions(ctx, reads, run)
	if err != nil {
		return err
	}
	seen, err := copiesOf(ctx, run)
	if err != nil {
		return err
	}
	for value, n := range seen {
		if n != 1 {
			return fmt.Errorf("record %s was seen %d times", value, n)
		}
	}
	figure("%d records exactly once, %d aborted ones not seen", len(seen), aborted)
	added := reads.count(24, 0) + reads.count(25, 0)
	figure("%d times AddPartitionsToTxn or AddOffsetsToTxn, %d of %d Produce of 12 or newer", added, reads.count(0, 12), reads.count(0, 0))
	if second := os.Getenv("TRANSACTIONS") == "2"; second != (added == 0) || second && reads.count(0, 12) != reads.count(0, 0) {
		return fmt.Errorf("these are not transactions of version %s", os.Getenv("TRANSACTIONS"))
	}
	return reads.verdict()
}

func fillTopic(ctx context.Context, run string) error {
	producer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.DefaultProduceTopic(topicFrom))
	if err != nil {
		return err
	}
	defer producer.Close()
	var batch []*kgo.Record
	for i := range copies {
		batch = append(batch, kgo.KeyStringRecord(run, strconv.Itoa(i)))
	}
	return producer.ProduceSync(ctx, batch...).FirstErr()
}

// copyInTransactions returns how many records were in transactions that were aborted.
func copyInTransactions(ctx context.Context, reads *recorder, run string) (aborted int, err error) {
	options, err := clientOptions("KAFKA_IDENTITY_POOL_ID", managedIdentityToken)
	if err != nil {
		return 0, err
	}
	session, err := kgo.NewGroupTransactSession(append(options, reads.option(), kgo.TransactionalID("cluster-"+run),
		kgo.ConsumerGroup("cluster-"+run), kgo.ConsumeTopics(topicFrom), kgo.DefaultProduceTopic(topicTo),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return 0, err
	}
	defer session.Close()
	copied := 0
	for transactions := 0; copied < copies; transactions++ {
		fetches := session.PollRecords(ctx, 20)
		if err := fetches.Err(); err != nil {
			return 0, fmt.Errorf("consume: %w", err)
		}
		if err := session.Begin(); err != nil {
			return 0, err
		}
		var ours []*kgo.Record
		for r := range fetches.RecordsAll() {
			if string(r.Key) == run {
				ours = append(ours, kgo.KeyStringRecord(run, string(r.Value)))
			}
		}
		if err := session.ProduceSync(ctx, ours...).FirstErr(); err != nil {
			return 0, fmt.Errorf("produce: %w", err)
		}
		end := kgo.TransactionEndTry(transactions%3 != 2)
		committed, err := session.End(ctx, end)
		if err != nil {
			return 0, fmt.Errorf("end: %w", err)
		}
		if committed {
			copied += len(ours)
		} else {
			aborted += len(ours)
		}
	}
	if aborted == 0 {
		return 0, fmt.Errorf("nothing was aborted")
	}
	return aborted, nil
}

// copiesOf reads what is committed until each copy came, and what follows at once.
func copiesOf(ctx context.Context, run string) (map[string]int, error) {
	consumer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.ConsumeTopics(topicTo),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	seen := map[string]int{}
	for len(seen) < copies {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("%d copies were seen: %w", len(seen), err)
		}
		for r := range fetches.RecordsAll() {
			if string(r.Key) == run {
				seen[string(r.Value)]++
			}
		}
	}
	return seen, nil
}
