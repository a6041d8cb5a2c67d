import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Kafka's tools by the names of their shell wrappers. */
final class Tool {
    private static final String PACKAGE = "org.apache.kafka.tools.";
    private static final Map<String, String> CLASSES = Map.ofEntries(
        Map.entry("kafka-acls", PACKAGE + "AclCommand"),
        Map.entry("kafka-broker-api-versions", PACKAGE + "BrokerApiVersionsCommand"),
        Map.entry("kafka-client-metrics", PACKAGE + "ClientMetricsCommand"),
        Map.entry("kafka-cluster", PACKAGE + "ClusterTool"),
        Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
        Map.entry("kafka-console-consumer", PACKAGE + "consumer.ConsoleConsumer"),
        Map.entry("kafka-console-producer", PACKAGE + "ConsoleProducer"),
        Map.entry("kafka-console-share-consumer", PACKAGE + "consumer.ConsoleShareConsumer"),
        Map.entry("kafka-consumer-groups", PACKAGE + "consumer.group.ConsumerGroupCommand"),
        Map.entry("kafka-consumer-perf-test", PACKAGE + "ConsumerPerformance"),
        Map.entry("kafka-delegation-tokens", PACKAGE + "DelegationTokenCommand"),
        Map.entry("kafka-delete-records", PACKAGE + "DeleteRecordsCommand"),
        Map.entry("kafka-e2e-latency", PACKAGE + "EndToEndLatency"),
        Map.entry("kafka-features", PACKAGE + "FeatureCommand"),
        Map.entry("kafka-get-offsets", PACKAGE + "GetOffsetShell"),
        Map.entry("kafka-groups", PACKAGE + "GroupsCommand"),
        Map.entry("kafka-leader-election", PACKAGE + "LeaderElectionCommand"),
        Map.entry("kafka-log-dirs", PACKAGE + "LogDirsCommand"),
        Map.entry("kafka-metadata-quorum", PACKAGE + "MetadataQuorumCommand"),
        Map.entry("kafka-producer-perf-test", PACKAGE + "ProducerPerformance"),
        Map.entry("kafka-reassign-partitions", PACKAGE + "reassign.ReassignPartitionsCommand"),
        Map.entry("kafka-share-consumer-perf-test", PACKAGE + "ShareConsumerPerformance"),
        Map.entry("kafka-share-groups", PACKAGE + "consumer.group.ShareGroupCommand"),
        Map.entry("kafka-streams-application-reset", PACKAGE + "StreamsResetter"),
        Map.entry("kafka-streams-groups", PACKAGE + "streams.StreamsGroupCommand"),
        Map.entry("kafka-topics", PACKAGE + "TopicCommand"),
        Map.entry("kafka-transactions", PACKAGE + "TransactionsCommand"),
        Map.entry("kafka-verifiable-consumer", PACKAGE + "VerifiableConsumer"),
        Map.entry("kafka-verifiable-producer", PACKAGE + "VerifiableProducer"),
        Map.entry("kafka-verifiable-share-consumer", PACKAGE + "VerifiableShareConsumer"),
        Map.entry("streams-uppercase", "Uppercase"));

    private Tool() {}

    /** The command line with what says where the cluster is and who asks. */
    static Terminal start(List<String> words, String servers, String commandConfig, String input, Path jar) {
        String name = CLASSES.get(words.get(0));
        if (name == null) {
            throw new IllegalArgumentException("no such tool: " + words.get(0));
        }
        List<String> arguments = new ArrayList<>(words.subList(1, words.size()));
        List<String> where = List.of("--bootstrap-server", servers, "--command-config", commandConfig);
        boolean subcommandFirst = words.get(0).equals("kafka-cluster");
        arguments.addAll(subcommandFirst ? 1 : 0, where);
        return new Terminal(new Fresh(jar), name, arguments, input);
    }

    /** The tools' classes anew for each command: some count in static fields. */
    private static final class Fresh extends URLClassLoader {
        Fresh(Path jar) {
            super(new URL[] {url(jar)}, Tool.class.getClassLoader());
        }

        private static URL url(Path jar) {
            try {
                return jar.toUri().toURL();
            } catch (MalformedURLException e) {
                throw new IllegalArgumentException(e);
            }
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(PACKAGE)) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                try {
                    return loaded != null ? loaded : findClass(name);
                } catch (ClassNotFoundException e) {
                    return super.loadClass(name, resolve);
                }
            }
        }
    }
}
