#!/usr/bin/env bash
# compare.sh SECONDS [SEED]: klamm's readers of requests and answers against Apache
# Kafka's own, which Parser.java asks (TestKafkaParser says how): a fixed corpus, then
# for SECONDS what was changed at random. Needs Go, Java 17 and Kafka's jars.
source "$(dirname "$0")/../lib.sh"
need go java
[ -d "$kafka_libs" ] || die "$kafka_libs: no such folder; interop/run.sh fetches Kafka's jars into it"
cd "$repo"
export PARSER_KAFKA=$kafka_libs PARSER_SECONDS=$1 PARSER_SEED=${2:-1}
go test -count=1 -v -timeout "$((PARSER_SECONDS + 600))s" -run '^TestKafkaParser$' ./internal/kafka/api
