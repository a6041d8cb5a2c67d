package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// moveLeaders gives the partitions of STREAM_TOPIC one leader after the other for
// MOVING_SECONDS, as an administrator does: by another order of the replicas, and
// an election of those preferred. The file STREAM_UNTIL tells when it is over.
func moveLeaders(ctx context.Context) error {
	defer func() { _ = os.WriteFile(os.Getenv("STREAM_UNTIL"), nil, 0o600) }()
	seconds, err := strconv.Atoi(os.Getenv("MOVING_SECONDS"))
	if err != nil {
		return fmt.Errorf("MOVING_SECONDS: %w", err)
	}
	admin, err := client("KAFKA_ADMIN_POOL_ID", managedIdentityToken)
	if err != nil {
		return err
	}
	defer admin.Close()
	lasting := time.Duration(seconds) * time.Second
	ctx, cancel := context.WithTimeout(ctx, lasting+patience)
	defer cancel()
	moves, slowest := 0, time.Duration(0)
	for began := time.Now(); time.Since(began) < lasting; moves++ {
		asked := time.Now()
		if err := moveLeader(ctx, admin, os.Getenv("STREAM_TOPIC"), int32(moves%partitions)); err != nil {
			return fmt.Errorf("move %d: %w", moves, err)
		}
		slowest = max(slowest, time.Since(asked))
		time.Sleep(200 * time.Millisecond)
	}
	figure("%d leaders moved in %d s, the slowest in %.1f s", moves, seconds, slowest.Seconds())
	if moves < seconds/5 {
		return errors.New("fewer than one in 5 s")
	}
	return nil
}

func moveLeader(ctx context.Context, admin *kgo.Client, topic string, partition int32) error {
	now, err := leaderOf(ctx, admin, topic, partition)
	if err != nil {
		return err
	}
	at := slices.Index(now.Replicas, now.Leader)
	if at < 0 {
		return fmt.Errorf("leader %d is none of the replicas %v", now.Leader, now.Replicas)
	}
	next := append(slices.Clone(now.Replicas[at+1:]), now.Replicas[:at+1]...)

	assign := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	assign.TimeoutMillis = 10_000
	assign.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{
		{Partition: partition, Replicas: next},
	}}}
	assigned, err := assign.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(assigned.Topics[0].Partitions[0].ErrorCode); err != nil {
		return fmt.Errorf("reassign: %w", err)
	}

	elect := kmsg.NewPtrElectLeadersRequest()
	elect.TimeoutMillis = 10_000
	elect.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: topic, Partitions: []int32{partition}}}
	elected, err := elect.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	for _, t := range elected.Topics {
		if err := kerr.ErrorForCode(t.Partitions[0].ErrorCode); err != nil && !errors.Is(err, kerr.ElectionNotNeeded) {
			return fmt.Errorf("elect: %w", err)
		}
	}
	for {
		now, err := leaderOf(ctx, admin, topic, partition)
		if err != nil || now.Leader == next[0] {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func leaderOf(ctx context.Context, admin *kgo.Client, topic string, partition int32) (p kmsg.MetadataResponseTopicPartition, err error) {
	ask := kmsg.NewPtrMetadataRequest()
	ask.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	meta, err := ask.RequestWith(ctx, admin)
	if err != nil {
		return p, err
	}
	for _, p := range meta.Topics[0].Partitions {
		if p.Partition == partition {
			return p, nil
		}
	}
	return p, fmt.Errorf("partition %d of %s: %w", partition, topic, kerr.ErrorForCode(meta.Topics[0].ErrorCode))
}
