#!/usr/bin/env bash
# both.sh SUITE DIR SECONDS together|apart: runs DIR/SUITE.test against Kafka itself and
# behind klamm, at the same time or one after the other, each for at most so many
# seconds, and compares. Reads environment variables only; those of kgo's tests pass.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 4 ] || die "usage: both.sh SUITE DIR SECONDS together|apart"
suite=$1 dir=$2 seconds=$3 order=$4
export KGO_LOG_LEVEL=${KGO_LOG_LEVEL:-none} KGO_TEST_RF=1
cd "$repo"
cd "$(go list -f '{{.Dir}}' github.com/twmb/franz-go/pkg/kgo)" # one of its tests reads its source

side() { # side NAME VARIABLE...; that tests fail is for compare.py to judge
	env "${@:2}" go tool test2json -t "$dir/$suite.test" -test.v=test2json -test.parallel 8 -test.timeout "${seconds}s" \
		>"$dir/$suite-$1.json" 2>"$dir/$suite-$1.log" || true
}

side directly "KGO_SEEDS=$KAFKA_UPSTREAM_PLAINTEXT" &
[ "$order" = together ] || wait
side behind "KGO_SEEDS=$KAFKA_BOOTSTRAP_SERVER" "KGO_TEST_OAUTH=pool-suite"
wait
python3 "$interop/suite/compare.py" "$suite" "$dir/$suite-directly.json" "$dir/$suite-behind.json" "$interop/suite/differs.txt"
