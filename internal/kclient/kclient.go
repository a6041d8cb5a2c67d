// Package kclient is the Kafka client of klamm's own tools: franz-go with
// SASL/OAUTHBEARER over TLS. It is for proofs and diagnoses, never for the
// gateway's path.
package kclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
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
	if len(c.Bootstrap) == 0 || c.Source == nil {
		return nil, fault.New(fault.Invalid, "a Kafka client needs a bootstrap address and a source of tokens")
	}
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

// connect opens a client and logs in, so that a refused login is told as one,
// at once, and not as a request that nobody answered in time.
func (c Config) connect(ctx context.Context, more ...kgo.Opt) (*kgo.Client, error) {
	client, err := c.open(more...)
	if err != nil {
		return nil, err
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, explain("log in to "+strings.Join(c.Bootstrap, ","), err)
	}
	return client, nil
}

// Produce writes the values to topic, all or an error, and returns where they stand.
func (c Config) Produce(ctx context.Context, topic string, values [][]byte) ([]Record, error) {
	client, err := c.connect(ctx, kgo.DefaultProduceTopic(topic), kgo.RecordDeliveryTimeout(20*time.Second), kgo.UnknownTopicRetries(1))
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

// Consume reads topic as a member of group, from what was written at since on,
// until last says so of a record, and commits what it read.
func (c Config) Consume(ctx context.Context, group, topic string, since time.Time, last func(Record) bool) error {
	client, err := c.connect(ctx, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(since.UnixMilli())), kgo.FetchMaxWait(100*time.Millisecond), kgo.DisableAutoCommit())
	if err != nil {
		return err
	}
	defer client.Close()
	for done := false; !done; {
		fetches := client.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			return explain("consume from "+topic+" in group "+group, e.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) { done = last(Record{r.Partition, r.Offset, r.Value}) || done })
	}
	if err := client.CommitUncommittedOffsets(ctx); err != nil {
		return explain("commit to group "+group, err)
	}
	return nil
}

// kinds are Kafka's errors that say more than that something is wrong.
var kinds = map[*kerr.Error]fault.Kind{
	kerr.TopicAuthorizationFailed:           fault.Forbidden,
	kerr.GroupAuthorizationFailed:           fault.Forbidden,
	kerr.ClusterAuthorizationFailed:         fault.Forbidden,
	kerr.TransactionalIDAuthorizationFailed: fault.Forbidden,
	kerr.SaslAuthenticationFailed:           fault.Unauthenticated,
	kerr.UnknownTopicOrPartition:            fault.NotFound,
}

// explain turns a client's error into a fault: its kind by Kafka's error, its
// words the server's where it sent some. What passes by itself is Unavailable.
func explain(doing string, err error) error {
	kind := fault.Unavailable
	if ke, ok := errors.AsType[*kerr.Error](err); ok && kinds[ke] != "" {
		kind = kinds[ke]
	} else if ok && !ke.Retriable {
		kind = fault.Invalid
	}
	return fault.New(kind, "%s: %s", doing, shorten(err)).Because(err)
}

func shorten(err error) string {
	const most = 600
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
