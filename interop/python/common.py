"""What the Python clients here have in common: figures, deadlines, and what is done with
a client whose settings somebody else decides. settings is always a function that takes
more settings by name, dots as underscores, and returns all of them.
"""

import importlib.metadata
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, libversion

ENV = os.environ
RECORDS = 50
PATIENCE = 30.0  # seconds for anything that should succeed


def base(**more):
    """What every client here needs, whoever brings its tokens."""
    return {
        "bootstrap.servers": ENV["KAFKA_BOOTSTRAP_SERVER"],
        "client.id": "interop-python",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": ENV["KAFKA_CA_FILE"],
        "sasl.mechanisms": "OAUTHBEARER",
    } | dotted(more)


def dotted(names):
    return {name.replace("_", "."): value for name, value in names.items()}


def extensions(pool):
    return {"logicalCluster": ENV["KAFKA_LOGICAL_CLUSTER_ID"], "identityPoolId": pool}


def setting(pairs):
    """Pairs as librdkafka has them in one setting."""
    return ",".join(f"{name}={value}" for name, value in pairs.items())


def figure(text):
    print(f"figure: {text}", flush=True)


def expect(condition, words):
    if not condition:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {words}")


def until(condition, words):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        expect(time.monotonic() < deadline, words)
        time.sleep(0.1)


def keys(count=RECORDS):
    run = uuid.uuid4().hex[:8]
    return [f"{run}-{i}".encode() for i in range(count)]


def produce(producer, topic, keys):
    """Sends a record per key and returns the errors of those that failed."""
    errors = []
    for key in keys:
        producer.produce(topic, key=key, value=b"interop", on_delivery=lambda e, _: e and errors.append(e))
    left = producer.flush(PATIENCE)
    expect(left == 0, f"{left} records neither delivered nor refused within {PATIENCE:.0f} s")
    return errors


def consume(settings, group, topic, wanted, **more):
    """Reads the topic in a group until all wanted keys came, commits, leaves."""
    consumer = Consumer(settings(group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, **more))
    seen, missing, deadline = [], set(wanted), time.monotonic() + PATIENCE
    try:
        consumer.subscribe([topic])
        while missing:
            expect(time.monotonic() < deadline, f"{len(missing)} of {len(wanted)} records did not come back")
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            seen.append(message.key())
            missing.discard(message.key())
        consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    return seen


def sent(settings, **more):
    """Produces to the allowed topic; returns the keys, and when it began and ended."""
    wanted, began = keys(), time.monotonic()
    errors = produce(Producer(settings(**more)), ENV["KAFKA_TOPIC"], wanted)
    expect(not errors, f"refused: {errors[:1]}")
    return wanted, began, time.monotonic()


def roundtrip(settings):
    """Produces with idempotence and consumes in a classic group of its own."""
    wanted, began, produced = sent(settings, enable_idempotence=True)
    consume(settings, f"{ENV['KAFKA_GROUP']}-{uuid.uuid4().hex[:8]}", ENV["KAFKA_TOPIC"], wanted)
    figure(f"{RECORDS} produced {produced - began:.1f} s")
    figure(f"consumed {time.monotonic() - produced:.1f} s")
    figure(f"confluent-kafka {importlib.metadata.version('confluent-kafka')} librdkafka {libversion()[0]}")
