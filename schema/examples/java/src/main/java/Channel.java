import com.fasterxml.jackson.databind.*;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;

/**
 * A channel of Tajdeed in Java: it sends applications and learns what becomes of them.
 *
 * <pre>
 * java -cp 'target/classes:target/dependency/*' Channel apply &lt; RESIDENT.json   the whole story; ../README.md tells it
 * java -cp … Channel partitions TOPIC &lt; KEYS    in which partition each key is placed
 * </pre>
 */
public final class Channel {
    static final String BROKERS = System.getenv("TAJDEED_BROKERS"), CHANNEL = System.getenv("TAJDEED_CHANNEL");
    static final String PREFIX = System.getenv().getOrDefault("TAJDEED_PREFIX", "tajdeed");
    static final String SUBMISSIONS = PREFIX + ".submissions." + CHANNEL, DECISIONS = PREFIX + ".decisions." + CHANNEL;
    static final String DECISION = "tajdeed.decision.v1", UNREADABLE = "tajdeed.submission.unreadable.v1";
    // Answers may have fields that nobody here asks for; without the setting each would be an error.
    static final ObjectMapper JSON = JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

    /** An application as the channel keeps it: the bytes that were sent, and what became of them. */
    static final class Application {
        byte[] payload;
        String outcome; // null until it is final
        int revision;
    }

    /** Where a message lies. */
    record Place(String topic, int partition, long offset) {}

    record Reason(String code, String en) {}

    /** What is read of both kinds of answers; rule and field are of an unreadable message's only. */
    record Answer(Place cause, String applicationId, String disposition, String outcome, List<Reason> reasons, int revision,
            String rule, String field) {}

    // The default partitioner is the right one: murmur2 of the key. Strings and bytes are written as
    // they are; a serializer for JSON would put quotes around the key.
    final Producer<String, byte[]> producer = new KafkaProducer<>(Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, BROKERS,
            ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true), // implies acks=all
            new StringSerializer(), new ByteArraySerializer());
    // A real channel keeps these three in its database.
    final Map<String, Application> applications = new HashMap<>(); // by application_id
    final Map<Place, String> expected = new HashMap<>(); // the answers that are still to be read
    final Map<TopicPartition, Long> handled = new HashMap<>(); // the highest offset of a cause whose answer was read
    int published, answered;

    /** Publishes once, and returns where the message lies. */
    Place publish(String topic, String key, byte[] value) throws ExecutionException, InterruptedException {
        var message = new ProducerRecord<>(topic, key, value);
        Map.of("ce_specversion", "1.0", "ce_id", UUID.randomUUID().toString(), "ce_source", "/channels/" + CHANNEL,
                "ce_type", "tajdeed.application.submitted.v1", "content-type", "application/json")
                .forEach((name, text) -> message.headers().add(name, text.getBytes(StandardCharsets.UTF_8)));
        var placed = producer.send(message).get(); // within delivery.timeout.ms, two minutes
        return new Place(placed.topic(), placed.partition(), placed.offset());
    }

    void submit(JsonNode data, boolean loseAcknowledgement) throws Exception {
        // Stored before it is sent: whatever happens from here on, the same bytes can be sent again.
        var application = new Application();
        application.payload = JSON.writeValueAsBytes(data);
        applications.put(data.get("application_id").textValue(), application);
        send(data.get("civil_id").textValue(), application.payload, "first", loseAcknowledgement);
    }

    void send(String key, byte[] payload, String answer, boolean loseAcknowledgement) throws Exception {
        for (int attempt = 0; attempt < 5; attempt++) {
            try {
                var place = publish(SUBMISSIONS, key, payload);
                published++;
                if (loseAcknowledgement && attempt == 0) {
                    throw new ExecutionException(new TimeoutException("simulated"));
                }
                expected.put(place, answer);
                return;
            } catch (ExecutionException e) {
                // Nobody knows whether the message lies there. To send the same again is right in
                // both cases: it is decided once, and answered as often as it lies there.
                answer = answer.replace("first", "first or resend");
                System.out.println("no acknowledgement (" + e.getCause().getMessage() + "): the same is sent again");
            }
        }
        throw new IllegalStateException("nothing is acknowledged: the application stays in the store, to be sent later");
    }

    void readAnswers() throws Exception {
        // The channel's own group, under the same name at every start. Where it has no position
        // yet it begins at the beginning: "latest" would miss what is answered before it joins.
        try (var consumer = new KafkaConsumer<>(Map.<String, Object>of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, BROKERS, ConsumerConfig.GROUP_ID_CONFIG, "channel." + CHANNEL,
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest", ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false),
                new StringDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(DECISIONS));
            while (!expected.isEmpty() || applications.values().stream().anyMatch(a -> a.outcome == null)) {
                var messages = consumer.poll(Duration.ofSeconds(60));
                check(!messages.isEmpty(), "there is an answer within 60 s");
                for (var message : messages) {
                    Header kind = message.headers().lastHeader("ce_type");
                    receive(kind == null ? "" : new String(kind.value(), StandardCharsets.UTF_8), message.value());
                }
                consumer.commitSync(); // only now: what was not handled comes again
            }
        }
    }

    void receive(String kind, byte[] data) throws Exception {
        if (!kind.equals(DECISION) && !kind.equals(UNREADABLE)) {
            return; // an event that only a later edition knows
        }
        Answer answer = JSON.readValue(data, Answer.class);
        var source = new TopicPartition(answer.cause.topic, answer.cause.partition);
        if (answer.cause.offset <= handled.getOrDefault(source, -1L)) {
            return; // delivered again
        }
        handled.put(source, answer.cause.offset);
        String wanted = expected.remove(answer.cause); // null where the acknowledgement was lost
        Application application = applications.get(answer.applicationId);
        if (wanted == null && application == null) {
            return; // an answer to somebody else in this channel
        }
        answered += answer.cause.topic.equals(SUBMISSIONS) ? 1 : 0;
        String got = kind.equals(UNREADABLE) ? "unreadable" : answer.disposition;
        check(wanted == null || wanted.contains(got), got + " where " + wanted + " belongs");
        if (application != null) {
            decided(application, answer);
        } else { // an unreadable message has no application_id: its place says which one it was
            System.out.printf("unreadable %s %s%n", answer.rule, answer.field);
        }
    }

    void decided(Application application, Answer answer) {
        // A conflict is about its message only: the first application stays as it was.
        if (Set.of("first", "resend").contains(answer.disposition)) {
            if (answer.revision < application.revision) {
                return; // of two answers to one application the higher revision holds
            }
            application.revision = answer.revision;
            // An outcome that is new to us is not final: the applicant still waits.
            boolean last = Set.of("approved", "rejected").contains(answer.outcome);
            application.outcome = last ? answer.outcome : null;
            application.payload = last ? null : application.payload; // passport and receipt can go
        }
        // Programs read the code. People read the text, also that of a code which is new to us.
        String reasons = answer.reasons.stream().map(r -> r.code + ": " + r.en).collect(Collectors.joining("; "));
        System.out.printf("%-10s %s %s %s%n", answer.disposition, answer.applicationId, answer.outcome, reasons);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException("not as expected: " + what);
        }
    }

    static ObjectNode application(ObjectNode resident) {
        var now = OffsetDateTime.now(ZoneOffset.ofHours(3)).truncatedTo(ChronoUnit.SECONDS); // Kuwait's days, wherever this runs
        ObjectNode data = resident.deepCopy().put("application_id", UUID.randomUUID().toString()).put("kind", "renewal");
        // Not now.toString(): that leaves the seconds out where they and the fraction are 0.
        data.put("submitted_at", DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(now)).put("submitted_by", "delegate-7").put("months", 12);
        data.putObject("insurance").put("policy", "HI-88120044")
                .put("from", now.toLocalDate().toString()).put("to", now.toLocalDate().plusDays(730).toString());
        return data;
    }

    void apply(ObjectNode resident) throws Exception {
        String key = resident.get("civil_id").textValue();
        ObjectNode unpaid = application(resident), paid = application(resident);
        submit(unpaid, true);
        paid.putObject("fee").put("receipt", "KNET-" + System.currentTimeMillis()).put("amount_fils", 20000).set("paid_at", unpaid.get("submitted_at"));
        submit(paid, false);
        send(key, applications.get(paid.get("application_id").textValue()).payload, "resend", false);
        send(key, JSON.writeValueAsBytes(paid.deepCopy().put("months", 24)), "conflict", false);
        send(key, JSON.writeValueAsBytes(paid.deepCopy().put("months", "12")), "unreadable", false);
        readAnswers();
        var outcomes = Stream.of(unpaid, paid).map(a -> applications.get(a.get("application_id").textValue()).outcome).toList();
        check(outcomes.equals(List.of("rejected", "approved")), outcomes + " without and with the fee");
        check(answered >= published, published + " messages, " + answered + " answers");
        System.out.printf("%d messages, %d answers, all as expected%n", published, answered);
    }

    public static void main(String[] args) throws Exception {
        var channel = new Channel();
        if (args[0].equals("apply")) {
            channel.apply((ObjectNode) JSON.readTree(System.in));
        } else {
            for (String key : new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\\s+")) {
                System.out.println(key + " " + channel.publish(args[1], key, new byte[0]).partition);
            }
        }
        channel.producer.close();
    }
}
