import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Produces and consumes until the file STREAM_UNTIL exists: every record comes once and in
 * order, whatever happens to the cluster meanwhile. Says "streaming" when records come.
 */
final class Streaming {
    private static final int BATCH = 50; // records

    private final String topic = Settings.env("STREAM_TOPIC");
    private final String run = UUID.randomUUID().toString();
    private final AtomicLongArray sent = new AtomicLongArray(Settings.PARTITIONS);
    private final AtomicReference<Exception> failed = new AtomicReference<>();

    public static void main(String[] args) {
        new Streaming().stream();
    }

    private void stream() {
        Settings.Background producing = new Settings.Background(this::produce);
        long[] came = new long[Settings.PARTITIONS];
        long total = 0, stopped = 0, enough = Long.MAX_VALUE;
        try (KafkaConsumer<String, String> consumer = Settings.consumer("group.id", "cluster-" + run)) {
            consumer.subscribe(List.of(topic));
            while (System.currentTimeMillis() < enough) {
                boolean done = producing.done();
                if (failed.get() != null) throw new IllegalStateException("produce", failed.get());
                if (done && stopped == 0) stopped = System.currentTimeMillis();
                Settings.expect(stopped == 0 || System.currentTimeMillis() < stopped + Settings.PATIENCE, total + " records came back, not all");
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200))) {
                    if (!run.equals(r.key())) continue;
                    Settings.expect(Long.parseLong(r.value()) == came[r.partition()],
                            "record " + r.value() + " of partition " + r.partition() + " came when " + came[r.partition()] + " was due");
                    came[r.partition()]++;
                    if (total++ == 0) Settings.say("streaming");
                }
                if (done && enough == Long.MAX_VALUE && allOf(came)) enough = System.currentTimeMillis() + 1000; // for what comes twice
            }
        }
        Settings.figure("%d records once and in order", total);
    }

    private boolean allOf(long[] came) {
        for (int p = 0; p < came.length; p++) {
            if (came[p] != sent.get(p)) return false;
        }
        return true;
    }

    /**
     * Few large batches instead of many small ones: a broker knows a producer's last five batches
     * again, and Kafka's client sends new ones to the new leader before the old one has answered.
     * One that was written there and is sent again as the sixth is out of order, for ever.
     */
    private void produce() throws Exception {
        Path until = Path.of(Settings.env("STREAM_UNTIL"));
        try (KafkaProducer<String, String> producer = Settings.producer()) {
            while (!Files.exists(until)) {
                for (int i = 0; i < BATCH * Settings.PARTITIONS; i++) {
                    int p = i % Settings.PARTITIONS;
                    String value = Long.toString(sent.getAndIncrement(p));
                    producer.send(new ProducerRecord<>(topic, p, run, value), (meta, e) -> failed.compareAndSet(null, e));
                }
                Thread.sleep(500);
            }
        }
    }
}
