import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.TopicAuthorizationException;

/**
 * Reads two topics in one fetch session per broker, while somebody takes the right to one of
 * them away and gives it back: that topic alone is refused, and goes on where it was. Says
 * what it sees: reading, refused, again.
 */
final class Revoked {
    private static final String KEPT = "revoked-kept";
    private static final String LOST = "revoked-lost";
    private static final int ENOUGH = 20; // records that show that a topic is read

    private final Map<String, long[]> due = Map.of(KEPT, new long[Settings.PARTITIONS], LOST, new long[Settings.PARTITIONS]);
    private final KafkaConsumer<String, String> consumer;
    private Map<String, Integer> came;
    private int refusals;

    private Revoked(KafkaConsumer<String, String> consumer) {
        this.consumer = consumer;
    }

    public static void main(String[] args) {
        try (KafkaConsumer<String, String> consumer = Settings.consumer("group.id", "cluster-" + UUID.randomUUID())) {
            consumer.subscribe(List.of(KEPT, LOST));
            new Revoked(consumer).read();
        }
    }

    private void read() {
        until("reading", () -> records(KEPT) > ENOUGH && records(LOST) > ENOUGH);
        long before = connections();
        until("refused", () -> refusals > 0 && records(KEPT) > ENOUGH);
        until("again", () -> records(LOST) > 0);
        until("over", () -> records(LOST) > ENOUGH);
        Settings.figure("%d refusals, %d connections, %d of them new", refusals, before, connections() - before);
        Settings.expect(connections() == before, "it had to connect anew");
    }

    private long connections() {
        return Settings.metric(consumer.metrics(), "connection-creation-total");
    }

    private int records(String topic) {
        return came.getOrDefault(topic, 0);
    }

    private void until(String phase, BooleanSupplier over) {
        long deadline = System.currentTimeMillis() + 2 * Settings.PATIENCE;
        came = new HashMap<>();
        while (!over.getAsBoolean()) {
            Settings.expect(System.currentTimeMillis() < deadline, phase + ": not in time");
            try {
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200))) {
                    long[] next = due.get(r.topic());
                    Settings.expect(Long.parseLong(r.value()) == next[r.partition()], "before " + phase + ": record " + r.value() + " of "
                            + r.topic() + " " + r.partition() + " came when " + next[r.partition()] + " was due");
                    next[r.partition()]++;
                    came.merge(r.topic(), 1, Integer::sum);
                }
            } catch (TopicAuthorizationException e) {
                Settings.expect(!phase.equals("reading") && e.unauthorizedTopics().equals(Set.of(LOST)), "before " + phase + ": " + e);
                if (refusals++ == 0) came = new HashMap<>(); // what counts is what comes from now on
            }
        }
        Settings.say(phase);
    }
}
