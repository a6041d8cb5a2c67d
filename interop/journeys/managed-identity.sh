#!/usr/bin/env bash
# managed-identity.sh: a user-assigned managed identity with stock clients.
source "$(dirname "$0")/steps.sh"
application=1f6dc1f5-3b0f-4a57-9c0e-52a8e6f0a7d2

settings() { # settings NAME EXTENSIONS...: those of librdkafka, letter by letter.
	librdkafka "$1" "sasl.oauthbearer.metadata.authentication.type=azure_imds" "sasl.oauthbearer.token.endpoint.url=$IMDS_TOKEN_URL" \
		"sasl.oauthbearer.config=query=api-version=2025-04-07&resource=$KAFKA_RESOURCE&client_id=$AZURE_CLIENT_ID" "${@:2}"
}
extensions=sasl.oauthbearer.extensions=logicalCluster=lkc-managed,identityPoolId=pool-managed

not_here 1 "Azure's portal and its manifest editor: klamm lab entra app does the same"
port=$(free_row 2) # the broker has the port after it
lab_of managed --config "$journeys/managed-identity.yaml" --kafka-port "$port"
registered=$KAFKA_RESOURCE imds_url=${IMDS_TOKEN_URL%/metadata/*}
identity() { imds "$1" -d "client_id=$AZURE_CLIENT_ID" | decoded; }
v1=https://sts.windows.net/$AZURE_TENANT_ID/ v2=https://login.microsoftonline.com/$AZURE_TENANT_ID/v2.0
identity "$KAFKA_RESOURCE"
want "iss=\"$v1\"" 'ver="1.0"'
settings v1.properties "$extensions"
refused unknown-issuer
[[ $why == *requestedAccessTokenVersion* ]] || die "the mend does not name the manifest"
app set --id kafka --requested-access-token-version 2 --identifier-uris "$KAFKA_RESOURCE" --identifier-uris "localhost:$port" >/dev/null
identity "$KAFKA_RESOURCE"
want "iss=\"$v1\"" # for the platform keeps it
step 1 "tenant $AZURE_TENANT_ID; before the manifest change ver 1.0, refused as unknown-issuer, mend: requestedAccessTokenVersion 2; after it IMDS still has the old token in its cache"

imported=$(imported "$AZURE_TENANT_ID")
step 2 "provider from the tenant id alone: $imported"
not_here 2 "the key set at that address: the lab's provider takes that of its own emulator for the same issuer"
step 3 "pool pool-managed: claims.aud == \"$application\""
export KAFKA_RESOURCE=$KAFKA_BOOTSTRAP_SERVER # without a scheme
step 4 "App ID URI is the bootstrap endpoint: $KAFKA_RESOURCE; app role Kafka.Write"

identity "$KAFKA_RESOURCE"
want "iss=\"$v2\"" "aud=\"$application\"" "azp=\"$AZURE_CLIENT_ID\"" \
	'ver="2.0"' 'roles=["Kafka.Write"]'
"$klamm" lab imds clear-cache --at "$imds_url" >/dev/null
identity "$registered"
want "iss=\"$v2\""
step 5 "token decoded: iss $(claim iss), aud $(claim aud), ver $(claim ver); with its cache cleared IMDS has v2 for $registered as well"

not_here 6 "io.confluent.security.auth.client.oauth.UamiJwtRetriever; its URL by curl, and Java with the token in a file"
encoded=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$KAFKA_RESOURCE")
web -H Metadata:true "$IMDS_TOKEN_URL?api-version=2025-04-07&resource=$encoded&client_id=$AZURE_CLIENT_ID" | decoded
want "azp=\"$AZURE_CLIENT_ID\""
web -H Metadata:true "$IMDS_TOKEN_URL?api-version=2025-04-07&resource=$encoded" | decoded
want 'azp="7a1de0f4-94cf-4a0f-8f4e-b0b6b7a3c2d8"'
bash "$interop/java/client.sh" file produce >"$work/java" 2>&1 || die "$(tail -n 5 "$work/java")"
step 6 "resource=$encoded: with client_id the user-assigned identity answers, without it the system-assigned one; Java: $(grep -o '50 records sent' "$work/java" | head -n 1)"

settings v2.properties "$extensions"
roundtrip
settings plain.properties
refused missing-logical-cluster
step 7 "librdkafka, azure_imds: $(sed -n 's/^figure: //p' "$work/roundtrip" | paste -s -d, | sed 's/,/, /g'); without extensions refused as missing-logical-cluster"
not_here 7 "samples with SASL_PLAINTEXT: the lab has no listener without TLS"

settings v2.properties "$extensions"
"$klamm" lab imds fault --at "$imds_url" --status 503 --times 1 >/dev/null
roundtrip
identity "$KAFKA_RESOURCE" # works, so the fault was met
metrics=$(web "$KLAMM_OPS_URL/metrics" | sed -n 's/^klamm_login_seconds_count{outcome="\([^"]*\)"} \(.*\)/\2 \1/p' | paste -s -d, | sed 's/,/, /g')
issued=$(web "${JWKS_URL%%/"$AZURE_TENANT_ID"*}/_lab/issued" | grep -c "$AZURE_CLIENT_ID" || true)
[ "$issued" -gt 0 ] || die "Entra's list of issued tokens does not name the identity"
"$klamm" lab imds unassign --at "$imds_url" --name orders-app >/dev/null
if identity "$KAFKA_RESOURCE" 2>"$work/unassigned"; then die "an identity that the machine no longer has gets a token"; fi
step 8 "IMDS answers 503 once, and the client tries again: $(sed -n "s/^figure: \(50 produced.*\)/\1/p" "$work/roundtrip"); logins as klamm counts them: $metrics; Entra's list of issued tokens names the identity; unassigned, it gets no token any more"
not_here 8 "a second machine to fail over to; refresh is watched in the scenario renewal"
