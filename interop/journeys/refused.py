"""refused.py: a producer with the client file LIBRDKAFKA_SETTINGS that is refused at
its login; prints the reference it was given.
"""

import os
import re
import sys
import time

from confluent_kafka import Producer

PATIENCE = 10.0  # seconds

with open(os.environ["LIBRDKAFKA_SETTINGS"], encoding="utf-8") as file:
    settings = dict(line.rstrip("\n").split("=", 1) for line in file)
words = []
producer = Producer(settings | {"error_cb": lambda error: words.append(error.str())})
producer.produce(os.environ["KAFKA_TOPIC"], b"never")
deadline = time.monotonic() + PATIENCE
while not (told := re.search(r"ref=(\w+)", " ".join(words))) and time.monotonic() < deadline:
    producer.poll(0.1)
producer.purge()
if not told:
    sys.exit(f"refused.py: no error carries ref=: {words[:3]}")
print(told[1])
