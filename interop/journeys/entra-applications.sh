#!/usr/bin/env bash
# entra-applications.sh: Entra ID applications, from nothing to roles, and from development to production.
source "$(dirname "$0")/steps.sh"
role=dev.environmentAdmin

dev() { # dev NAME ROLE: the world of the development cluster.
	world "$1" entra-applications.yaml 's/@CLUSTER@/dev/g' "s/@ROLE@/$2/g" 's/@ISSUER@/${ENTRA_ISSUER}/g' 's/@JWKS@/${ENTRA_JWKS}/g' 's/@CA@/${CA}/g'
}

token() { # as the documentation has it
	web -X POST -H 'Content-Type: application/x-www-form-urlencoded' \
		-d "client_id=$OAUTH_CLIENT_ID&scope=$OAUTH_SCOPE&client_secret=$OAUTH_CLIENT_SECRET&grant_type=client_credentials" \
		"$OAUTH_TOKEN_URL"
}

settings() { # settings CLUSTER POOL: client credentials, for librdkafka.
	librdkafka "$2.properties" "sasl.oauthbearer.token.endpoint.url=$OAUTH_TOKEN_URL" "https.ca.location=$OAUTH_CA_FILE" \
		"sasl.oauthbearer.client.id=$OAUTH_CLIENT_ID" "sasl.oauthbearer.client.secret=$OAUTH_CLIENT_SECRET" \
		"sasl.oauthbearer.scope=$OAUTH_SCOPE" "sasl.oauthbearer.extensions=logicalCluster=$1,identityPoolId=$2"
}

# powerless POOL: the client logs in and may do nothing, for want of a role binding here.
powerless() {
	if (roundtrip) 2>"$work/powerless"; then die "$1 works on $KAFKA_LOGICAL_CLUSTER_ID"; fi
	grep -q TOPIC_AUTHORIZATION_FAILED "$work/powerless" || die "$(cat "$work/powerless")"
	"$klamm" explain --principal "User:$1" --last | tee "$work/why" >&2
	grep -q 'refused as missing-role-binding' "$work/why" || die "$1 lacks something else than a role binding"
}

not_here 1 "Azure's portal: klamm lab entra app does the same"
dev dev "$role"
lab_of dev --config "$work/dev.yaml"
application=$(app create --display-name my-kafka | member app.appId)
app add-role --id my-kafka --value "$role" --display-name 'Environment admin' --description 'May do all on dev' >/dev/null
export OAUTH_SCOPE=api://$application/.default
token | decoded
want "iss=\"https://sts.windows.net/$AZURE_TENANT_ID/\"" "aud=\"api://$application\"" 'ver="1.0"'
app set --id my-kafka --requested-access-token-version 2 >/dev/null
token | decoded
want "aud=\"$application\"" 'ver="2.0"'
discovery=$(web "${JWKS_URL%/discovery/*}/v2.0/.well-known/openid-configuration")
for url in "https://login.microsoftonline.com/$AZURE_TENANT_ID/v2.0" "$OAUTH_TOKEN_URL" "$JWKS_URL"; do
	[[ $discovery == *"\"$url\""* ]] || die "discovery does not name $url: $discovery"
done
step 1 "application api://$application with role $role; before the manifest change ver 1.0, after it $(claim ver); discovery names issuer, token endpoint and JWKS"

client=$(app create --display-name my-client | member app.appId)
secret=$(app add-secret --id my-client | member secret.secretText)
[[ $(app list) != *"$secret"* ]] || die "the secret is shown again"
export OAUTH_CLIENT_ID=$client OAUTH_CLIENT_SECRET=$secret
app add-permission --id my-client --api my-kafka --role "$role" >/dev/null
token | decoded
lacks roles
settings lkc-dev pool-dev
refused filter-error
[[ $why == *"no app role of this application is assigned"* ]] || die "the mend does not say that no role is assigned"
app grant-consent --id my-client >/dev/null
token | decoded
want "roles=[\"$role\"]"
step 2 "client $client, its secret shown once; before consent no roles, refused as filter-error; after it roles $(claim roles)"

want 'token_type="Bearer"' 'expires_in=3599' 'ext_expires_in=3599' "aud=\"$application\"" "azp=\"$client\"" 'azpacr="1"' \
	"iss=\"https://login.microsoftonline.com/$AZURE_TENANT_ID/v2.0\"" "tid=\"$AZURE_TENANT_ID\"" 'ver="2.0"' 'exp-iat=3900'
[ -n "$(claim uti)" ] && [ "$(claim oid)" = "$(claim sub)" ] || die "no uti, or oid is not sub"
step 3 "token by curl: aud $(claim aud), azp $(claim azp), azpacr $(claim azpacr), exp - iat $(claim exp-iat), ver $(claim ver)"

imported=$(imported "$AZURE_TENANT_ID")
step 4 "provider \"Azure AD\", imported from the tenant id: $imported"
not_here 4 "the key set at that address: the lab's provider takes that of its own emulator for the same issuer"
step 5 "pool pool-dev: identity claim claims.azp, filter '$role' in claims.roles"
step 6 "role binding: CloudClusterAdmin on lkc-dev"
dev typo "x' is 'y"
if "$klamm" lab --config "$work/typo.yaml" --ports auto -- true >"$work/typo.log" 2>&1; then die "a pool with a wrong filter was accepted"; fi
step 7 "saved and in force: pool-dev; a filter with a mistake starts nothing: $(head -n 1 "$work/typo.log" | cut -c 1-160)"

bash "$interop/java/client.sh" entra produce >"$work/java" 2>&1 || die "$(tail -n 5 "$work/java")"
settings lkc-dev pool-dev
roundtrip
step 8 "Java: $(grep -o '50 records sent' "$work/java" | head -n 1); librdkafka: 50 records there and back; by JAAS clientId, scope, clientSecret, extension_*"
not_here 9 "Confluent's CLI and REST lists of clusters and pools: their ids stand in the environment file: $KAFKA_LOGICAL_CLUSTER_ID, $OAUTH_IDENTITY_POOL_ID"

# Production trusts the tenant of development.
dev_bootstrap=$KAFKA_BOOTSTRAP_SERVER
world prod entra-applications.yaml 's/@CLUSTER@/prod/g' "s/@ROLE@/$role/g" "s|@ISSUER@|$(claim iss)|" "s|@JWKS@|$JWKS_URL|" "s|@CA@|$KAFKA_CA_FILE|"
lab_of prod --config "$work/prod.yaml"
the_same() { # the identity stays the one of dev, its token endpoint too
	OAUTH_TOKEN_URL=$(sed -n 's/^OAUTH_TOKEN_URL=//p' "$work/dev.env") OAUTH_CA_FILE=$(sed -n 's/^KAFKA_CA_FILE=//p' "$work/dev.env")
	OAUTH_CLIENT_ID=$client OAUTH_CLIENT_SECRET=$secret OAUTH_SCOPE=api://$application/.default
}
the_same
settings lkc-prod pool-prod
roundtrip
settings lkc-prod pool-dev
powerless pool-dev
enter dev
the_same
settings lkc-dev pool-prod
powerless pool-prod
step 10 "promotion: $client works on $dev_bootstrap with pool-dev, on lkc-prod with pool-prod; each pool is refused on the other cluster as missing-role-binding"
