package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// faultKind is a kind of fault, as --only names it.
type faultKind string

const (
	killRenewals      faultKind = "kill-worker"
	killAnalytics     faultKind = "kill-sink"
	freezeRenewals    faultKind = "freeze-worker"
	freezeAnalytics   faultKind = "freeze-sink"
	addWorker         faultKind = "add-worker"
	removeWorker      faultKind = "remove-worker"
	addChannel        faultKind = "add-channel"
	restartPostgres   faultKind = "restart-postgres"
	restartClickHouse faultKind = "restart-clickhouse"
	restartKafka      faultKind = "restart-kafka"
	cutPostgres       faultKind = "cut-postgres"
	cutClickHouse     faultKind = "cut-clickhouse"
	cutKafka          faultKind = "cut-kafka"
	delayPostgres     faultKind = "delay-postgres"
	delayClickHouse   faultKind = "delay-clickhouse"
	delayKafka        faultKind = "delay-kafka"
	resetPostgres     faultKind = "reset-postgres"
	resetClickHouse   faultKind = "reset-clickhouse"
	resetKafka        faultKind = "reset-kafka"
	produceTimeout    faultKind = "produce-timeout"
	dropCommitReply   faultKind = "drop-commit-reply"
	clockStep         faultKind = "clock-step"
	diskFull          faultKind = "disk-full" // of the decisions' table
	diskFullWAL       faultKind = "disk-full-wal"
	diskFullKafka     faultKind = "disk-full-kafka"
)

// faultKinds are all that a schedule draws from, in the order of the report.
var faultKinds = []faultKind{
	killRenewals, killAnalytics, freezeRenewals, freezeAnalytics, addWorker, removeWorker, addChannel,
	restartPostgres, restartClickHouse, restartKafka,
	cutPostgres, cutClickHouse, cutKafka, delayPostgres, delayClickHouse, delayKafka,
	resetPostgres, resetClickHouse, resetKafka,
	produceTimeout, dropCommitReply, clockStep,
	diskFull, diskFullWAL, diskFullKafka,
}

// parseKinds reads the kinds that --only names; none means all.
func parseKinds(names []string) ([]faultKind, error) {
	if len(names) == 0 {
		return faultKinds, nil
	}
	kinds := make([]faultKind, len(names))
	for i, name := range names {
		if kinds[i] = faultKind(name); !slices.Contains(faultKinds, kinds[i]) {
			return nil, fmt.Errorf("there is no fault %q: choose among %s", name, kindNames(faultKinds))
		}
	}
	return kinds, nil
}

func kindNames(kinds []faultKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// fault is one planned strike.
type fault struct {
	After     time.Duration // since the round began
	Kind      faultKind
	For       time.Duration // how long it lasts, where it lasts
	ToxicRate float64       // the share of the connections that it hits, where it is a fault of the network
	Pick      int           // which of several targets: modulo their number
	Way       int           // 0 or 1: which of a kind's two variants
}

func (f fault) String() string {
	return fmt.Sprintf("%5.1fs %s for %s, toxic rate %.2f, pick %d, way %d",
		f.After.Seconds(), f.Kind, f.For.Round(time.Millisecond), f.ToxicRate, f.Pick, f.Way)
}

const (
	// strikingFor is how long a round strikes. After that it waits for the servers and
	// until every message is through.
	strikingFor = 25 * time.Second
	// betweenFaults is the mean time from one strike to the next. Many last longer, so
	// several are under way at once.
	betweenFaults = 1600 * time.Millisecond
	// sessionTimeout is the shortest that a broker accepts with its shipped settings.
	sessionTimeout = 6 * time.Second
)

// schedule draws the faults and their moments. The same seed and kinds give the same
// faults on any machine.
type schedule struct {
	seed  uint64
	rng   *rand.Rand
	kinds []faultKind
	bag   []faultKind // kinds that were not drawn since every kind was drawn once
}

func newSchedule(seed uint64, kinds []faultKind) *schedule {
	return &schedule{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x6368_616f_7321)), kinds: kinds}
}

// round draws the faults of the next round.
func (s *schedule) round() (faults []fault) {
	after := s.duration(time.Second, 2*time.Second)
	for after < strikingFor {
		faults = append(faults, s.fault(after))
		after += s.duration(betweenFaults/8, betweenFaults*15/8)
	}
	return faults
}

func (s *schedule) fault(after time.Duration) fault {
	f := fault{After: after, Kind: s.kind(), ToxicRate: 1, Pick: s.rng.IntN(1 << 20), Way: s.rng.IntN(2)}
	if s.rng.IntN(2) == 0 {
		f.ToxicRate = 0.2 + 0.6*s.rng.Float64()
	}
	switch f.Kind {
	case freezeRenewals, freezeAnalytics:
		f.For = s.duration(sessionTimeout+500*time.Millisecond, sessionTimeout+4*time.Second)
	case produceTimeout, dropCommitReply:
		f.For = 5 * time.Second // to wait for one at most
	case cutPostgres, cutClickHouse, cutKafka: // often longer than the session timeout
		f.For = s.duration(300*time.Millisecond, 2*sessionTimeout)
	case diskFullWAL, diskFullKafka: // the space that the server has reserved must be used up first
		f.For = s.duration(time.Second, 8*time.Second)
	case clockStep: // until 3 s after the striking, at most
		f.For = s.duration(2*time.Second, 3*time.Second+strikingFor-after)
	default:
		f.For = s.duration(300*time.Millisecond, 5*time.Second)
	}
	return f
}

// kind takes a kind out of the bag, so that every kind strikes equally often.
func (s *schedule) kind() faultKind {
	if len(s.bag) == 0 {
		s.bag = slices.Clone(s.kinds)
		s.rng.Shuffle(len(s.bag), func(i, j int) { s.bag[i], s.bag[j] = s.bag[j], s.bag[i] })
	}
	k := s.bag[len(s.bag)-1]
	s.bag = s.bag[:len(s.bag)-1]
	return k
}

func (s *schedule) duration(from, upTo time.Duration) time.Duration {
	return from + time.Duration(s.rng.Int64N(int64(upTo-from)))
}
