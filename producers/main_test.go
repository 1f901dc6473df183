package producers

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails where a closed publisher has left a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
