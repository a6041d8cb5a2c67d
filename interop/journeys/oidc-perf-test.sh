#!/usr/bin/env bash
# oidc-perf-test.sh: any OIDC server, machine to machine, and Kafka's own perf test.
source "$(dirname "$0")/steps.sh"

pool=pool-cloudentity id=perf-test-m2m
port=$(free_row 1)
server=https://localhost:$port # where the servers of other shapes are
issuer=$server/klamm/lab
jwks=$issuer/.well-known/jwks.json

# The lab's own world, with the topic of Kafka's documentation, and issuer and JWKS typed by hand.
world perf ../../internal/lab/lab.yaml "s|\${CLOUDENTITY_ISSUER}|$issuer|" "s|\${CLOUDENTITY_JWKS}|$jwks|" \
	's/^    payroll:/    example: {partitions: 1}\n&/' "s/claims.sub == \"perf-test\"/claims.sub == \"$id\"/" '/User:pool-cloudentity/s/topic: orders/topic: example/'
lab_of perf --config "$work/perf.yaml" --okta-port "$port"
export KAFKA_TOPIC=example

discovery=$(web "$issuer/.well-known/openid-configuration")
token_url=$(member token_endpoint <<<"$discovery")
[ "$(member issuer <<<"$discovery")" = "$issuer" ] && [ "$(member jwks_uri <<<"$discovery")" = "$jwks" ] || die "discovery says otherwise: $discovery"
step 1 "authorization server $issuer: discovery at .well-known/openid-configuration, JWKS $jwks"

oidc() { "$klamm" lab oidc "$1" --at "$server" --ca "$KAFKA_CA_FILE" --json "${@:2}"; }
secret=$(oidc add-client --server cloudentity --client-id "$id" --auth-method client_secret_basic | member client_secret)
web -u "$id:$secret" -d grant_type=client_credentials "$token_url" | decoded
want "iss=\"$issuer\"" "aud=[\"$id\", \"api://klamm-lab\"]"
step 2 "application $id with client_secret_basic: a token from $token_url, aud $(claim aud)"
not_here 3 "the form of the Confluent console, and a field for the discovery URL: issuer and JWKS suffice"
step 3 "provider op-cloudentity of no special type, issuer and JWKS typed by hand"
step 4 "pool $pool, filter on claims.aud and claims.sub; it may write to example and nothing else"

# Java trusts the lab's CA as a whole, so that the JAAS line needs no more words.
keytool -importcert -noprompt -alias lab -file "$KAFKA_CA_FILE" -keystore "$work/trust.p12" -storetype PKCS12 -storepass changeit >/dev/null 2>&1
export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=$work/trust.p12 -Djavax.net.ssl.trustStorePassword=changeit"
(umask 077 && cat >"$work/client.properties") <<PROPERTIES
security.protocol=SASL_SSL
sasl.mechanism=OAUTHBEARER
sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler
sasl.oauthbearer.token.endpoint.url=$token_url
sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="$id" clientSecret="$secret" extension_logicalCluster='$KAFKA_LOGICAL_CLUSTER_ID' extension_identityPoolId='$pool';
PROPERTIES
step 5 "client file: token endpoint, and a JAAS line without scope, single beside double quotes"

export JAVA_SETTINGS=$work/client.properties JAVA_ALLOWED_URLS=$token_url
bash "$interop/java/client.sh" pasted produce >"$work/produce" 2>&1 &
producing=$!
on_exit end "$producing"
in_use() { web "$KLAMM_OPS_URL/sessions" | grep -F -e "User:$pool"; }
wait_for 20 "a session of $pool" in_use || die "$(tail -n 5 "$work/produce")"
sessions=$(in_use | wc -l)
wait "$producing" || die "$(tail -n 5 "$work/produce")"
closing=$(grep '^50 records sent.* 99\.9th\.$' "$work/produce") || die "no closing line: $(tail -n 5 "$work/produce")"
step 6 "$closing"

oidc issued | python3 -m json.tool >"$work/issued"
grep -q -F "\"client_id\": \"$id\"" "$work/issued" || die "the server's list does not show $id: $(cat "$work/issued")"
not_here 7 "Confluent Cloud's audit topic: klamm serve writes the same events to a file (scenario serve); the lab keeps them in memory for klamm explain"
bash "$interop/java/client.sh" pasted forbidden >"$work/forbidden" 2>&1 &
refusing=$!
on_exit end "$refusing"
explained() {
	"$klamm" explain --principal "$id" --last | tr -s ' \n' ' ' >"$work/why"
	grep "User:$pool .*on Topic $KAFKA_FORBIDDEN_TOPIC .*refused as missing-role-binding" "$work/why"
}
wait_for 20 "an explanation of who was refused" explained || die "$(tail -n 5 "$work/forbidden" "$work/why")"
end "$refusing"
step 7 "the server's list shows $(grep -c -F "\"client_id\": \"$id\"" "$work/issued") tokens of $id; klamm: $sessions sessions of User:$pool, and explain --principal $id tells its refusal on $KAFKA_FORBIDDEN_TOPIC"
