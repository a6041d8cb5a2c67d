#!/usr/bin/env bash
# Brings the jars of Apache Kafka, broker and tools, into .cache/kafka-libs.
source "$(dirname "$0")/../lib.sh"
need mvn java
once "$interop/kafka/pom.xml" "$kafka_libs" \
	mvn -B -q -f "$interop/kafka/pom.xml" -Dmaven.repo.local="$cache/m2" \
	dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$kafka_libs" ||
	die "Maven could not fetch the jars of Apache Kafka"
