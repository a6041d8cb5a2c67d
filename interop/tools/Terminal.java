import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import org.apache.kafka.common.utils.Exit;

/**
 * One command, run as a process would run it, but in a thread of this process, which is
 * many times faster: what it reads and writes is its own, what would end the process
 * ends the thread, and its shutdown hooks run when it has ended or is told to.
 * Commands run side by side, for all of this goes with the thread and those it starts.
 */
final class Terminal {
    private static final int MOST = 1 << 20; // bytes kept of what a command writes
    private static final InheritableThreadLocal<Terminal> CURRENT = new InheritableThreadLocal<>();

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final InputStream input;
    private final List<Runnable> hooks = new CopyOnWriteArrayList<>();
    private final long began = System.nanoTime();
    private volatile Integer status;
    private volatile long took;
    private final Thread thread;

    /** Ends the thread that meant to end the process; tools that catch and print it print nothing. */
    private static final class Ended extends Error {
        private static final long serialVersionUID = 1;

        Ended() {
            super("", null, false, false);
        }

        @Override
        public void printStackTrace() {}

        @Override
        public String toString() {
            return "";
        }
    }

    /** From here on the process's streams and exits are those of the thread's terminal. */
    static void install() {
        PrintStream screen = System.out;
        PrintStream bound = new PrintStream(new Bound(screen), true);
        System.setOut(bound);
        System.setErr(bound);
        System.setIn(new InputStream() {
            @Override
            public int read() throws java.io.IOException {
                return CURRENT.get().input.read();
            }

            @Override
            public int read(byte[] b, int off, int len) throws java.io.IOException {
                return CURRENT.get().input.read(b, off, len);
            }
        });
        Exit.Procedure end = (code, message) -> {
            Terminal t = CURRENT.get();
            if (t.status == null) {
                t.status = code; // a tool may catch what is thrown here and exit again
            }
            throw new Ended();
        };
        Exit.setExitProcedure(end);
        Exit.setHaltProcedure(end);
        Exit.setShutdownHookAdder((name, hook) -> CURRENT.get().hooks.add(hook));
    }

    private static final class Bound extends OutputStream {
        private final PrintStream screen;

        Bound(PrintStream screen) {
            this.screen = screen;
        }

        @Override
        public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] b, int off, int len) {
            Terminal t = CURRENT.get();
            if (t == null) {
                screen.write(b, off, len);
            } else if (t.written.size() < MOST) {
                t.written.write(b, off, len);
            }
        }

        @Override
        public void flush() {
            screen.flush();
        }
    }

    /** Starts the main method of a class, which loader knows. */
    Terminal(ClassLoader loader, String mainClass, List<String> arguments, String input) {
        this.input = new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8));
        thread = inside(() -> run(loader, mainClass, arguments));
        thread.setContextClassLoader(loader);
        thread.start();
    }

    private void run(ClassLoader loader, String mainClass, List<String> arguments) {
        try {
            loader.loadClass(mainClass).getMethod("main", String[].class).invoke(null, (Object) arguments.toArray(new String[0]));
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Ended)) {
                e.getCause().printStackTrace();
                status = 1;
            }
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
            status = 1;
        }
        if (status == null) {
            status = 0;
        }
        took = System.nanoTime() - began;
    }

    private Thread inside(Runnable what) {
        Thread t = new Thread(() -> {
            CURRENT.set(this);
            what.run();
        });
        t.setDaemon(true);
        return t;
    }

    /** Waits for words of the command; false when it has ended, or the time is over, without them. */
    boolean says(Pattern words, long millis) throws InterruptedException {
        long until = System.nanoTime() + millis * 1_000_000;
        while (!words.matcher(output()).find()) {
            if (!thread.isAlive() || System.nanoTime() > until) {
                return words.matcher(output()).find();
            }
            Thread.sleep(20);
        }
        return true;
    }

    /** How long it ran, in milliseconds. */
    long took() {
        return took / 1_000_000;
    }

    /** As Ctrl-C. */
    void interrupt() throws InterruptedException {
        runHooks();
    }

    /** Waits for the end; returns the exit code, or null when there was none in time. */
    Integer await(long millis) throws InterruptedException {
        thread.join(millis);
        if (thread.isAlive()) {
            for (StackTraceElement at : thread.getStackTrace()) {
                written.writeBytes(("still at " + at + "\n").getBytes(StandardCharsets.UTF_8));
            }
            runHooks();
            thread.interrupt();
            return null;
        }
        runHooks();
        return status;
    }

    private void runHooks() throws InterruptedException {
        hooks.addAll(hooksOfRuntime(thread.getContextClassLoader()));
        Thread t = inside(() -> {
            for (Runnable hook : hooks) {
                hook.run();
            }
            hooks.clear();
        });
        t.start();
        t.join(10_000);
    }

    /** Takes the shutdown hooks that the tools of this loader gave to the process itself. */
    private static List<Runnable> hooksOfRuntime(ClassLoader loader) {
        List<Runnable> found = new ArrayList<>();
        try {
            Field field = Class.forName("java.lang.ApplicationShutdownHooks").getDeclaredField("hooks");
            field.setAccessible(true); // by --add-opens java.base/java.lang=ALL-UNNAMED
            for (Object hook : ((Map<?, ?>) field.get(null)).keySet().toArray()) {
                Thread t = (Thread) hook;
                if (t.getContextClassLoader() == loader && Runtime.getRuntime().removeShutdownHook(t)) {
                    found.add(t);
                }
            }
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
        return found;
    }

    String output() {
        return written.toString(StandardCharsets.UTF_8);
    }
}
