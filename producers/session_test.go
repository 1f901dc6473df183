package producers

import (
	"context"
	"net"
)

// dialBy opens all connections from now on in another way.
func (s *sessions) dialBy(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dial = dial
	s.replace(s.current.topics)
}

// dropped is how many sessions were thrown away after a failure.
func (s *sessions) dropped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replaced
}
