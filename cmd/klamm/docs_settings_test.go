package main

import (
	"net/url"
	"os"
	"strings"
)

const clientPages = "docs/clients/"

// specimens puts the lab's values in place of those that the pages of clients
// use; dir is in place of the folder of a token file.
func specimens(text string, lab map[string]string, dir string) string {
	if lab["KAFKA_BOOTSTRAP_SERVER"] == "" {
		return text
	}
	return strings.NewReplacer(
		"kafka.example.com:9092", lab["KAFKA_BOOTSTRAP_SERVER"],
		"/etc/klamm/ca.pem", lab["KAFKA_CA_FILE"],
		"/etc/ssl/certs/ca-certificates.crt", lab["KAFKA_CA_FILE"],
		"lkc-orders", lab["KAFKA_LOGICAL_CLUSTER_ID"],
		"pool-orders", lab["KAFKA_IDENTITY_POOL_ID"],
		"pool-billing", lab["OAUTH_IDENTITY_POOL_ID"],
		"api://kafka", lab["KAFKA_RESOURCE"],
		url.QueryEscape("api://kafka"), url.QueryEscape(lab["KAFKA_RESOURCE"]),
		"9f3b5c1e-2a74-4b41-8a39-0c7d1f6e2b90", lab["AZURE_CLIENT_ID"],
		"http://169.254.169.254/metadata/identity/oauth2/token", lab["IMDS_TOKEN_URL"],
		"https://login.microsoftonline.com/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token", lab["OAUTH_TOKEN_URL"],
		"5c8f7a35-3c0e-4c13-9e86-6bb16cb1dd5b", lab["OAUTH_CLIENT_ID"],
		"client-secret", lab["OAUTH_CLIENT_SECRET"],
		"/run/kafka/", dir+"/",
	).Replace(text)
}

// settingsOf are those in a folder's lab.env.
func settingsOf(dir string) map[string]string {
	text, _ := os.ReadFile(dir + "/" + labSettings)
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		all[name] = value
	}
	return all
}
