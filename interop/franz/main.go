// Command franz is franz-go as an application would use it, with its own SASL
// mechanism and a token fetched by plain HTTP from the managed-identity
// endpoint: nothing of klamm is in it. It reads environment variables only
// (see klamm lab --env-file), does one thing and ends with 0 when that went as
// it should.
//
//	franz roundtrip|forbidden|wrong-pool|renewal
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

const (
	records         = 50
	patience        = 30 * time.Second // for anything that should succeed
	wordsWithin     = 5 * time.Second  // until a refused client has the gateway's words
	loginsWatched   = 10 * time.Second // while the logins of a refused client are counted
	loginsPerSecond = 2.0
	renewed         = 45 * time.Second // of producing and consuming while tokens end
)

func main() {
	whats := map[string]func(context.Context) error{
		"roundtrip": roundtrip, "forbidden": forbidden, "wrong-pool": wrongPool, "renewal": renewal,
	}
	if len(os.Args) != 2 || whats[os.Args[1]] == nil {
		fail(errors.New("usage: franz roundtrip|forbidden|wrong-pool|renewal"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience+renewed)
	defer cancel()
	if err := whats[os.Args[1]](ctx); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "franz:", err)
	os.Exit(1)
}

// figure prints a line that the table of results shows.
func figure(format string, args ...any) { fmt.Printf("figure: "+format+"\n", args...) }

// roundtrip produces and reads the same records back in a group.
func roundtrip(ctx context.Context) error {
	topic := os.Getenv("KAFKA_TOPIC")
	producer, err := client("KAFKA_IDENTITY_POOL_ID", nil, kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer producer.Close()
	began, run, wanted := time.Now(), rand.Text(), map[string]bool{}
	var batch []*kgo.Record
	for i := range records {
		key := fmt.Sprintf("%s-%d", run, i)
		wanted[key] = true
		batch = append(batch, &kgo.Record{Key: []byte(key), Value: []byte("interop")})
	}
	if err := producer.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	produced := time.Now()

	consumer, err := client("KAFKA_IDENTITY_POOL_ID", nil, kgo.ConsumerGroup(os.Getenv("KAFKA_GROUP")),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		return err
	}
	defer consumer.Close()
	for len(wanted) > 0 {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume, %d records missing: %w", len(wanted), err)
		}
		fetches.EachRecord(func(r *kgo.Record) { delete(wanted, string(r.Key)) })
	}
	if err := consumer.CommitUncommittedOffsets(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	figure("%d produced %.1f s", records, produced.Sub(began).Seconds())
	figure("consumed %.1f s", time.Since(produced).Seconds())
	return nil
}

// forbidden is refused outside its role, both ways, with Kafka's own error.
func forbidden(ctx context.Context) error {
	topic := os.Getenv("KAFKA_FORBIDDEN_TOPIC")
	producer, err := client("KAFKA_IDENTITY_POOL_ID", nil, kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := producer.ProduceSync(ctx, kgo.StringRecord("never")).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		return fmt.Errorf("produce ended with %v", err)
	}
	allowed := &kgo.Record{Topic: os.Getenv("KAFKA_TOPIC"), Value: []byte("interop")}
	if err := producer.ProduceSync(ctx, allowed).FirstErr(); err != nil {
		return fmt.Errorf("the allowed topic is refused as well: %w", err)
	}

	consumer, err := client("KAFKA_IDENTITY_POOL_ID", nil, kgo.ConsumeTopics(topic))
	if err != nil {
		return err
	}
	defer consumer.Close()
	if err := consumer.PollFetches(ctx).Err(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		return fmt.Errorf("consume ended with %v", err)
	}
	figure("TOPIC_AUTHORIZATION_FAILED both ways")
	return nil
}

// renewal produces and consumes for longer than two tokens live: every record
// comes once and in order.
func renewal(ctx context.Context) error {
	topic, key := os.Getenv("KAFKA_TOPIC"), rand.Text()
	var logins, connections atomic.Int64
	producer, err := client("KAFKA_IDENTITY_POOL_ID", &logins, kgo.DefaultProduceTopic(topic), kgo.WithHooks(connected{&connections}))
	if err != nil {
		return err
	}
	defer producer.Close()
	consumer, err := client("KAFKA_IDENTITY_POOL_ID", nil, kgo.ConsumerGroup(os.Getenv("KAFKA_GROUP")+"-renewal-franz"),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer consumer.Close()

	reading, stop := context.WithCancel(ctx)
	sent, failed := 0, error(nil)
	go func() {
		defer stop()
		sent, failed = produceFor(ctx, renewed, producer, key)
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
	if anew < 2 {
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

var reference = regexp.MustCompile(`ref=\w+`)

// wrongPool names a pool of another provider: the gateway's words soon, and no
// storm of logins while the application goes on trying.
func wrongPool(ctx context.Context) error {
	var logins atomic.Int64
	c, err := client("OKTA_IDENTITY_POOL_ID", &logins, kgo.DefaultProduceTopic(os.Getenv("KAFKA_TOPIC")))
	if err != nil {
		return err
	}
	defer c.Close()

	began := time.Now()
	c.Produce(ctx, kgo.StringRecord("never"), nil) // goes on in the background until the client closes
	err = c.Ping(ctx)
	words, ref := time.Since(began), reference.FindString(fmt.Sprint(err))
	if ref == "" {
		return fmt.Errorf("the error carries no ref=: %v", err)
	}
	fmt.Println(ref)

	select {
	case <-time.After(loginsWatched - words):
	case <-ctx.Done():
		return ctx.Err()
	}
	n := logins.Load()
	rate := float64(n) / loginsWatched.Seconds()
	figure("ref after %.1f s", words.Seconds())
	figure("%.1f logins/s", rate)
	if words > wordsWithin {
		return fmt.Errorf("the words came after %v, not within %v", words, wordsWithin)
	}
	if rate > loginsPerSecond {
		return fmt.Errorf("%d logins in %v", n, loginsWatched)
	}
	return nil
}

// client connects as the pool that the variable names. Every login adds to
// logins, when there is one: the mechanism is asked once for each.
func client(poolVariable string, logins *atomic.Int64, more ...kgo.Opt) (*kgo.Client, error) {
	pem, err := os.ReadFile(os.Getenv("KAFKA_CA_FILE"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("KAFKA_CA_FILE=%s holds no certificate", os.Getenv("KAFKA_CA_FILE"))
	}
	mechanism := oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		if logins != nil {
			logins.Add(1)
		}
		token, err := managedIdentityToken(ctx)
		return oauth.Auth{Token: token, Extensions: map[string]string{
			"logicalCluster": os.Getenv("KAFKA_LOGICAL_CLUSTER_ID"),
			"identityPoolId": os.Getenv(poolVariable),
		}}, err
	})
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(os.Getenv("KAFKA_BOOTSTRAP_SERVER")),
		kgo.ClientID("interop-franz"),
		kgo.DialTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}),
		kgo.SASL(mechanism),
	}, more...)...)
}

// managedIdentityToken asks as Azure documents it: GET, with the Metadata header.
func managedIdentityToken(ctx context.Context) (string, error) {
	address, err := url.Parse(os.Getenv("IMDS_TOKEN_URL"))
	if err != nil {
		return "", err
	}
	query := address.Query()
	query.Set("api-version", "2025-04-07")
	query.Set("resource", os.Getenv("KAFKA_RESOURCE"))
	query.Set("client_id", os.Getenv("AZURE_CLIENT_ID"))
	address.RawQuery = query.Encode()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Metadata", "true")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("managed identity endpoint: %s: %s", resp.Status, body)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = json.Unmarshal(body, &answer)
	return answer.AccessToken, err
}
