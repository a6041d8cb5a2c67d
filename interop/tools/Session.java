import java.io.FileReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;

/**
 * Session DIR SESSION TOOLS_JAR REFERENCE_PLAINTEXT SECRETS: the commands of the file
 * SESSION, one after the other, each of them at klamm and at the reference, which is a
 * Kafka with its own authorizer and the ACLs that klamm shows. What both print and how
 * they end is the same, or the file says why not. No line of the file SECRETS comes out
 * of klamm.
 */
public final class Session {
    private static final long PATIENCE = 20_000; // milliseconds for one command

    private final Path directory;
    private final Path tools;
    private final List<String> secrets;
    private final Map<String, Terminal[]> running = new HashMap<>();
    private final Map<String, Integer> differences = new TreeMap<>(); // why, and how often
    private int commands;
    private int refused;
    private int errors; // that are none of rights
    private int failed; // of what is expected

    private Session(Path directory, Path tools, List<String> secrets) {
        this.directory = directory;
        this.tools = tools;
        this.secrets = secrets;
    }

    public static void main(String[] args) throws Exception {
        Session session = new Session(Path.of(args[0]), Path.of(args[2]), Files.readAllLines(Path.of(args[4])));
        List<Row> rows = Row.read(Path.of(args[1]));
        int acls = session.copyACLs(args[3]);
        Terminal.install();
        for (Row row : rows) {
            session.run(row);
        }
        System.out.printf("figure: %d commands, %d allowed, %d refused, %d failed as on Kafka%n",
            session.commands, session.commands - session.refused - session.errors, session.refused, session.errors);
        int differences = session.differences.values().stream().mapToInt(Integer::intValue).sum();
        System.out.printf("figure: %d ACLs%nfigure: %d differences, %d reasons%n", acls, differences, session.differences.size());
        session.differences.forEach((why, times) -> System.out.printf("%4d times  %s%n", times, why));
        System.out.flush();
        Runtime.getRuntime().halt(session.failed == 0 ? 0 : 1); // whatever a tool left running
    }

    /** The reference gets the ACLs that klamm says there are. */
    private int copyACLs(String plaintext) throws IOException, InterruptedException, ExecutionException {
        Properties reference = new Properties();
        reference.put("bootstrap.servers", plaintext);
        try (Admin from = Admin.create(properties("ours", "admin")); Admin to = Admin.create(reference)) {
            Collection<AclBinding> acls = from.describeAcls(AclBindingFilter.ANY).values().get();
            to.createAcls(acls).all().get();
            return acls.size();
        }
    }

    private Path config(String side, String who) {
        return directory.resolve(side).resolve(who + ".properties");
    }

    private Properties properties(String side, String who) throws IOException {
        Properties p = new Properties();
        try (Reader in = new FileReader(config(side, who).toFile())) {
            p.load(in);
        }
        return p;
    }

    private void run(Row row) throws IOException, InterruptedException {
        for (Map.Entry<String, String> file : row.files.entrySet()) {
            Files.writeString(directory.resolve(file.getKey()), file.getValue());
        }
        Terminal[] both = ended(row);
        if (both == null) {
            both = new Terminal[] {start(row, "ours"), start(row, "reference")};
        }
        List<String> faults = new ArrayList<>();
        Output ours;
        Output reference;
        if (row.until != null) {
            for (Terminal t : both) {
                if (!t.says(row.until, PATIENCE)) {
                    faults.add("did not say " + row.until);
                }
            }
            running.put(row.title(), both);
            ours = new Output(0, both[0].output(), row);
            reference = new Output(0, both[1].output(), row);
        } else {
            ours = new Output(both[0].await(PATIENCE), both[0].output(), row);
            reference = new Output(both[1].await(PATIENCE), both[1].output(), row);
            ours.compare(reference, row, faults).forEach(why -> differences.merge(why, 1, Integer::sum));
            commands++;
        }
        ours.check(row, secrets, faults);
        refused += row.refused ? 1 : 0;
        errors += row.fails != null && !row.refused ? 1 : 0;
        report(row, both, ours, reference, faults);
    }

    /** The two that a row ends, when it does. */
    private Terminal[] ended(Row row) throws InterruptedException {
        if (!row.words.get(0).equals("end")) {
            return null;
        }
        Terminal[] both = running.remove(row.who + ": " + String.join(" ", row.words.subList(1, row.words.size())));
        if (both == null) {
            throw new IllegalStateException("line " + row.line + ": nothing such is running");
        }
        for (Terminal t : both) {
            t.interrupt();
        }
        return both;
    }

    private Terminal start(Row row, String side) throws IOException {
        List<String> words = new ArrayList<>();
        for (String word : row.words) {
            words.add(row.files.containsKey(word) ? directory.resolve(word).toString() : word);
        }
        Path config = config(side, row.who);
        String servers = properties(side, row.who).getProperty("bootstrap.servers");
        return Tool.start(words, servers, config.toString(), row.reads, tools);
    }

    private void report(Row row, Terminal[] both, Output ours, Output reference, List<String> faults) {
        System.out.printf("%s %5d ms, %5d ms  line %d  %s  %s%n",
            faults.isEmpty() ? "ok    " : "FAILED", both[0].took(), both[1].took(), row.line, row.title(), ours.reference());
        if (faults.isEmpty()) {
            return;
        }
        failed++;
        for (String fault : faults) {
            System.out.println("    " + fault);
        }
        System.out.printf("    --- klamm, exit %d%n%s", ours.exit, ours.raw.indent(8));
        System.out.printf("    --- reference, exit %d%n%s%n", reference.exit, reference.raw.indent(8));
    }
}
