package producers

import (
	"testing"

	"go.uber.org/goleak"
)

// A publisher that is closed leaves no goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
