package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// offered waits until all replicas are in sync and says what each address offers:
// that of bootstrap what all brokers have in common.
func offered(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	admin, err := client("KAFKA_ADMIN_POOL_ID", managedIdentityToken)
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := inSync(ctx, admin); err != nil {
		return err
	}
	addresses, err := knownAddresses(ctx)
	if err != nil {
		return err
	}
	for node, address := range addresses {
		if err := offer(ctx, node, address); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	return nil
}

// inSync waits until each partition has three replicas that are in sync.
func inSync(ctx context.Context, admin *kgo.Client) error {
	for {
		meta, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, admin)
		if err != nil {
			return err
		}
		behind := 0
		for _, t := range meta.Topics {
			for _, p := range t.Partitions {
				if len(p.ISR) < 3 || p.ErrorCode != 0 {
					behind++
				}
			}
		}
		if behind == 0 && len(meta.Brokers) == 3 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d partitions are not in sync", behind)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func offer(ctx context.Context, node int, address string) error {
	reads, err := newRecorder()
	if err != nil {
		return err
	}
	conn, err := reads.dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	w := &wire{Conn: conn, format: kmsg.NewRequestFormatter()}
	defer w.Close()
	ask := kmsg.NewPtrApiVersionsRequest()
	ask.Version, ask.ClientSoftwareName, ask.ClientSoftwareVersion = 4, "interop", "1"
	resp, err := w.ask(ask)
	if err != nil {
		return err
	}
	versions, transactions := resp.(*kmsg.ApiVersionsResponse), int16(0)
	newest := map[int16]int16{}
	for _, k := range versions.ApiKeys {
		newest[k.ApiKey] = k.MaxVersion
	}
	for _, f := range versions.FinalizedFeatures {
		if f.Name == "transaction.version" {
			transactions = f.MaxVersionLevel
		}
	}
	fmt.Printf("offered at %d: %d keys, Produce %d, Fetch %d, transactions %d\n", node, len(newest), newest[0], newest[1], transactions)
	return reads.clean()
}
