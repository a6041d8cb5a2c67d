// Command franz is franz-go as an application would use it, with its own SASL
// mechanism and a token fetched by plain HTTP from the managed-identity
// endpoint, or by azidentity: nothing of klamm is in it. It reads environment
// variables only (see klamm lab --env-file), does one thing and ends with 0
// when that went as it should.
//
//	franz WHAT
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
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

const (
	records         = 50
	patience        = 30 * time.Second // for anything that should succeed
	wordsWithin     = 15 * time.Second // until a refused client has the gateway's words
	loginsWatched   = 10 * time.Second // while the logins of a refused client are counted
	loginsPerSecond = 2.0
)

func main() {
	whats := map[string]func(context.Context) error{
		"roundtrip": func(ctx context.Context) error { return roundtrip(ctx, managedIdentityToken) },
		"forbidden": forbidden, "wrong-pool": wrongPool, "renewal": renewal, "azidentity": azidentityRoundtrip,
		"streaming": streaming, "move-leaders": moveLeaders, "everything": everything,
		"feed": feed, "revoked": revoked, "transacting": transacting, "recreate": recreate, "recreated": recreated, "offered": offered,
	}
	if len(os.Args) != 2 || whats[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: franz %s", strings.Join(slices.Sorted(maps.Keys(whats)), "|")))
	}
	if err := whats[os.Args[1]](context.Background()); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "franz:", err)
	os.Exit(1)
}

// figure prints a line that the table of results shows.
func figure(format string, args ...any) { fmt.Printf("figure: "+format+"\n", args...) }

// roundtrip produces and reads the same records back in a group of its own.
func roundtrip(ctx context.Context, tokens tokenFunc) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	topic := os.Getenv("KAFKA_TOPIC")
	producer, err := client("KAFKA_IDENTITY_POOL_ID", tokens, kgo.DefaultProduceTopic(topic))
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

	consumer, err := client("KAFKA_IDENTITY_POOL_ID", tokens, kgo.ConsumerGroup(os.Getenv("KAFKA_GROUP")+"-"+run),
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
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	topic := os.Getenv("KAFKA_FORBIDDEN_TOPIC")
	producer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.DefaultProduceTopic(topic))
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

	consumer, err := client("KAFKA_IDENTITY_POOL_ID", managedIdentityToken, kgo.ConsumeTopics(topic))
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

var reference = regexp.MustCompile(`ref=\w+`)

// wrongPool names a pool of another provider: the gateway's words soon, and no
// storm of logins while the application goes on trying.
func wrongPool(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var logins atomic.Int64
	c, err := client("OKTA_IDENTITY_POOL_ID", counted(&logins), kgo.DefaultProduceTopic(os.Getenv("KAFKA_TOPIC")))
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

// tokenFunc brings a token for a login; the mechanism asks it once for each.
type tokenFunc func(context.Context) (string, error)

// counted is managedIdentityToken, and adds each login to logins.
func counted(logins *atomic.Int64) tokenFunc {
	return func(ctx context.Context) (string, error) {
		logins.Add(1)
		return managedIdentityToken(ctx)
	}
}

func tlsConfig() (*tls.Config, error) {
	pem, err := os.ReadFile(os.Getenv("KAFKA_CA_FILE"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("KAFKA_CA_FILE=%s holds no certificate", os.Getenv("KAFKA_CA_FILE"))
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

// client connects as the pool that the variable names.
func client(poolVariable string, tokens tokenFunc, more ...kgo.Opt) (*kgo.Client, error) {
	options, err := clientOptions(poolVariable, tokens)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(options, more...)...)
}

func clientOptions(poolVariable string, tokens tokenFunc) ([]kgo.Opt, error) {
	config, err := tlsConfig()
	if err != nil {
		return nil, err
	}
	mechanism := oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := tokens(ctx)
		return oauth.Auth{Token: token, Extensions: map[string]string{
			"logicalCluster": os.Getenv("KAFKA_LOGICAL_CLUSTER_ID"),
			"identityPoolId": os.Getenv(poolVariable),
		}}, err
	})
	return []kgo.Opt{
		kgo.SeedBrokers(os.Getenv("KAFKA_BOOTSTRAP_SERVER")),
		kgo.ClientID("interop-franz"),
		kgo.Dialer((&tls.Dialer{Config: config}).DialContext),
		kgo.SASL(mechanism),
	}, nil
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
