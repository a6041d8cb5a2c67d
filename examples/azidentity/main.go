// Command azidentity logs in with the token of Azure's own SDK, which knows App
// Service, Functions, Container Apps, AKS workload identity and developers'
// machines, and lists the topics that it may see.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "azidentity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return err
	}
	source := token.Cached(token.SourceFunc(func(ctx context.Context) (token.Token, error) {
		t, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{os.Getenv("KAFKA_SCOPE")}})
		if err != nil {
			return token.Token{}, err
		}
		return token.New(t.Token, time.Now())
	}))
	login, err := franz.Mechanism(source, franz.Extensions{
		"logicalCluster": os.Getenv("KAFKA_LOGICAL_CLUSTER_ID"),
		"identityPoolId": os.Getenv("KAFKA_IDENTITY_POOL_ID"),
	})
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(os.Getenv("KAFKA_CA_FILE"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(os.Getenv("KAFKA_BOOTSTRAP_SERVER")),
		kgo.DialTLSConfig(&tls.Config{RootCAs: roots}),
		kgo.SASL(login),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return err
	}
	for _, name := range topics.Names() {
		fmt.Println(name)
	}
	return nil
}
