// Package localtest gives a test servers of its own, which it may break.
package localtest

import (
	"context"
	"os"
	"testing"

	"tajdeed/deploy/local"
)

// Folder returns a folder that the user that Postgres runs as can reach, unlike one of
// [testing.T.TempDir]. It is removed when the test ends.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tajdeed-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Servers starts servers in a folder of the test's own, and stops them when the test ends.
// The test's TestMain must call [local.ChildMain].
func Servers(t testing.TB) *local.Servers {
	t.Helper()
	servers, err := local.Start(t.Context(), local.Config{Data: Folder(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), local.StopWithin)
		defer cancel()
		if err := servers.Stop(ctx); err != nil {
			t.Errorf("stop the servers: %v", err)
		}
	})
	return servers
}
