import java.io.FileReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Uppercase --bootstrap-server SERVERS --command-config FILE GROUP INPUT OUTPUT: a
 * program with Kafka Streams, for the tools to ask about. What it reads goes through an
 * internal topic, which its group needs. Says each record that it writes.
 */
public final class Uppercase {
    private Uppercase() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        Properties p = new Properties();
        try (Reader in = new FileReader(args[3])) {
            p.load(in);
        }
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[1]);
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, args[4]);
        p.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, "streams");
        p.put(StreamsConfig.STATE_DIR_CONFIG, Path.of(args[3]).resolveSibling("streams").toString());
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.String().getClass());
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.String().getClass());

        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(args[5])
            .selectKey((key, value) -> value)
            .repartition()
            .mapValues(value -> value.toUpperCase(Locale.ROOT))
            .peek((key, value) -> System.out.println(value))
            .to(args[6]);
        CountDownLatch ended = new CountDownLatch(1);
        KafkaStreams streams = new KafkaStreams(builder.build(), p);
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            ended.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        // Not longer: a client whose group is refused may wait for ever (4.3.1).
        Exit.addShutdownHook("streams", () -> {
            streams.close(Duration.ofSeconds(5));
            ended.countDown();
        });
        streams.start();
        ended.await();
    }
}
