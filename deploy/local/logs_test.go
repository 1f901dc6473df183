package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What servers write when they die, shortened in the middle only.
var endings = []struct {
	name, log, want string
}{
	{"ClickHouse, an exception that it did not expect", `2026.11.25 09:44:48.119668 [ 21863 ] {} <Error> TCPHandler: Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE), Stack trace (when copying this message, always include the lines below):

0. ? @ 0x000000001c8fa4b3
12. start_thread @ 0x00000000000891f5
 (version 26.7.2.1)
2026.11.25 09:44:48.136924 [ 21841 ] {} <Fatal> ClientBase: (version 26.7.2.1, build id: 6FB4590CC84F3A3ED98F63DDF9659021E65772E2, git hash: 7d84d719da07184f6a49405a11b112f16925af72) (from thread 21863) Terminate called for uncaught exception:
2026.11.25 09:44:48.136968 [ 21841 ] {} <Fatal> ClientBase: Code: 81. DB::Exception: Database nope does not exist. (UNKNOWN_DATABASE), Stack trace (when copying this message, always include the lines below):
2026.11.25 09:44:48.136969 [ 21841 ] {} <Fatal> ClientBase: 
2026.11.25 09:44:48.136969 [ 21841 ] {} <Fatal> ClientBase: 0. ? @ 0x000000001c8fa4b3
2026.11.25 09:44:48.136980 [ 21841 ] {} <Fatal> ClientBase:  (version 26.7.2.1)
2026.11.25 09:44:48.139627 [ 21841 ] {} <Fatal> ClientBase: ########## Short fault info ############
2026.11.25 09:44:48.139652 [ 21841 ] {} <Fatal> ClientBase: (version 26.7.2.1, architecture: x86_64) (from thread 21863) Received signal 6 (internal)
2026.11.25 09:44:48.139661 [ 21841 ] {} <Fatal> ClientBase: Signal description: Aborted
2026.11.25 09:44:48.139695 [ 21841 ] {} <Fatal> ClientBase: Sent by tkill.
2026.11.25 09:44:48.139712 [ 21841 ] {} <Fatal> ClientBase: Stack trace: 0x00007f3488d76eed 0x00007f3488d27fb2
2026.11.25 09:44:48.139732 [ 21841 ] {} <Fatal> ClientBase: (version 26.7.2.1) (from thread 21863) (no query) Received signal Aborted (6)
2026.11.25 09:44:48.139775 [ 21841 ] {} <Fatal> ClientBase: 3. __pthread_kill_implementation @ 0x000000000008aeed
`, "Code: 81. DB::Exception: Database nope does not exist. (UNKNOWN_DATABASE)"},
	{"ClickHouse, a fault", `2026.11.25 09:44:48.139627 [ 21841 ] {} <Fatal> ClientBase: ########## Short fault info ############
2026.11.25 09:44:48.139652 [ 21841 ] {} <Fatal> ClientBase: (version 26.7.2.1) (from thread 21863) Received signal 11
2026.11.25 09:44:48.139732 [ 21841 ] {} <Fatal> ClientBase: (version 26.7.2.1) (from thread 21863) (query_id: x) (query: SELECT 1) Received signal Segmentation fault (11)
2026.11.25 09:44:48.139775 [ 21841 ] {} <Fatal> ClientBase: 3. DB::f(std::string const&) @ 0x000000000008aeed
`, "Received signal Segmentation fault (11)"},
	{"ClickHouse, a port that is taken", "tajdeed-clickhouse: Code: 210. DB::NetException: Address already in use. (NETWORK_ERROR)\n",
		"tajdeed-clickhouse: Code: 210. DB::NetException: Address already in use. (NETWORK_ERROR)"},
	{"Postgres", `2026-11-25 09:55:17.706 UTC [13427] tajdeed FATAL:  role "x" does not exist
2026-11-25 09:55:17.706 UTC [13427]  PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device
2026-11-25 09:55:17.706 UTC [13427]  LOG:  all server processes terminated
`, `PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device`},
	{"Kafka", `2026-11-25T09:40:41,012 ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)
java.lang.RuntimeException: Unable to start
	at kafka.server.KafkaRaftServer.<init>(KafkaRaftServer.scala:60)
Caused by: java.net.BindException: Address already in use
	at java.base/sun.nio.ch.Net.bind0(Native Method)
	... 5 more
`, "java.net.BindException: Address already in use"},
	{"kfake", "[WARN] slow disk\npanic: runtime error: index out of range [3]\n\ngoroutine 7 [running]:\nmain.main()\n\t/src/main.go:3\n", "panic: runtime error: index out of range [3]"},
	{"nothing that is known", "the disk is slow\nthe disk is full\n\n", "the disk is full"},
	{"a long line", strings.Repeat("é", 200), strings.Repeat("é", 150) + "…"},
	{"nothing", "", ""},
}

func TestEnding(t *testing.T) {
	t.Parallel()
	for _, c := range endings {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const before = "an earlier run\npanic: of an earlier run\n"
			path := filepath.Join(t.TempDir(), "log")
			must(t, os.WriteFile(path, []byte(before+c.log), 0o644))
			if got := ending(path, int64(len(before)), 1); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if got := ending(path, int64(len(before)), 5); !strings.HasSuffix(got, c.want) || strings.Contains(got, "0x0") || strings.Contains(got, "earlier run") {
				t.Errorf("five lines are\n%s", got)
			}
		})
	}
}

// An error from long before the end is not taken for its cause, nor is a log read from
// its beginning.
func TestEndingOfALongLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	must(t, os.WriteFile(path, []byte("panic: long ago\n"+strings.Repeat("all is well\n", 100_000)), 0o644))
	if got := ending(path, 0, 2); got != "all is well\nall is well" {
		t.Errorf("it ends %q", got)
	}
}
