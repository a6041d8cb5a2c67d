"""Producing and consuming for longer than tokens live: every record comes once and in
order. How a client gets over the end of a token is watched from its own logs and figures.
"""

import json
import logging
import time
import uuid

from confluent_kafka import Consumer, KafkaError, Producer

from common import ENV, PATIENCE, expect, figure, until

PER_SECOND = 20  # records
TOKEN_LIFE = 20.0  # seconds, at most


class Renewed:
    """Clients that log in anew on their connections (librdkafka 2.2 and later): no error at all."""

    tolerated = ()

    def __init__(self):
        self.anew = 0
        self.logger, handler = logging.Logger("librdkafka"), logging.Handler()
        handler.emit = self.hear
        self.logger.addHandler(handler)

    def hear(self, record):
        self.anew += "in state REAUTH" in record.getMessage()

    def settings(self):
        return {"debug": "security", "logger": self.logger}

    def times(self):
        return self.anew, "logged in anew"


class Cut:
    """Clients that know no such thing: the connection is cut at the end of the token, they connect again."""

    tolerated = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)

    def __init__(self):
        self.cuts = {}

    def count(self, statistics):
        for name, broker in json.loads(statistics)["brokers"].items():
            self.cuts[name] = broker["disconnects"]

    def settings(self):
        return {"statistics.interval.ms": 500, "stats_cb": self.count}

    def times(self):
        return sum(self.cuts.values()), "was cut"


def renewal(settings, watch):
    """watch is Renewed or Cut. RENEWAL_SECONDS says for how long."""
    seconds, key, name = float(ENV["RENEWAL_SECONDS"]), uuid.uuid4().hex, f"{ENV['KAFKA_GROUP']}-{uuid.uuid4().hex[:8]}"
    errors, delivered, seen, watched = [], [], [], {"producer": watch(), "consumer": watch()}

    def failed(error):
        if error.code() not in watch.tolerated:
            errors.append(error)

    def delivery(error, message):
        (errors if error else delivered).append(error or message.value())

    def read():
        message = consumer.poll(0.05)
        if message is None:
            return
        if message.error():
            failed(message.error())
        elif message.key() == key.encode():
            seen.append(int(message.value()))

    producer = Producer(settings(enable_idempotence=True, acks="all") | watched["producer"].settings() | {"error_cb": failed})
    group = settings(group_id=name, auto_offset_reset="earliest")
    consumer = Consumer(group | watched["consumer"].settings() | {"error_cb": failed})
    consumer.subscribe([ENV["KAFKA_TOPIC"]])

    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        if passed * PER_SECOND > sent:
            producer.produce(ENV["KAFKA_TOPIC"], key=key, value=str(sent), on_delivery=delivery)
            sent += 1
        producer.poll(0)
        read()
    expect(producer.flush(PATIENCE) == 0, "records were left over")
    until(lambda: read() or len(seen) >= sent or errors, f"only {len(seen)} of {sent} records came back")
    for _ in range(20):  # a record that comes twice comes now
        read()
    consumer.close()
    expect(not errors, f"{len(errors)} errors: {errors[:3]}")
    expect(len(delivered) == sent, f"{len(delivered)} of {sent} records were delivered")
    expect(seen == list(range(sent)), f"{sent} records sent, {len(seen)} came back, {len(set(seen))} different ones")
    figure(f"{sent} records once and in order")
    for who, watching in watched.items():
        times, words = watching.times()
        figure(f"{who} {words} {times} times")
        expect(times >= seconds // TOKEN_LIFE / 2, f"the {who} {words} {times} times in {seconds:.0f} s")
