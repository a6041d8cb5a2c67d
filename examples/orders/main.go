// Command orders is a Kafka client with a managed identity: it produces one
// record and consumes it back in a group. It is configured by environment
// variables, which `klamm lab --env-file` writes and a deployment sets.
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil { // logs in; a refused login is told here, with ref=…
		return err
	}
	id := rand.Text()
	if err := client.ProduceSync(ctx, kgo.KeyStringRecord(id, "one order")).FirstErr(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume: %w", err)
		}
		for r := range fetches.RecordsAll() {
			if string(r.Key) == id {
				fmt.Printf("%s: produced and consumed %q\n", r.Topic, r.Value)
				return nil
			}
		}
	}
}

// connect makes a client that asks for a new token before the old one ends and
// re-authenticates with it.
func connect() (*kgo.Client, error) {
	source := token.Cached(token.AzureIMDS{
		Resource: os.Getenv("KAFKA_RESOURCE"),
		ClientID: os.Getenv("AZURE_CLIENT_ID"),
		Endpoint: os.Getenv("IMDS_TOKEN_URL"), // empty on Azure
	})
	login, err := franz.Mechanism(source, franz.Extensions{
		"logicalCluster": os.Getenv("KAFKA_LOGICAL_CLUSTER_ID"),
		"identityPoolId": os.Getenv("KAFKA_IDENTITY_POOL_ID"),
	})
	if err != nil {
		return nil, err
	}
	roots, err := authorities(os.Getenv("KAFKA_CA_FILE"))
	if err != nil {
		return nil, err
	}
	topic := os.Getenv("KAFKA_TOPIC")
	return kgo.NewClient(
		kgo.SeedBrokers(os.Getenv("KAFKA_BOOTSTRAP_SERVER")),
		kgo.DialTLSConfig(&tls.Config{RootCAs: roots}),
		kgo.SASL(login),
		kgo.DefaultProduceTopic(topic),
		kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(os.Getenv("KAFKA_GROUP")),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
}

// authorities reads a PEM file; without one the system's authorities count.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(file + " holds no certificate in PEM")
	}
	return pool, nil
}
