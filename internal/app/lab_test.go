package app

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// TestEmulatorsSpeakBoth: each emulator answers over HTTP, and over HTTPS with
// the lab's authority, with the same.
func TestEmulatorsSpeakBoth(t *testing.T) {
	t.Parallel()
	l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.ca.Pool()}}}
	defer client.CloseIdleConnections()
	e := l.emulators
	for path, bases := range map[string][]string{
		"/" + e.tenant + "/discovery/v2.0/keys": {e.entraURL, e.entraHTTP},
		"/oauth2/default/v1/keys":               {e.oktaURL, e.oktaHTTP},
		"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" + url.QueryEscape(l.Env.Get("KAFKA_RESOURCE")): {e.imdsURL, e.imdsTLS},
	} {
		var answers []string
		for _, base := range bases {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Metadata", "true")
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%s%s: %s, %v", base, path, resp.Status, err)
			}
			var members map[string]any
			if err := json.Unmarshal(body, &members); err != nil {
				t.Errorf("%s%s: %v", base, path, err)
			}
			answers = append(answers, fmt.Sprint(members["keys"], members["access_token"]))
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: two answers", path)
		}
	}
}
