#!/usr/bin/env bash
# fetch.sh [VERSION DIR]: brings the jars of Apache Kafka, broker and tools, into
# .cache/kafka-libs; those of another VERSION into DIR.
source "$(dirname "$0")/../lib.sh"
need mvn java
version=${1:+-Dkafka.version=$1} dir=${2:-$kafka_libs}
once "$interop/kafka/pom.xml" "$dir" \
	mvn -B -q -f "$interop/kafka/pom.xml" ${version:+"$version"} -Dmaven.repo.local="$cache/m2" \
	dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir" ||
	die "Maven could not fetch the jars of Apache Kafka"
