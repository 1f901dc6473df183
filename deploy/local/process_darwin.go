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

// commandLine is what the process was started with; false when there is none.
func commandLine(pid int) (string, bool) {
	line, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(line)), err == nil && len(line) > 0
}
