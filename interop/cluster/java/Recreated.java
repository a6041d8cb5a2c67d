import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Produces and consumes while the topic RECREATED_TOPIC is deleted and made again: Kafka's
 * client goes on by itself. It says reading, and again when records that were written after
 * the file RECREATED was there came back.
 */
final class Recreated {
    private static final int ENOUGH = 20;
    private static final String TOPIC = Settings.env("RECREATED_TOPIC");

    private static volatile boolean over;

    public static void main(String[] args) {
        AtomicReference<Exception> failed = new AtomicReference<>();
        Settings.Background producing = new Settings.Background(() -> produce(failed));
        Map<String, Integer> came = new HashMap<>();
        long deadline = System.currentTimeMillis() + 3 * Settings.PATIENCE;
        try (KafkaConsumer<String, String> consumer = Settings.consumer("group.id", "cluster-" + UUID.randomUUID())) {
            consumer.subscribe(List.of(TOPIC));
            while (came.getOrDefault("after", 0) < ENOUGH) {
                producing.check();
                if (failed.get() != null) throw new IllegalStateException("produce", failed.get());
                Settings.expect(System.currentTimeMillis() < deadline, "came back: " + came);
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200))) {
                    int n = came.merge(r.value(), 1, Integer::sum);
                    if (n == ENOUGH && r.value().equals("before")) Settings.say("reading");
                }
            }
        }
        over = true;
        Settings.say("again");
    }

    private static void produce(AtomicReference<Exception> failed) throws Exception {
        Path recreated = Path.of(Settings.env("RECREATED"));
        try (KafkaProducer<String, String> producer = Settings.producer()) {
            for (int n = 0; !over; n++) {
                String word = Files.exists(recreated) ? "after" : "before";
                producer.send(new ProducerRecord<>(TOPIC, Integer.toString(n), word), (meta, e) -> failed.compareAndSet(null, e));
                Thread.sleep(10);
            }
        }
    }
}
