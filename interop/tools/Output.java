import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a command said and how it ended, without what is by chance. */
final class Output {
    private static final String LOG = "LOG ";
    private static final String MASK = "…";
    private static final Pattern EXCEPTION = Pattern.compile("\\b\\w+(?:Exception|Error)\\b");
    private static final Map<Pattern, String> BY_CHANCE = new LinkedHashMap<>();

    static {
        by("\\s+", " ");
        by("/?\\b(?:127\\.0\\.0\\.1|127\\.77\\.0\\.\\d+|localhost)\\b(?::\\d+)?", "ADDRESS");
        by("/\\S*/(?:ours|reference)/(?=\\w+\\.properties)", "DIR/");
        by("/\\S*/run/tools-(?:kafka|reference)/", "KAFKA/");
        by("\\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\\b", "UUID");
        by("(?<=TopicId: )\\S+", "ID");
        by("(?<=Cluster ?I[Dd]: )\\S+", "ID");
        by("(?<=\"timestamp\":)\\d+", "TIME");
        by("test-group-\\d+", "test-group-TIME"); // of kafka-e2e-latency
        by(" \\(ref=\\w+\\)", ""); // klamm's, for klamm explain
        // So says Kafka of a refused request; it is the toString of a class.
        by("Request Request\\(.*?\\) needs \\w+ permission\\.", "Cluster authorization failed.");
    }

    private static void by(String chance, String name) {
        BY_CHANCE.put(Pattern.compile(chance), name);
    }

    final Integer exit; // null when it did not end
    final String raw;
    private final List<String> lines = new ArrayList<>();
    private final TreeSet<String> logged = new TreeSet<>(); // exceptions

    Output(Integer exit, String raw, Row row) {
        this.exit = exit;
        this.raw = raw;
        for (String line : raw.split("\n")) {
            String plain = line;
            for (Map.Entry<Pattern, String> chance : BY_CHANCE.entrySet()) {
                plain = chance.getKey().matcher(plain).replaceAll(chance.getValue());
            }
            plain = plain.strip();
            for (Pattern masked : row.masked) {
                plain = masked.matcher(plain).replaceAll(MASK);
            }
            if (line.startsWith(LOG)) {
                EXCEPTION.matcher(plain).results().forEach(m -> logged.add(m.group()));
                continue;
            }
            boolean trace = plain.startsWith("at ") || plain.startsWith("... ");
            if (!plain.isEmpty() && !plain.equals(MASK) && !trace) {
                lines.add(plain);
            }
        }
        lines.sort(null); // many a tool prints the order of a hash map
    }

    /** The first reference that klamm gave, "ref=…", or nothing. */
    String reference() {
        Matcher m = Pattern.compile("ref=\\w+").matcher(raw);
        return m.find() ? m.group() : "";
    }

    /** Adds what is another than on the reference to faults; returns what row says of the differences it explains. */
    Collection<String> compare(Output reference, Row row, List<String> faults) {
        List<String> here = minus(lines, reference.lines);
        List<String> there = minus(reference.lines, lines);
        boolean same = here.isEmpty() && there.isEmpty() && Objects.equals(exit, reference.exit) && logged.equals(reference.logged);
        if (!row.apart.isEmpty()) {
            if (same) {
                faults.add("the same as on the reference, but said to be apart: " + row.apart);
            }
            return List.of(row.apart);
        }
        require(row, reference.raw, "the reference does not say ", faults);
        if (!row.unsteady.isEmpty()) {
            return List.of();
        }
        for (Pattern p : row.unlike.keySet()) {
            boolean none = !here.removeIf(line -> p.matcher(line).find());
            if (!there.removeIf(line -> p.matcher(line).find()) && none) {
                faults.add("no line is unlike: " + p);
            }
        }
        here.forEach(line -> faults.add("klamm only      " + line));
        there.forEach(line -> faults.add("reference only  " + line));
        if (!Objects.equals(exit, reference.exit)) {
            faults.add("exit " + exit + ", the reference " + reference.exit);
        }
        if (!logged.equals(reference.logged)) {
            faults.add("logged " + logged + ", the reference " + reference.logged);
        }
        return row.unlike.values();
    }

    private static List<String> minus(Collection<String> a, Collection<String> b) {
        List<String> rest = new ArrayList<>(a);
        b.forEach(rest::remove);
        return rest;
    }

    private static void require(Row row, String text, String complaint, List<String> faults) {
        if (row.fails != null && !row.fails.matcher(text).find()) {
            faults.add(complaint + row.fails);
        }
    }

    /** What is expected of klamm, whatever the reference says. */
    void check(Row row, List<String> secrets, List<String> faults) {
        if (exit == null) {
            faults.add("did not end in time");
        }
        require(row, raw, "does not say ", faults);
        for (Pattern p : row.shows) {
            if (!p.matcher(raw).find()) {
                faults.add("does not show " + p);
            }
        }
        for (Pattern p : row.hides) {
            if (p.matcher(raw).find()) {
                faults.add("does not hide " + p);
            }
        }
        for (String secret : secrets) {
            if (raw.contains(secret)) {
                faults.add("shows " + secret);
            }
        }
        if (row.fails == null && (EXCEPTION.matcher(raw).find() || !Integer.valueOf(0).equals(exit))) {
            faults.add("fails");
        }
    }
}
