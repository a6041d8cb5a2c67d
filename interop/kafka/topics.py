"""topics.py HOST:PORT NAME...: makes topics on a plaintext listener, past the gateway."""

import sys

from confluent_kafka.admin import AdminClient, NewTopic

address, *names = sys.argv[1:]
client = AdminClient({"bootstrap.servers": address})
for topic in client.create_topics([NewTopic(name, num_partitions=3) for name in names]).values():
    topic.result(20)
