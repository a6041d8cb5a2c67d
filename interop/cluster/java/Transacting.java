import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Copies records from one topic to another with the offsets in the transaction, and aborts
 * every third transaction: who reads what is committed sees each record exactly once.
 */
final class Transacting {
    private static final String FROM = "cluster-from";
    private static final String TO = "cluster-to";
    private static final int RECORDS = 300;

    private final String run = UUID.randomUUID().toString();

    public static void main(String[] args) {
        Transacting t = new Transacting();
        t.fill();
        int aborted = t.copy();
        Settings.expect(t.read("read_uncommitted").size() == RECORDS + aborted, "not all of what was aborted is there");
        List<String> seen = t.read("read_committed");
        Set<String> different = new HashSet<>(seen);
        Settings.expect(seen.size() == RECORDS && different.size() == RECORDS, seen.size() + " records, " + different.size() + " different ones");
        Settings.figure("%d records exactly once, %d aborted ones not seen", RECORDS, aborted);
    }

    private void fill() {
        try (KafkaProducer<String, String> producer = Settings.producer()) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(FROM, i % Settings.PARTITIONS, run, Integer.toString(i)));
            }
        }
    }

    /** Returns how many records were in transactions that were aborted. */
    private int copy() {
        int copied = 0, aborted = 0, transactions = 0;
        try (KafkaProducer<String, String> producer = Settings.producer("transactional.id", "cluster-" + run, "client.id", "interop-java-transactions");
                KafkaConsumer<String, String> consumer = Settings.consumer("group.id", "cluster-" + run, "max.poll.records", "20",
                        "isolation.level", "read_committed")) {
            producer.initTransactions();
            consumer.subscribe(List.of(FROM));
            long deadline = System.currentTimeMillis() + 2 * Settings.PATIENCE;
            while (copied < RECORDS) {
                Settings.expect(System.currentTimeMillis() < deadline, copied + " records were copied in time");
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(500));
                if (records.isEmpty()) continue;
                producer.beginTransaction();
                int ours = 0;
                for (ConsumerRecord<String, String> r : records) {
                    if (!run.equals(r.key())) continue;
                    producer.send(new ProducerRecord<>(TO, r.partition(), run, r.value()));
                    ours++;
                }
                producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
                if (transactions++ % 3 == 2) {
                    producer.flush(); // so that there is something to abort
                    producer.abortTransaction();
                    rewind(consumer);
                    aborted += ours;
                } else {
                    producer.commitTransaction();
                    copied += ours;
                }
            }
        }
        Settings.expect(aborted > 0, "nothing was aborted");
        return aborted;
    }

    private static void rewind(KafkaConsumer<String, String> consumer) {
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
        for (TopicPartition p : consumer.assignment()) {
            if (committed.get(p) == null) consumer.seekToBeginning(List.of(p));
            else consumer.seek(p, committed.get(p).offset());
        }
    }

    private List<String> read(String isolation) {
        List<String> seen = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = Settings.consumer("isolation.level", isolation)) {
            List<TopicPartition> all = new ArrayList<>();
            for (int p = 0; p < Settings.PARTITIONS; p++) all.add(new TopicPartition(TO, p));
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = new HashMap<>(consumer.endOffsets(all));
            while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200))) {
                    if (run.equals(r.key())) seen.add(r.value());
                }
            }
        }
        return seen;
    }
}
