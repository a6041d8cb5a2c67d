package lab

import (
	"fmt"
	"strings"
)

// Settings are ready to paste into clients. heading sets off the title of each.
func Settings(e Env, heading func(string) string) string {
	var b strings.Builder
	part := func(title, body string) {
		b.WriteString(heading(title) + "\n")
		for line := range strings.Lines(body) {
			b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
		}
		b.WriteString("\n")
	}
	v := e.Get
	part("librdkafka (Python, Go, .NET, JavaScript, C; 2.12 or later): a managed identity through IMDS", fmt.Sprintf(
		`bootstrap.servers=%s
security.protocol=SASL_SSL
sasl.mechanisms=OAUTHBEARER
sasl.oauthbearer.method=oidc
sasl.oauthbearer.metadata.authentication.type=azure_imds
sasl.oauthbearer.token.endpoint.url=%s
sasl.oauthbearer.config=query=api-version=2025-04-07&resource=%s&client_id=%s
sasl.oauthbearer.extensions=logicalCluster=%s,identityPoolId=%s
ssl.ca.location=%s`,
		v("KAFKA_BOOTSTRAP_SERVER"), v("IMDS_TOKEN_URL"), v("KAFKA_RESOURCE"), v("AZURE_CLIENT_ID"),
		v("KAFKA_LOGICAL_CLUSTER_ID"), v("KAFKA_IDENTITY_POOL_ID"), v("KAFKA_CA_FILE")))
	part("Java (4.x; run it with -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls="+v("OAUTH_TOKEN_URL")+"): an application with a secret", fmt.Sprintf(
		`bootstrap.servers=%s
security.protocol=SASL_SSL
sasl.mechanism=OAUTHBEARER
sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler
sasl.oauthbearer.token.endpoint.url=%s
sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="%s" clientSecret="%s" scope="%s" extension_logicalCluster="%s" extension_identityPoolId="%s" ssl.truststore.type="PEM" ssl.truststore.location="%s";
ssl.truststore.type=PEM
ssl.truststore.location=%s`,
		v("KAFKA_BOOTSTRAP_SERVER"), v("OAUTH_TOKEN_URL"), v("OAUTH_CLIENT_ID"), v("OAUTH_CLIENT_SECRET"), v("OAUTH_SCOPE"),
		v("KAFKA_LOGICAL_CLUSTER_ID"), v("OAUTH_IDENTITY_POOL_ID"), v("KAFKA_CA_FILE"), v("KAFKA_CA_FILE")))
	part("curl: the tokens themselves", fmt.Sprintf(
		`curl -H Metadata:true '%s?api-version=2018-02-01&resource=%s&client_id=%s'
curl --cacert %s -d grant_type=client_credentials -d client_id=%s -d client_secret=%s -d scope=%s %s
curl --cacert %s -u %s:%s -d grant_type=client_credentials -d scope=%s %s`,
		v("IMDS_TOKEN_URL"), v("KAFKA_RESOURCE"), v("AZURE_CLIENT_ID"),
		v("KAFKA_CA_FILE"), v("OAUTH_CLIENT_ID"), v("OAUTH_CLIENT_SECRET"), v("OAUTH_SCOPE"), v("OAUTH_TOKEN_URL"),
		v("KAFKA_CA_FILE"), v("OKTA_CLIENT_ID"), v("OKTA_CLIENT_SECRET"), v("OKTA_SCOPE"), v("OKTA_TOKEN_URL")))
	return strings.TrimRight(b.String(), "\n") + "\n"
}
