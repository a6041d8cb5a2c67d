"""confluent-kafka as shipped, with azure_imds: settings only, no token code of ours.

    client.py WHAT

reads environment variables only (see `klamm lab --env-file`), does one thing,
prints lines "figure: ..." and ends with 0 when it went as it should.
"""

import re
import sys
import time
import uuid

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic

import common
import renewing
from common import ENV, PATIENCE, base, consume, dotted, expect, extensions, figure, keys, produce, setting, until

WORDS_WITHIN = 15.0  # seconds until a refused client has our words
LOGINS_WATCHED = 10.0  # seconds during which its logins are counted
LOGINS_PER_SECOND = 2.0


def settings(**more):
    """What an application's configuration file would hold; pool is our only parameter.

    The file that LIBRDKAFKA_SETTINGS names, if any, is used as it stands. Without
    IMDS_TOKEN_URL the client goes where Azure has that service.
    """
    if "LIBRDKAFKA_SETTINGS" in ENV:
        with open(ENV["LIBRDKAFKA_SETTINGS"], encoding="utf-8") as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file) | dotted(more)
    pool = more.pop("pool", ENV["KAFKA_IDENTITY_POOL_ID"])
    query = f"api-version=2025-04-07&resource={ENV['KAFKA_RESOURCE']}&client_id={ENV['AZURE_CLIENT_ID']}"
    return (
        base(**more)
        | {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.metadata.authentication.type": "azure_imds",
            "sasl.oauthbearer.config": f"query={query}",
            "sasl.oauthbearer.extensions": setting(extensions(pool)),
        }
        | ({"sasl.oauthbearer.token.endpoint.url": ENV["IMDS_TOKEN_URL"]} if "IMDS_TOKEN_URL" in ENV else {})
    )


def classic():
    """Produces with idempotence and consumes in a classic group."""
    common.roundtrip(settings)


def kip848():
    """The same with a group of the new protocol."""
    group = f"{ENV['KAFKA_GROUP']}-848"
    wanted, _, produced = common.sent(settings)
    consume(settings, group, ENV["KAFKA_TOPIC"], wanted, group_protocol="consumer")
    figure(f"consumed {time.monotonic() - produced:.1f} s")


def expression():
    """A group of the new protocol that subscribes by a regular expression: it gets the topics of it that the
    role covers, those that are made later too, and none of the others."""
    admin, run = AdminClient(settings()), uuid.uuid4().hex[:8]
    topics = [f"{ENV['KAFKA_TOPIC']}.{run}-{i}" for i in (1, 2)]
    make = lambda topic: admin.create_topics([NewTopic(topic, num_partitions=1)])[topic].result(PATIENCE)
    group = {"group_id": f"{ENV['KAFKA_GROUP']}-{run}", "group_protocol": "consumer", "auto_offset_reset": "earliest"}
    make(topics[0])
    consumer = Consumer(settings(**group))
    consumer.subscribe([f"^(.*[.]{run}-.*|{ENV['KAFKA_FORBIDDEN_TOPIC']})$"])
    try:
        for topic in topics:
            if topic != topics[0]:
                make(topic)
            wanted, made = keys(3), time.monotonic()
            expect(not produce(Producer(settings()), topic, wanted), "refused on its own topic")
            while wanted:
                expect(time.monotonic() - made < PATIENCE, f"{len(wanted)} records of {topic} did not come")
                message = consumer.poll(1.0)
                if message is not None:
                    expect(message.error() is None, f"consume ended with {message.error()}")
                    wanted.remove(message.key())
            figure(f"a topic {'that was there' if topic == topics[0] else 'made later'} {time.monotonic() - made:.1f} s")
        expect({p.topic for p in consumer.assignment()} == set(topics), f"assigned: {consumer.assignment()}")
    finally:
        consumer.close()
    for future in admin.delete_topics(topics).values():
        future.result(PATIENCE)


def transaction():
    """Commits one transaction with offsets in it, aborts another; read_committed sees only the first."""
    topic, group = ENV["KAFKA_TOPIC"], ENV["KAFKA_GROUP"]
    producer = Producer(settings(transactional_id=f"{ENV['KAFKA_GROUP']}-tx"))
    producer.init_transactions(PATIENCE)

    reader = Consumer(settings(group_id=group, auto_offset_reset="earliest", enable_auto_commit=False))
    reader.subscribe([topic])
    try:
        deadline = time.monotonic() + PATIENCE
        while not reader.assignment():
            expect(time.monotonic() < deadline, "no partitions assigned")
            reader.poll(0.5)

        aborted, committed = keys(10), keys(10)
        producer.begin_transaction()
        expect(not produce(producer, topic, aborted), "refused within the transaction")
        producer.abort_transaction(PATIENCE)

        producer.begin_transaction()
        expect(not produce(producer, topic, committed), "refused within the transaction")
        offsets = [p for p in reader.position(reader.assignment()) if p.offset >= 0]
        producer.send_offsets_to_transaction(offsets, reader.consumer_group_metadata(), PATIENCE)
        producer.commit_transaction(PATIENCE)
    finally:
        reader.close()

    seen = consume(settings, group, topic, committed, isolation_level="read_committed")
    expect(not set(aborted) & set(seen), "records of the aborted transaction came back")
    figure("10 committed, 10 aborted and not seen")


def forbidden():
    """Outside the role: both ways get Kafka's own error for the topic, and the rest goes on."""
    producer = Producer(settings())
    errors = produce(producer, ENV["KAFKA_FORBIDDEN_TOPIC"], keys(1))
    expect(errors and errors[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, f"produce ended with {errors}")
    expect(not produce(producer, ENV["KAFKA_TOPIC"], keys(1)), "the allowed topic is refused as well")

    consumer = Consumer(settings(group_id=ENV["KAFKA_GROUP"], auto_offset_reset="earliest"))
    try:
        consumer.subscribe([ENV["KAFKA_FORBIDDEN_TOPIC"]])
        message = consumer.poll(PATIENCE)
        expect(message is not None and message.error() is not None, "consuming was not refused")
        expect(message.error().code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, f"consume ended with {message.error()}")
    finally:
        consumer.close()

    listed = AdminClient(settings()).list_topics(timeout=PATIENCE).topics
    expect(ENV["KAFKA_TOPIC"] in listed, "the allowed topic is not listed")
    expect(ENV["KAFKA_FORBIDDEN_TOPIC"] not in listed, "the forbidden topic is listed")
    figure("TOPIC_AUTHORIZATION_FAILED both ways, not listed")


def wrong_pool():
    """A pool of another provider: the gateway's words soon, and no storm of logins."""
    errors, delivered = [], []
    began = time.monotonic()
    producer = Producer(
        settings(pool=ENV["OKTA_IDENTITY_POOL_ID"])
        | {"error_cb": lambda error: errors.append((time.monotonic() - began, error.str()))}
    )
    producer.produce(ENV["KAFKA_TOPIC"], b"never", on_delivery=lambda e, _: e or delivered.append(1))
    while time.monotonic() - began < LOGINS_WATCHED:
        producer.poll(0.1)
    producer.purge()
    expect(not delivered, "the record was delivered")

    # Each refused login has a reference of its own, so references count logins.
    # (The statistic "connects" does not: it stays at 1 while the client logs in again and again.)
    first = {}
    for at, text in errors:
        for ref in re.findall(r"ref=(\w+)", text):
            first.setdefault(ref, at)
    expect(first, f"no error carries ref=: {errors[:3]}")
    for ref in first:
        print(f"ref={ref}")
    soonest, rate = min(first.values()), len(first) / LOGINS_WATCHED
    figure(f"ref after {soonest:.1f} s")
    figure(f"{rate:.1f} logins/s")
    expect(soonest <= WORDS_WITHIN, "the words came too late")
    expect(rate <= LOGINS_PER_SECOND, f"{len(first)} logins in {LOGINS_WATCHED:.0f} s")


def renewal():
    """Produces and consumes for longer than tokens live, and never loses its connection."""
    renewing.renewal(settings, renewing.Renewed)


def admin():
    """Topics and groups: create, list, describe, delete, under names that the role covers."""
    client, name = AdminClient(settings()), uuid.uuid4().hex[:8]
    topic, group = f"{ENV['KAFKA_TOPIC']}.{name}", f"{ENV['KAFKA_GROUP']}-{name}"

    client.create_topics([NewTopic(topic, num_partitions=2)])[topic].result(PATIENCE)
    until(lambda: topic in client.list_topics(timeout=PATIENCE).topics, "the new topic is not listed")
    described = client.describe_topics(TopicCollection([topic]))[topic].result(PATIENCE)
    expect(len(described.partitions) == 2, f"described with {len(described.partitions)} partitions")

    wanted = keys(5)
    expect(not produce(Producer(settings()), topic, wanted), "refused on its own topic")
    consume(settings, group, topic, wanted)

    groups = [g.group_id for g in client.list_consumer_groups().result(PATIENCE).valid]
    expect(group in groups, f"the group is not listed: {groups}")
    state = client.describe_consumer_groups([group])[group].result(PATIENCE).state
    offsets = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(PATIENCE)
    expect(sum(p.offset for p in offsets.topic_partitions if p.offset > 0) == 5, "its offsets are not those committed")
    client.delete_consumer_groups([group])[group].result(PATIENCE)
    groups = [g.group_id for g in client.list_consumer_groups().result(PATIENCE).valid]
    expect(group not in groups, "the deleted group is still listed")

    client.delete_topics([topic])[topic].result(PATIENCE)
    until(lambda: topic not in client.list_topics(timeout=PATIENCE).topics, "the deleted topic is still listed")

    refusal = client.create_topics([NewTopic(f"outside-{name}", num_partitions=1)])[f"outside-{name}"].exception(PATIENCE)
    expect(refusal is not None, "a topic outside the role was created")
    code = refusal.args[0].code()
    expect(code == KafkaError.TOPIC_AUTHORIZATION_FAILED, f"creating outside the role ended with {refusal}")
    figure(f"topic and group made, seen, deleted (group was {state.name})")


def addresses():
    """Every address that a client learns is the gateway's."""
    client = AdminClient(settings(debug="metadata,broker"))  # so that the log holds all it was told
    host = ENV["KAFKA_BOOTSTRAP_SERVER"].rsplit(":", 1)[0]
    seen = {(b.host, b.port) for b in client.list_topics(timeout=PATIENCE).brokers.values()}
    expect(seen, "no brokers in the answer")
    expect(all(h in (host, "localhost", "127.0.0.1") for h, _ in seen), f"brokers at {sorted(seen)}")
    figure(", ".join(f"{h}:{p}" for h, p in sorted(seen)))


WHATS = {f.__name__.replace("_", "-"): f for f in (classic, kip848, expression, transaction, forbidden, wrong_pool, renewal, admin, addresses)}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in WHATS:
        sys.exit(f"usage: client.py {'|'.join(WHATS)}")
    WHATS[sys.argv[1]]()
