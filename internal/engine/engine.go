// Package engine is the embedded Kafka of the lab: kfake on an in-memory
// network behind a strict front of its own. No port of the machine is opened;
// the gateway dials it like any other cluster and does not know what it is.
//
// It is for development. It keeps records in memory, and promises neither
// durability nor the isolation of one client from the load of another. It
// authenticates nobody: never give it a real listener.
package engine

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// Config says how the engine looks. Only ClusterID is required.
type Config struct {
	ClusterID string
	Brokers   int // 1 when zero
}

// Engine is a running cluster.
type Engine struct {
	cluster *kfake.Cluster
	back    kfake.VirtualNetwork // kfake itself
	front   kfake.VirtualNetwork // what Dial reaches
	served  map[int16]versions
	seeds   []string
	stop    context.CancelFunc

	members members
	done    sync.WaitGroup
}

type versions struct{ min, max int16 }

// Start starts the brokers with their fronts.
func Start(cfg Config) (*Engine, error) {
	if cfg.ClusterID == "" {
		return nil, fault.New(fault.Invalid, "the engine needs a cluster id")
	}
	e := &Engine{}
	options := []kfake.Opt{
		kfake.ClusterID(cfg.ClusterID), kfake.ListenFn(e.back.Listen), kfake.DefaultNumPartitions(1), kfake.AllowAutoTopicCreation(),
	}
	var ports []int
	for i := range max(cfg.Brokers, 1) {
		ports = append(ports, i+1) // of the in-memory network
		e.seeds = append(e.seeds, fmt.Sprintf("127.0.0.1:%d", i+1))
	}
	options = append(options, kfake.Ports(ports...))
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fault.New(fault.Internal, "the embedded engine does not start").Because(err)
	}
	e.cluster = cluster
	if err := e.startFronts(); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// startFronts learns what kfake serves and listens in front of each broker.
func (e *Engine) startFronts() error {
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	for i, seed := range e.seeds {
		if e.served == nil {
			served, err := e.askServed(ctx, seed)
			if err != nil {
				return err
			}
			e.served = served
		}
		ln, err := e.front.Listen("tcp", seed)
		if err != nil {
			return fault.New(fault.Internal, "the engine's front does not listen").Because(err)
		}
		server := &relay.Server{Acceptor: acceptor{e}}
		e.done.Go(func() { _ = server.Serve(ctx, ln, relay.Via{Broker: int32(i)}) })
	}
	return nil
}

// askServed asks kfake for its versions and keeps those that the front can
// decode and passes.
func (e *Engine) askServed(ctx context.Context, seed string) (map[int16]versions, error) {
	conn, err := e.back.DialContext(ctx, "tcp", seed)
	if err != nil {
		return nil, fault.New(fault.Internal, "the embedded engine cannot be reached").Because(err)
	}
	defer conn.Close()
	answer, err := kafka.NewLink(conn, 0).Request(ctx, kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		return nil, fault.New(fault.Internal, "the embedded engine does not tell its versions").Because(err)
	}
	served := map[int16]versions{}
	for _, k := range answer.(*kmsg.ApiVersionsResponse).ApiKeys {
		if _, never := neverPassed[k.ApiKey]; !never && api.Decodes(k.ApiKey) {
			served[k.ApiKey] = versions{max(k.MinVersion, oldest[k.ApiKey]), k.MaxVersion}
		}
	}
	return served, nil
}

// Bootstrap lists the brokers' addresses, to be reached by [Engine.Dial] only.
func (e *Engine) Bootstrap() []string { return e.seeds }

// Dial connects to a broker's front by its in-memory address.
func (e *Engine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return e.front.DialContext(ctx, network, address)
}

// MoveLeader makes node the leader of a partition, as a reassignment does.
func (e *Engine) MoveLeader(topic string, partition, node int32) error {
	return e.cluster.MoveTopicPartition(topic, partition, node)
}

// Close ends all brokers and connections.
func (e *Engine) Close() {
	if e.stop != nil {
		e.stop()
	}
	e.cluster.Close()
	e.done.Wait()
}
