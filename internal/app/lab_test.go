package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/kclient"
	"github.com/klammhq/klamm/token"
)

// TestProofAmongOthersRecords runs the lab's proof on a topic that holds more
// records than the proof has, as on a Kafka that lasts.
func TestProofAmongOthersRecords(t *testing.T) {
	l, err := StartLab(t.Context(), LabOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	proof := l.Proof()
	get := proof.Env.Get
	client := kclient.Config{
		Bootstrap: []string{get("KAFKA_BOOTSTRAP_SERVER")}, CA: proof.CA, ClientID: "before",
		Source: token.AzureIMDS{Endpoint: get("IMDS_TOKEN_URL"), Resource: get("KAFKA_RESOURCE"), ClientID: get("AZURE_CLIENT_ID")},
		Extensions: map[string]string{
			"logicalCluster": get("KAFKA_LOGICAL_CLUSTER_ID"), "identityPoolId": get("KAFKA_IDENTITY_POOL_ID"),
		},
	}
	var others [][]byte
	for i := range 300 {
		others = append(others, fmt.Appendf(nil, "other %d", i))
	}
	if _, err := client.Produce(t.Context(), get("KAFKA_TOPIC"), others); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := proof.Run(t.Context(), func(name, _ string, took time.Duration) { t.Log(name, took) }); err != nil {
			t.Fatal(err)
		}
	}
}
