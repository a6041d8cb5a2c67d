"""streaming.py: produces and consumes until the file STREAM_UNTIL exists.

Every record comes once and in order, whatever happens to the cluster meanwhile. Says
"streaming" when records come; what librdkafka is told goes to its log, as text.
"""

import os
import threading
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer

from client import settings
from common import ENV, PATIENCE, expect, figure

PARTITIONS = 3
DEBUG = "broker,metadata,topic"


class Sent:
    def __init__(self, run):
        self.run, self.counts, self.errors, self.done = run, [0] * PARTITIONS, [], False

    def until_stopped(self):
        producer = Producer(settings(enable_idempotence=True, linger_ms=0, debug=DEBUG))
        while not os.path.exists(ENV["STREAM_UNTIL"]):
            for partition in range(PARTITIONS):
                producer.produce(
                    ENV["STREAM_TOPIC"], str(self.counts[partition]), self.run, partition, on_delivery=self.delivered
                )
                self.counts[partition] += 1
            producer.poll(0.005)
        left = producer.flush(PATIENCE)
        if left:
            self.errors.append(f"{left} records were not delivered")
        self.done = True

    def delivered(self, error, message):
        if error:
            self.errors.append(f"partition {message.partition()}: {error}")


def came_back(sent):
    """Reads until all that was sent came, and a second more for what comes twice."""
    group = {"group_id": f"cluster-{sent.run}", "group_protocol": ENV["STREAM_GROUP_PROTOCOL"]}
    consumer = Consumer(settings(auto_offset_reset="earliest", debug=DEBUG, **group))
    consumer.subscribe([ENV["STREAM_TOPIC"]])
    came, stopped, enough = [0] * PARTITIONS, None, None
    while enough is None or time.monotonic() < enough:
        expect(not sent.errors, f"produce: {sent.errors[:3]}")
        if sent.done and stopped is None:
            stopped = time.monotonic()
        expect(stopped is None or time.monotonic() < stopped + PATIENCE, f"{came} of {sent.counts} came back")
        if enough is None and sent.done and came == sent.counts:
            enough = time.monotonic() + 1
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        if message.key() != sent.run.encode():
            continue
        due = came[message.partition()]
        expect(int(message.value()) == due, f"record {message.value()} of partition {message.partition()} came when {due} was due")
        came[message.partition()] += 1
        if sum(came) == 1:
            print("streaming", flush=True)
    consumer.close()
    return sum(came)


if __name__ == "__main__":
    sent = Sent(uuid.uuid4().hex)
    thread = threading.Thread(target=sent.until_stopped, daemon=True)
    thread.start()
    figure(f"{came_back(sent)} records once and in order")
