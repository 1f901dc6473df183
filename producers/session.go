package producers

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"

	"github.com/segmentio/kafka-go"
)

// sessions keep the connections to the brokers. The transport asks the brokers again and
// again about the topics that it was made for, or about every topic of the cluster where
// it was made for none. A cluster that is shared has tens of thousands of partitions, and
// to ask about all of them every second is megabytes for each process. So it is made for
// the topics that were published to, which are few, and made anew when one is added. A
// topic that is deleted stays in the list: asking about it costs a few bytes.
type sessions struct {
	config  Config
	brokers net.Addr
	dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: the library's

	mu       sync.Mutex
	current  *session
	replaced int // sessions that were thrown away after a failure
}

// session is a transport, with its connections and what it knows of the cluster.
type session struct {
	transport *kafka.Transport
	topics    []string
	users     int  // requests under way
	retired   bool // no longer the current one
}

func newSessions(config Config) *sessions {
	s := &sessions{config: config, brokers: kafka.TCP(config.Brokers...)}
	s.current = s.newSession(nil)
	return s
}

func (s *sessions) newSession(topics []string) *session {
	return &session{topics: topics, transport: &kafka.Transport{
		Dial:           s.dial,
		ClientID:       s.config.ClientID,
		DialTimeout:    s.config.dialTimeout(),
		MetadataTTL:    s.config.MetadataTTL,
		MetadataTopics: topics,
	}}
}

// roundTrip makes one request on the current session, and returns the session.
func (s *sessions) roundTrip(ctx context.Context, request kafka.Request) (kafka.Response, *session, error) {
	used := s.take()
	defer s.giveBack(used)
	answer, err := used.transport.RoundTrip(ctx, s.brokers, request)
	return answer, used, err
}

func (s *sessions) take() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.users++
	return s.current
}

// giveBack closes a retired session's connections after its last request: one that began
// as the session retired has opened them again.
func (s *sessions) giveBack(used *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if used.users--; used.users == 0 && used.retired {
		used.transport.CloseIdleConnections()
	}
}

// add makes a session that knows one more topic.
func (s *sessions) add(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(append(slices.Clone(s.current.topics), topic))
}

// replace retires the current session. Requests under way on it are not disturbed.
func (s *sessions) replace(topics []string) {
	s.current.retired = true
	s.current.transport.CloseIdleConnections()
	s.current = s.newSession(topics)
}

// dropAfter throws the session away, and with it the connections and what was known of
// the cluster, after a failure that either may have caused; the next attempt asks again.
// Without it a moved leader is not noticed before MetadataTTL, and each connection that a
// restarted broker left dead costs an attempt. Of several attempts that fail together,
// one does it for all.
func (s *sessions) dropAfter(used *session, err error) {
	if err == nil || errors.Is(err, kafka.RequestTimedOut) || errors.Is(err, context.Canceled) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if used == s.current {
		s.replaced++
		s.replace(s.current.topics)
	}
}

func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.transport.CloseIdleConnections()
}
