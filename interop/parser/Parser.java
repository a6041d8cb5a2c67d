import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.FetchRequest;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;

/**
 * Parser says what Apache Kafka's own parsers see in a request, as a broker reads it (RequestHeader,
 * RequestContext.parseRequest, with the same disregard for what follows the end), or in the body of
 * an answer, as a client reads it. It decides nothing and opens no connection.
 *
 * <p>In: int32 length of what follows; int8 kind: 0 and a request with its header, or 1, int16 API
 * key, int16 version and the body of an answer. Out: int8 verdict (0 refused, 1 accepted, 2 no such
 * key or version), int32 length and the body that was seen, written again by Kafka (the refusal's
 * words when refused), int32 length and a summary of a request.
 */
public class Parser {
    static final int REFUSED = 0, ACCEPTED = 1, UNKNOWN = 2;

    public static void main(String[] args) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 20));
        while (true) {
            int length;
            try {
                length = in.readInt();
            } catch (EOFException e) {
                break;
            }
            byte[] buffer = new byte[length];
            in.readFully(buffer);
            ByteBuffer message = ByteBuffer.wrap(buffer);
            boolean answer = message.get() == 1;
            see(out, answer, message.slice());
            if (in.available() == 0) {
                out.flush();
            }
        }
        out.flush();
    }

    static void see(DataOutputStream out, boolean answer, ByteBuffer message) throws IOException {
        try {
            short id = message.getShort(0), version = message.getShort(2);
            if (!ApiKeys.hasId(id) || !known(ApiKeys.forId(id), version)) {
                reply(out, UNKNOWN, new byte[0], "");
            } else if (answer) {
                message.position(4);
                reply(out, ACCEPTED, write(answer(ApiKeys.forId(id), version, message), version), "");
            } else {
                RequestHeader header = RequestHeader.parse(message);
                ApiMessage seen = request(header, message);
                reply(out, ACCEPTED, write(seen, header.apiVersion()), summary(header) + summary(seen));
            }
        } catch (Throwable e) { // an Error as well: a broker closes the connection for any of them
            reply(out, REFUSED, String.valueOf(e).getBytes(StandardCharsets.UTF_8), "");
        }
    }

    static boolean known(ApiKeys key, short version) {
        return version >= key.oldestVersion() && version <= key.latestVersion(true);
    }

    static ApiMessage request(RequestHeader header, ByteBuffer body) {
        RequestContext context = new RequestContext(
                header, "1", InetAddress.getLoopbackAddress(), Optional.empty(),
                KafkaPrincipal.ANONYMOUS, new ListenerName("PLAINTEXT"), SecurityProtocol.PLAINTEXT,
                ClientInformation.EMPTY, false);
        return context.parseRequest(body).request.data();
    }

    static ApiMessage answer(ApiKeys key, short version, ByteBuffer body) {
        ApiMessage message = key.messageType.newResponse();
        message.read(new ByteBufferAccessor(body), version);
        return message;
    }

    static byte[] write(ApiMessage message, short version) {
        return MessageUtil.byteBufferToArray(MessageUtil.toByteBufferAccessor(message, version).buffer());
    }

    static String summary(RequestHeader h) {
        return "header " + h.apiKey().id + ' ' + h.apiVersion() + ' ' + h.correlationId() + '\n';
    }

    /** What a Produce or a Fetch is decided by; see TestKafkaParser, which writes the same. */
    static String summary(ApiMessage message) {
        StringBuilder s = new StringBuilder();
        if (message instanceof ProduceRequestData p) {
            s.append("acks ").append(p.acks()).append('\n');
            s.append("transactional id ").append(p.transactionalId() == null ? "none" : hex(p.transactionalId())).append('\n');
            p.topicData().forEach(t -> s.append(t.topicId()).append(' ').append(hex(t.name())).append('\n'));
        } else if (message instanceof FetchRequestData f) {
            s.append("replica ").append(FetchRequest.replicaId(f)).append('\n');
            s.append("session ").append(f.sessionId()).append(' ').append(f.sessionEpoch()).append('\n');
            f.topics().forEach(t -> s.append(t.topicId()).append(' ').append(hex(t.topic())).append('\n'));
        }
        return s.toString();
    }

    static String hex(String s) {
        StringBuilder b = new StringBuilder();
        for (byte c : s.getBytes(StandardCharsets.UTF_8)) {
            b.append(String.format("%02x", c));
        }
        return b.toString();
    }

    static void reply(DataOutputStream out, int verdict, byte[] seen, String summary) throws IOException {
        byte[] s = summary.getBytes(StandardCharsets.UTF_8);
        out.writeByte(verdict);
        out.writeInt(seen.length);
        out.write(seen);
        out.writeInt(s.length);
        out.write(s);
    }
}
