package local

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// childAttr puts a child into its own process group, so that Ctrl-C reaches
// only us. Nothing here signals it when we are killed: ClickHouse and kfake see
// their standard input end; Postgres and Kafka stay until the next start.
func childAttr(user *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: user}
}

// memory is how many bytes the machine has, 0 where that cannot be told.
func memory() uint64 {
	size, _ := exec.Command("sysctl", "-n", "hw.memsize").Output()
	n, _ := strconv.ParseUint(strings.TrimSpace(string(size)), 10, 64)
	return n
}

// commandLine is what the process was started with; false when there is none.
func commandLine(pid int) (string, bool) {
	line, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(line)), err == nil && len(line) > 0
}
