import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** What a user would write into a configuration file, and what all programs here share. */
final class Settings {
    static final int PARTITIONS = 3;
    static final long PATIENCE = 30_000; // milliseconds for anything that should succeed

    private Settings() {}

    static String env(String name) {
        String value = System.getenv(name);
        expect(value != null, name + " is not set");
        return value;
    }

    /** The client's settings, and more of them as name, value, name, value. */
    static Properties with(Object... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", env("KAFKA_BOOTSTRAP_SERVER"));
        p.put("client.id", "interop-java-program");
        p.put("security.protocol", "SASL_SSL");
        p.put("ssl.truststore.type", "PEM");
        p.put("ssl.truststore.location", env("KAFKA_CA_FILE"));
        p.put("sasl.mechanism", "OAUTHBEARER");
        p.put("sasl.login.callback.handler.class", "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler");
        p.put("sasl.oauthbearer.token.endpoint.url", env("OAUTH_TOKEN_URL"));
        p.put("sasl.jaas.config", String.format(
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId=\"%s\" clientSecret=\"%s\" scope=\"%s\""
                        + " ssl.truststore.type=\"PEM\" ssl.truststore.location=\"%s\" extension_logicalCluster='%s' extension_identityPoolId='%s';",
                env("OAUTH_CLIENT_ID"), env("OAUTH_CLIENT_SECRET"), env("OAUTH_SCOPE"), env("OAUTH_CA_FILE"),
                env("KAFKA_LOGICAL_CLUSTER_ID"), env("OAUTH_IDENTITY_POOL_ID")));
        for (int i = 0; i < more.length; i += 2) p.put(more[i], more[i + 1]);
        return p;
    }

    static KafkaProducer<String, String> producer(Object... more) {
        return new KafkaProducer<>(with(more), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... more) {
        Properties p = with("auto.offset.reset", "earliest", "enable.auto.commit", "false");
        for (int i = 0; i < more.length; i += 2) p.put(more[i], more[i + 1]);
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    /** The sum of a client's metric over its connections. */
    static long metric(Map<?, ? extends Metric> metrics, String name) {
        double sum = 0;
        for (Metric m : metrics.values()) {
            if (m.metricName().name().equals(name) && !m.metricName().group().contains("node")) sum += (Double) m.metricValue();
        }
        return (long) sum;
    }

    static void figure(String format, Object... args) {
        System.out.println("figure: " + String.format(format, args));
    }

    static void say(String words) {
        System.out.println(words);
    }

    static void expect(boolean condition, String words) {
        if (!condition) throw new IllegalStateException(words);
    }

    /** A thread whose failure is told by {@link #check}. */
    static final class Background {
        private final AtomicReference<Throwable> failed = new AtomicReference<>();
        private final Thread thread;

        Background(Work work) {
            thread = new Thread(() -> {
                try {
                    work.run();
                } catch (Throwable t) {
                    fail(t);
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        void fail(Throwable t) {
            failed.compareAndSet(null, t);
        }

        void check() {
            if (failed.get() != null) throw new IllegalStateException("in the background", failed.get());
        }

        boolean done() {
            check();
            return !thread.isAlive();
        }
    }

    interface Work {
        void run() throws Exception;
    }
}
