"""A channel of Tajdeed in Python: it sends applications and learns what becomes of them.

    python channel.py apply < RESIDENT.json      the whole story; ../README.md tells it
    python channel.py partitions TOPIC < KEYS    in which partition each key is placed
"""

import json, os, sys, time, uuid
from datetime import datetime, timedelta, timezone

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

BROKERS, CHANNEL = os.environ["TAJDEED_BROKERS"], os.environ["TAJDEED_CHANNEL"]
PREFIX = os.environ.get("TAJDEED_PREFIX", "tajdeed")
SUBMISSIONS, DECISIONS = f"{PREFIX}.submissions.{CHANNEL}", f"{PREFIX}.decisions.{CHANNEL}"
DECISION, UNREADABLE = b"tajdeed.decision.v1", b"tajdeed.submission.unreadable.v1"


class Channel:
    def __init__(self):
        self.producer = Producer({
            "bootstrap.servers": BROKERS,
            "enable.idempotence": True,  # implies acks=all
            "partitioner": "murmur2_random",  # the default, CRC-32, places keys elsewhere
            "delivery.timeout.ms": 30_000,
        })
        # A real channel keeps these three in its database.
        self.applications = {}  # by application_id: the bytes that were sent, and what became of them
        self.expected = {}  # by the place of a message: the answer that is still to be read
        self.handled = {}  # by topic and partition of a cause: the highest offset whose answer was read
        self.published = self.answered = 0

    def publish(self, topic, key, value):
        """Publishes once, and returns where the message lies: topic, partition, offset."""
        reports = []
        self.producer.produce(topic, key=key, value=value, on_delivery=lambda *report: reports.append(report), headers={
            "ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_source": f"/channels/{CHANNEL}",
            "ce_type": "tajdeed.application.submitted.v1", "content-type": "application/json",
        })
        self.producer.flush()  # until the report is there, which is within delivery.timeout.ms
        error, message = reports[0]
        if error:
            raise KafkaException(error)
        return message.topic(), message.partition(), message.offset()

    def submit(self, application, lose_acknowledgement=False):
        # Stored before it is sent: whatever happens from here on, the same bytes can be sent again.
        payload = json.dumps(application, ensure_ascii=False).encode()
        self.applications[application["application_id"]] = {"payload": payload, "outcome": None, "revision": 0}
        self.send(application["civil_id"], payload, "first", lose_acknowledgement)

    def send(self, key, payload, expected, lose_acknowledgement=False):
        for attempt in range(5):
            try:
                place = self.publish(SUBMISSIONS, key, payload)
                self.published += 1
                if lose_acknowledgement and attempt == 0:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
                self.expected[place] = expected
                return
            except KafkaException as error:
                # Nobody knows whether the message lies there. To send the same again is right in
                # both cases: it is decided once, and answered as often as it lies there.
                expected = expected.replace("first", "first or resend")
                print(f"no acknowledgement ({error.args[0].name()}): the same is sent again")
        raise SystemExit("nothing is acknowledged: the application stays in the store, to be sent later")

    def read_answers(self):
        # The channel's own group, under the same name at every start. Where it has no position
        # yet it begins at the beginning: "latest" would miss what is answered before it joins.
        consumer = Consumer({
            "bootstrap.servers": BROKERS, "group.id": f"channel.{CHANNEL}",
            "auto.offset.reset": "earliest", "enable.auto.commit": False,
        })
        consumer.subscribe([DECISIONS])
        while self.expected or not all(a["outcome"] for a in self.applications.values()):
            message = consumer.poll(60)
            check(message is not None and not message.error(), "there is an answer within 60 s")
            self.receive(dict(message.headers() or []).get("ce_type"), message.value())
            consumer.commit(message, asynchronous=False)  # only now: what was not handled comes again
        consumer.close()

    def receive(self, kind, data):
        if kind not in (DECISION, UNREADABLE):
            return  # an event that only a later edition knows
        answer = json.loads(data)  # it may have fields that nobody here asks for
        cause = answer["cause"]
        source, offset = (cause["topic"], cause["partition"]), cause["offset"]
        if offset <= self.handled.get(source, -1):
            return  # delivered again
        self.handled[source] = offset
        expected = self.expected.pop((*source, offset), None)  # None where the acknowledgement was lost
        application = self.applications.get(answer.get("application_id"))
        if not expected and not application:
            return  # an answer to somebody else in this channel
        self.answered += cause["topic"] == SUBMISSIONS
        got = "unreadable" if kind == UNREADABLE else answer["disposition"]
        check(got in (expected or got), f"{got} where {expected} belongs")
        if application:
            self.decided(application, answer)
        else:  # an unreadable message has no application_id: its place says which one it was
            print(f"unreadable {answer['rule']} {answer['field']}")

    def decided(self, application, answer):
        # A conflict is about its message only: the first application stays as it was.
        if answer["disposition"] in ("first", "resend"):
            if answer["revision"] < application["revision"]:
                return  # of two answers to one application the higher revision holds
            # An outcome that is new to us is not final: the applicant still waits.
            final = answer["outcome"] in ("approved", "rejected")
            application.update(revision=answer["revision"], outcome=answer["outcome"] if final else None)
            if final:
                application["payload"] = None  # it is not sent again: passport and receipt can go
        # Programs read the code. People read the text, also that of a code which is new to us.
        reasons = "; ".join(f"{r['code']}: {r['en']}" for r in answer["reasons"])
        print(f"{answer['disposition']:<10} {answer['application_id']} {answer['outcome']} {reasons}")


def check(holds, what):
    if not holds:
        raise SystemExit(f"not as expected: {what}")


def application_of(resident, **fee):
    now = datetime.now(timezone(timedelta(hours=3)))  # Kuwait's days, wherever this runs
    return {
        "application_id": str(uuid.uuid4()), "kind": "renewal", "months": 12, **resident, **fee,
        "submitted_by": "delegate-7", "submitted_at": now.isoformat(timespec="seconds"),
        "insurance": {"policy": "HI-88120044", "from": f"{now:%F}", "to": f"{now + timedelta(days=730):%F}"},
    }


def apply(channel, resident):
    key, unpaid = resident["civil_id"], application_of(resident)
    channel.submit(unpaid, lose_acknowledgement=True)
    fee = {"receipt": f"KNET-{time.time_ns()}", "amount_fils": 20000, "paid_at": unpaid["submitted_at"]}
    paid = application_of(resident, fee=fee)
    channel.submit(paid)
    channel.send(key, channel.applications[paid["application_id"]]["payload"], "resend")
    channel.send(key, json.dumps({**paid, "months": 24}).encode(), "conflict")
    channel.send(key, json.dumps({**paid, "months": "12"}).encode(), "unreadable")
    channel.read_answers()
    outcomes = [channel.applications[a["application_id"]]["outcome"] for a in (unpaid, paid)]
    check(outcomes == ["rejected", "approved"], f"{outcomes} without and with the fee")
    check(channel.answered >= channel.published, f"{channel.published} messages, {channel.answered} answers")
    print(f"{channel.published} messages, {channel.answered} answers, all as expected")


if __name__ == "__main__":
    if sys.argv[1] == "apply":
        apply(Channel(), json.load(sys.stdin))
    else:
        channel = Channel()
        for key in sys.stdin.read().split():
            print(key, channel.publish(sys.argv[2], key, b"")[1])
