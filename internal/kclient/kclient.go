// Package kclient is the Kafka client of klamm's own tools: franz-go with
// SASL/OAUTHBEARER over TLS. It is for proofs and diagnoses, never for the
// gateway's path.
package kclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

// Config says where a cluster is and who is asking.
type Config struct {
	Bootstrap  []string
	CA         []byte // PEM; the system's authorities when empty
	Source     token.Source
	Extensions map[string]string // logicalCluster, identityPoolId
	ClientID   string
}

// Record is what was produced or consumed.
type Record struct {
	Partition int32
	Offset    int64
	Value     []byte
}

func (c Config) open(more ...kgo.Opt) (*kgo.Client, error) {
	mechanism, err := franz.Mechanism(c.Source, c.Extensions)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s", err.Error())
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(c.CA) > 0 {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(c.CA) {
			return nil, fault.New(fault.Invalid, "the CA file holds no PEM certificate")
		}
	}
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(c.Bootstrap...), kgo.DialTLSConfig(t), kgo.SASL(mechanism), kgo.ClientID(c.ClientID),
		// A refusal must surface, not be retried until a deadline.
		kgo.RetryTimeout(5 * time.Second), kgo.RequestRetries(2),
	}, more...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the Kafka client's settings").Because(err)
	}
	return client, nil
}

// Produce writes the values to topic, all or an error, and returns where they stand.
func (c Config) Produce(ctx context.Context, topic string, values [][]byte) ([]Record, error) {
	client, err := c.open(kgo.DefaultProduceTopic(topic), kgo.RecordDeliveryTimeout(20*time.Second), kgo.UnknownTopicRetries(1))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	records := make([]*kgo.Record, len(values))
	for i, v := range values {
		records[i] = &kgo.Record{Value: v}
	}
	var out []Record
	for _, r := range client.ProduceSync(ctx, records...) {
		if r.Err != nil {
			return out, explain("produce to "+topic, r.Err)
		}
		out = append(out, Record{r.Record.Partition, r.Record.Offset, r.Record.Value})
	}
	return out, nil
}

// Consume reads n records of topic as a member of group, from its beginning,
// and commits them.
func (c Config) Consume(ctx context.Context, group, topic string, n int) ([]Record, error) {
	client, err := c.open(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond), kgo.DisableAutoCommit())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var out []Record
	for len(out) < n {
		fetches := client.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			return out, explain("consume from "+topic+" in group "+group, e.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) { out = append(out, Record{r.Partition, r.Offset, r.Value}) })
	}
	if err := client.CommitUncommittedOffsets(ctx); err != nil {
		return out, explain("commit to group "+group, err)
	}
	return out, nil
}

// explain turns a client's error into a fault: its kind by Kafka's error, its
// words the server's where it sent some.
func explain(doing string, err error) error {
	kind := fault.Unavailable
	var ke *kerr.Error
	if errors.As(err, &ke) {
		kind = fault.Invalid
		for _, refusal := range []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed} {
			if errors.Is(ke, refusal) {
				kind = fault.Forbidden
			}
		}
		if errors.Is(ke, kerr.SaslAuthenticationFailed) {
			kind = fault.Unauthenticated
		}
	}
	return fault.New(kind, "%s: %s", doing, shorten(err)).Because(err)
}

func shorten(err error) string {
	const most = 600
	text := fmt.Sprint(err)
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}
