package local

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// childAttr puts a child into its own process group, so that Ctrl-C reaches
// only us, and has the kernel signal it when the thread that forks it ends.
func childAttr(user *syscall.Credential, orphaned syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: user, Pdeathsig: orphaned}
}

// memory is how many bytes the machine has, or the container lets us have; 0 where that
// cannot be told.
func memory() uint64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	bytes := info.Totalram * uint64(info.Unit)
	limit, _ := os.ReadFile("/sys/fs/cgroup/memory.max") // "max" where there is none
	if most, err := strconv.ParseUint(strings.TrimSpace(string(limit)), 10, 64); err == nil {
		bytes = min(bytes, most)
	}
	return bytes
}

// commandLine is what the process was started with; false when there is none.
func commandLine(pid int) (string, bool) {
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(body) == 0 { // empty: a zombie
		return "", false
	}
	return strings.ReplaceAll(string(body), "\x00", " "), true
}
