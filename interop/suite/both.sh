#!/usr/bin/env bash
# both.sh SUITE DIR SECONDS together|apart: runs DIR/SUITE.test against Kafka itself and
# behind klamm, at the same time or one after the other, each for at most so many
# seconds, and compares. What did not end as it should is run once more, alone: some of
# the tests are in a hurry, which a busy machine is not. Reads environment variables
# only; those of kgo's tests pass.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 4 ] || die "usage: both.sh SUITE DIR SECONDS together|apart"
suite=$1 dir=$2 seconds=$3 order=$4
export KGO_LOG_LEVEL=${KGO_LOG_LEVEL:-none} KGO_TEST_RF=1
cd "$repo"
cd "$(go list -f '{{.Dir}}' github.com/twmb/franz-go/pkg/kgo)" # one of its tests reads its source

again=$dir/$suite-again # what is to be run again, as a regular expression
rm -f "$again" "$dir/$suite"-*.json*

directly() { side directly "$1" "$2" "KGO_SEEDS=$KAFKA_UPSTREAM_PLAINTEXT"; }
behind() { side behind "$1" "$2" "KGO_SEEDS=$KAFKA_BOOTSTRAP_SERVER" "KGO_TEST_OAUTH=pool-suite"; }

side() { # side NAME TESTS PARALLEL VARIABLE...; that tests fail is for compare.py to judge
	env "${@:4}" go tool test2json -t "$dir/$suite.test" -test.v=test2json -test.run "$2" -test.parallel "$3" -test.timeout "${seconds}s" \
		>>"$dir/$suite-$1.json" 2>"$dir/$suite-$1.log" || true
}

compare() {
	python3 "$interop/suite/compare.py" "$suite" "$dir/$suite-directly.json" "$dir/$suite-behind.json" "$interop/suite/differs.txt" "$@"
}

directly . 8 &
[ "$order" = together ] || wait
behind . 8
wait
compare "$again"
[ -e "$again" ] || exit 0
directly "$(cat "$again")" 1
behind "$(cat "$again")" 1
compare
