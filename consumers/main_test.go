package consumers_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A worker that has stopped leaves no goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
