import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One command of the session, and what is expected of it. In the file it is a line
 * "WHO: COMMAND", and below it, indented, what is said about it:
 *
 * <pre>
 * refused REGEX      it is refused, with these words
 * error REGEX        it fails otherwise, with these words
 * shows REGEX        these words are in the output
 * hides REGEX        these words are not
 * masked REGEX       is by chance: left out on both sides
 * unlike REGEX: WHY  lines with it are another Kafka's, or klamm's, and meant to be
 * apart WHY          the whole output is meant to be another
 * unsteady WHY       the output is another each time, of one Kafka as well: only what is asked above is looked for, on both sides
 * reads TEXT         on its input; \n stands for a new line
 * file NAME TEXT     a file that the command names
 * until REGEX        when it has said this the others go on beside it, until the line "WHO: end COMMAND"
 * </pre>
 */
final class Row {
    final int line;
    final String who;
    final List<String> words;
    final List<Pattern> shows = new ArrayList<>();
    final List<Pattern> hides = new ArrayList<>();
    final List<Pattern> masked = new ArrayList<>();
    final Map<Pattern, String> unlike = new LinkedHashMap<>();
    final Map<String, String> files = new LinkedHashMap<>();
    Pattern fails; // null when it does not
    boolean refused;
    String apart = "";
    String unsteady = "";
    String reads = "";
    Pattern until;

    private Row(int line, String who, String command) {
        this.line = line;
        this.who = who;
        this.words = split(command);
    }

    static List<Row> read(Path file) throws IOException {
        List<Row> rows = new ArrayList<>();
        int number = 0;
        for (String line : Files.readAllLines(file)) {
            number++;
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            try {
                if (line.startsWith(" ")) {
                    rows.get(rows.size() - 1).says(line.strip());
                } else {
                    String[] parts = line.split(": +", 2);
                    rows.add(new Row(number, parts[0], parts[1]));
                }
            } catch (RuntimeException e) {
                throw new IOException(file + ":" + number + ": " + e.getMessage(), e);
            }
        }
        return rows;
    }

    private void says(String line) {
        String[] parts = line.split(" +", 2);
        String rest = parts.length > 1 ? parts[1] : "";
        switch (parts[0]) {
            case "refused", "error" -> {
                fails = Pattern.compile(rest);
                refused = parts[0].equals("refused");
            }
            case "shows" -> shows.add(Pattern.compile(rest, Pattern.MULTILINE));
            case "hides" -> hides.add(Pattern.compile(rest, Pattern.MULTILINE));
            case "masked" -> masked.add(Pattern.compile(rest));
            case "until" -> until = Pattern.compile(rest);
            case "apart" -> apart = rest;
            case "unsteady" -> unsteady = rest;
            case "reads" -> reads = rest.replace("\\n", "\n") + "\n";
            case "unlike" -> {
                int colon = rest.lastIndexOf(": ");
                unlike.put(Pattern.compile(rest.substring(0, colon)), rest.substring(colon + 2));
            }
            case "file" -> {
                String[] file = rest.split(" +", 2);
                files.put(file[0], file[1]);
            }
            default -> throw new IllegalArgumentException("nothing is said by " + parts[0]);
        }
    }

    /** By spaces, as a shell does, with single quotes. */
    private static List<String> split(String command) {
        List<String> words = new ArrayList<>();
        Matcher m = Pattern.compile("(?:'[^']*'|[^\\s'])+").matcher(command);
        while (m.find()) {
            words.add(m.group().replace("'", ""));
        }
        return words;
    }

    String title() {
        return who + ": " + String.join(" ", words);
    }
}
