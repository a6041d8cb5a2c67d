# Helpers of the journeys: sourced, never run. Each journey is something that people do
# today with Confluent Cloud and Azure; here its steps meet `klamm lab`.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need curl python3 java keytool openssl
journeys=$interop/journeys
klamm=$repo/bin/klamm
python=$cache/venv/bin/python
export NO_PROXY=127.0.0.1,localhost,${NO_PROXY:-} no_proxy=127.0.0.1,localhost,${no_proxy:-}
work=$(mktemp -d)
on_exit rm -rf "$work"

# step NUMBER WORDS: one line for each step that was done.
step() { printf '%s %s\n' "$1" "$2"; }

# not_here NUMBER WORDS: what cannot be had on this machine, said aloud.
not_here() { printf '%s not here: %s\n' "$1" "$2"; }

# world NAME TEMPLATE SED_EXPRESSION...: the journey's own world.
world() {
	local name=$1 template=$2 expressions=() expression
	shift 2
	for expression in "$@"; do expressions+=(-e "$expression"); done
	sed "${expressions[@]}" "$journeys/$template" >"$work/$name.yaml"
	! grep -H -n '@[A-Z]*@' "$work/$name.yaml" || die "the world $name is incomplete"
}

# free_row N: a free port that is followed by free ones, N together. It is below
# those that the system gives away.
free_row() {
	python3 - "$1" <<-'PY'
		import random, socket, sys
		def free(port):
		    with socket.socket() as s:
		        return s.connect_ex(("127.0.0.1", port)) != 0
		port = 0
		while not port or not all(free(port + i) for i in range(int(sys.argv[1]))):
		    port = random.randrange(20000, 30000)
		print(port)
	PY
}

# lab_of NAME ARGUMENT...: a lab and its environment. With a command of its own it
# leaves the proof out, which would fail in a world that is meant to refuse.
lab_of() {
	local name=$1
	shift
	"$klamm" lab --ports auto --env-file "$work/$name.env" "$@" -- sleep 300 >"$work/$name.log" 2>&1 </dev/null &
	started=$!
	on_exit end "$started"
	up_or_ended() { [ -s "$work/$name.env" ] || gone "$started"; }
	wait_for 20 "lab $name" up_or_ended
	[ -s "$work/$name.env" ] || die "lab $name: $(cat "$work/$name.log")"
	enter "$name"
}

# enter NAME: the environment of a lab that runs.
enter() {
	load_env "$work/$1.env"
	export OAUTH_CA_FILE=$KAFKA_CA_FILE
}

# app COMMAND ARGUMENT...: what Azure's portal does, in the lab's Entra ID.
app() { "$klamm" lab entra app "$1" --at "${JWKS_URL%%/"$AZURE_TENANT_ID"*}" --json "${@:2}"; }

# web ARGUMENT...: curl, as a user has it with the lab's CA.
web() { curl --silent --show-error --fail --max-time 10 --cacert "$KAFKA_CA_FILE" "$@"; }

# imds RESOURCE ARGUMENT...: asks IMDS for a token.
imds() {
	web -G -H Metadata:true --data-urlencode 'api-version=2025-04-07' --data-urlencode "resource=$1" "${@:2}" "$IMDS_TOKEN_URL"
}

# member PATH: of a JSON object from standard input, such as app.appId.
member() {
	python3 -c 'import functools, json, sys; print(functools.reduce(dict.get, sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}

# decoded: of a token endpoint's answer, a line NAME=JSON for each member and each
# claim, into $work/claims.
decoded() { python3 "$journeys/decoded.py" >"$work/claims"; }

# claim NAME: its value, without quotes.
claim() { sed -n "s/^$1=//p" "$work/claims" | tr -d '"'; }

# want LINE...: lines that stand among the claims exactly so.
want() {
	local line
	for line in "$@"; do grep -q -x -F -e "$line" "$work/claims" || die "wanted $line, the token has $(grep "^${line%%=*}=" "$work/claims" || echo none)"; done
}

lacks() { ! grep "^$1=" "$work/claims" || die "the token has $1"; }

# librdkafka NAME LINE...: a client file, with what every client needs.
librdkafka() {
	printf '%s\n' "bootstrap.servers=$KAFKA_BOOTSTRAP_SERVER" "security.protocol=SASL_SSL" "ssl.ca.location=$KAFKA_CA_FILE" \
		"sasl.mechanisms=OAUTHBEARER" "sasl.oauthbearer.method=oidc" "${@:2}" >"$work/$1"
	export LIBRDKAFKA_SETTINGS=$work/$1
}

# refused CODE: the client of LIBRDKAFKA_SETTINGS is refused, and klamm explains why: in $why.
refused() {
	local ref
	ref=$("$python" "$journeys/refused.py") || die "no client was refused as $1: $ref"
	"$klamm" explain "$ref" | tee "$work/why" >&2
	why=$(tr -s ' \n' ' ' <"$work/why") # without its line breaks
	[[ $why == *"refused as $1"* ]] || die "the refusal is not $1"
}

# roundtrip: produces 50 records and, in a group, consumes them.
roundtrip() { "$python" "$interop/python/client.py" classic >"$work/roundtrip" 2>&1 || die "$(tail -n 5 "$work/roundtrip")"; }

# imported TENANT: what klamm makes of a provider that is given a tenant id alone, in its own words.
imported() {
	local dir=$work/imported
	mkdir -p "$dir/identity"
	make_ca "$dir"
	make_cert "$dir" klamm DNS:localhost
	cat >"$dir/klamm.yaml" <<-YAML
		version: 1
		listeners: {kafka: {address: "127.0.0.1:0", tls: {cert: klamm.crt, key: klamm.key}, brokers: {ports: auto}}}
		clusters: {lkc-imported: {bootstrap: ["127.0.0.1:9092"]}}
		identity: {files: ./identity}
		audit: {file: audit.jsonl}
	YAML
	cat >"$dir/identity/all.yaml" <<-YAML
		{kind: Organization, id: 6a4e3a2c-0b0f-4a65-9a4e-3f1d5d0c7e21, environment: env-imported}
		---
		{kind: IdentityProvider, id: op-entra, entra_tenant: $1}
	YAML
	"$klamm" check -c "$dir/klamm.yaml" | grep -o -m 1 'Tokens of https://login.microsoftonline.com/.* with the keys at [^ ]*[^. ]'
}
