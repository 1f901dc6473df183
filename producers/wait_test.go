package producers

import (
	"net"
	"testing"
	"time"
)

// await waits until something that only shows from outside has come true.
func await(t *testing.T, come func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !come() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("it didn't come true in 20 s")
		}
	}
}

// freePort returns a port that nobody listened on a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
