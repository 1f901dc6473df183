// Package renewals is the stage that decides applications. A batch at a time it decodes
// them, looks up what the register knows of their residents, decides by the policy of the
// day of submission, applies what follows to Postgres and says what is to be announced.
// The engine in the parent package gives it batches and makes what it writes exact.
//
// No decision depends on a clock of ours: the broker's time is part of a message. The stage
// talks to no other system.
package renewals

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// Name is the stage's name: its subcommand, and the prefix of its metrics.
const Name = "renewals"

// Group is the consumer group of the stage's workers.
const Group = "tajdeed.renewals"

// Stage decides the applications of all channels.
type Stage struct {
	config  Config
	metrics *metrics
}

// Config is what the stage is told of the installation.
type Config struct {
	Topics schema.Topics
	// Policies are what is decided by. Default those built into the program.
	Policies *policy.Set
	// Simulation says that the installation is one: the time at which a channel says that an
	// application was submitted is then taken as it is, and every decision says what it is.
	Simulation bool
	// Now says only when a decision was taken: no decision depends on it. Default
	// [time.Now].
	Now func() time.Time
}

// New returns the stage.
func New(config Config, registry prometheus.Registerer) *Stage {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Policies == nil {
		config.Policies, _ = policy.Embedded() // NewEngine returns the error
	}
	return &Stage{config: config, metrics: newMetrics(registry)}
}

var _ consumers.Stage = (*Stage)(nil)

// decoded are a batch's applications that could be read.
type decoded []received

// Decode reads a batch's applications.
func (s *Stage) Decode(b *consumers.Batch) consumers.Decoded {
	applications := make(decoded, 0, len(b.Messages))
	placed := newPlacement(b)
	for i := range b.Messages {
		m := &b.Messages[i]
		application, err := schema.ReadApplication(m.Key, m.Value, m.Headers)
		if err != nil {
			b.Quarantine(m, err)
			continue
		}
		placed.check(m.Key)
		applications = append(applications, received{
			Application: application, digest: application.Digest(), at: b.Position(m), publishedAt: m.Time,
		})
	}
	s.countMisplaced(b.Topic, placed.misplaced)
	return applications
}

// Effects are what follows from the applications of batches.
func (s *Stage) Effects(batches []consumers.Decoded) consumers.Effects {
	e := &effects{stage: s, ends: make([]int, len(batches))}
	for i, batch := range batches {
		applications, ours := batch.(decoded)
		if !ours {
			panic(fmt.Sprintf("renewals were given a %T of another stage", batch))
		}
		if i == 0 {
			e.applications = slices.Clip(applications)
		} else {
			e.applications = append(e.applications, applications...)
		}
		e.ends[i] = len(e.applications)
	}
	return e
}

// Announced reads again the decisions that a run of a partition caused.
func (s *Stage) Announced(ctx context.Context, db *pgxpool.Pool, at schema.TopicPartition, from, to int64) ([]kafka.Message, error) {
	decisions, err := s.Decisions(ctx, db, at, from, to)
	if err != nil {
		return nil, err
	}
	return messages(decisions), nil
}

// Decisions reads the decisions that a run of a partition caused, in the order of their
// causes.
func (s *Stage) Decisions(ctx context.Context, db *pgxpool.Pool, at schema.TopicPartition, from, to int64) ([]schema.Decision, error) {
	decisions, err := selectDecisions(ctx, db, at, from, to)
	for i := range decisions {
		decisions[i].Revision, decisions[i].Simulation = schema.FirstRevision, s.config.Simulation
	}
	return decisions, err
}

// received is an application as it came.
type received struct {
	schema.Application
	digest      [32]byte
	at          schema.Position
	publishedAt time.Time // by the broker
}

// effects are batches of applications and what became of them.
type effects struct {
	stage        *Stage
	applications []received // of all batches
	ends         []int      // where each batch's applications end, and its decisions
	known        *knowledge
	decisions    []schema.Decision // of the last Apply, one for each application
}

// LookUp queues the queries for the facts about the applications.
func (e *effects) LookUp(queue *pgx.Batch) {
	e.known = newKnowledge(len(e.applications))
	if len(e.applications) > 0 {
		e.known.lookUp(queue, e.applications)
	}
}

// Apply decides the batches and writes what follows.
func (e *effects) Apply(ctx context.Context, tx pgx.Tx, queue *pgx.Batch) error {
	e.decisions = slices.Grow(e.decisions[:0], len(e.applications))
	if len(e.applications) == 0 {
		return nil
	}
	if err := e.known.addSponsors(ctx, tx); err != nil {
		return fmt.Errorf("read sponsors: %w", err)
	}
	renewed := e.decide(e.known, e.stage.config.Now().Truncate(time.Microsecond))
	if err := e.writeDecisions(ctx, tx); err != nil {
		return fmt.Errorf("write decisions: %w", err)
	}
	if len(renewed) > 0 {
		queueRenewed(queue, renewed)
	}
	return nil
}

// decide decides the applications in the order in which they came, each by what those
// before it left, and returns the residents whose residencies were renewed.
func (e *effects) decide(known *knowledge, now time.Time) (renewed []*facts) {
	first := make(map[uuid.UUID]int, len(e.applications)) // among them, under each id
	for i := range e.applications {
		a := &e.applications[i]
		decision := e.decision(a, now)
		if earlier, taken := e.earlier(known, first, a.ID); taken {
			repeat(&decision, a, earlier)
		} else {
			first[a.ID] = i
			resident := known.resident(a.CivilID)
			verdict := decide(e.stage.config.Policies, &a.Application, resident, known.spent[a.Fee.Receipt], a.publishedAt, e.stage.config.Simulation)
			setVerdict(&decision, verdict)
			if verdict.reasons == 0 {
				resident.residency.ExpiresOn = verdict.newExpiry
				known.spent[a.Fee.Receipt] = true
				if !resident.renewed {
					resident.renewed = true
					renewed = append(renewed, resident)
				}
			}
		}
		e.decisions = append(e.decisions, decision)
	}
	return renewed
}

// earlier finds what was decided first under an id: in Postgres, or among these applications.
func (e *effects) earlier(known *knowledge, first map[uuid.UUID]int, id uuid.UUID) (earlierDecision, bool) {
	if earlier, taken := known.applications[id]; taken {
		return earlier, true
	}
	i, taken := first[id]
	if !taken {
		return earlierDecision{}, false
	}
	return earlierDecision{digest: e.applications[i].digest, verdict: verdictOf(&e.decisions[i])}, true
}

// decision is what is the same for every disposition.
func (e *effects) decision(a *received, now time.Time) schema.Decision {
	return schema.Decision{
		Cause:         a.at,
		ApplicationID: a.ID,
		Revision:      schema.FirstRevision,
		Simulation:    e.stage.config.Simulation,
		CivilID:       a.CivilID,
		Kind:          a.Kind,
		Article:       a.Article,
		SponsorID:     a.SponsorID,
		Months:        a.Months,
		FeePaid:       a.Fee.Amount,
		SubmittedAt:   a.SubmittedAt,
		ReceivedAt:    a.publishedAt,
		DecidedAt:     now,
	}
}

// setVerdict puts a verdict into a decision, which is the first of its application.
func setVerdict(d *schema.Decision, v verdict) {
	d.Disposition = schema.DispositionFirst
	d.Outcome, d.Reasons, d.Policy = v.outcome(), v.reasons, v.policy
	d.FeeDue, d.FineDue, d.OldExpiry, d.NewExpiry = v.feeDue, v.fineDue, v.oldExpiry, v.newExpiry
}

// verdictOf is the verdict that was put into a decision.
func verdictOf(d *schema.Decision) verdict {
	return verdict{
		reasons: d.Reasons, policy: d.Policy, feeDue: d.FeeDue, fineDue: d.FineDue,
		oldExpiry: d.OldExpiry, newExpiry: d.NewExpiry,
	}
}

// repeat answers an application whose id was decided before: the same again if it
// is the same application, and a rejection if it is another. That one is told
// nothing of the first, which may be another resident's.
func repeat(d *schema.Decision, a *received, earlier earlierDecision) {
	if earlier.digest == a.digest {
		setVerdict(d, earlier.verdict)
		d.Disposition = schema.DispositionResend
		return
	}
	d.Disposition, d.Outcome = schema.DispositionConflict, schema.OutcomeRejected
	d.Policy = earlier.verdict.policy
	d.Reasons.Add(schema.ReasonApplicationConflict)
}

// decisionsOf returns the decisions of a batch.
func (e *effects) decisionsOf(batch int) []schema.Decision {
	from := 0
	if batch > 0 {
		from = e.ends[batch-1]
	}
	return e.decisions[from:e.ends[batch]]
}

// Announcements returns a batch's decisions as messages. It also counts them in the metrics,
// because they are committed by the time that they are asked for.
func (e *effects) Announcements(batch int) []kafka.Message {
	decisions := e.decisionsOf(batch)
	e.stage.metrics.count(decisions)
	return messages(decisions)
}

// Policy names the versions that a batch was decided by: one, but on the day on
// which a policy comes into force.
func (e *effects) Policy(batch int) string {
	var versions []string
	decisions := e.decisionsOf(batch)
	for i := range decisions {
		if v := decisions[i].Policy; !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	return strings.Join(versions, ",")
}

// source is the CloudEvents source of the answers.
const source = "/tajdeed/renewals"
