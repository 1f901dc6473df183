package local

import (
	"fmt"
	"os"
	"os/exec"
)

// A server that runs inside a copy of this program is recognised by its argv[0].
const (
	clickhouseChild = "tajdeed-clickhouse"
	kfakeChild      = "tajdeed-kfake"
)

// ChildMain must be the first thing that main, or TestMain, calls, with os.Args. In
// a process that [Start] made of a copy of the program it runs that server to its end
// and returns true, after which main must return; where the server fails, the process
// exits with 1. In any other process it returns false at once.
func ChildMain(args []string) (handled bool) {
	if !isChild(args) {
		return false
	}
	run := map[string]func([]string) error{
		clickhouseChild: clickhouseMain,
		kfakeChild:      kfakeMain,
	}[args[0]]
	if err := run(args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", args[0], err)
		os.Exit(1)
	}
	return true
}

func isChild(args []string) bool {
	return len(args) > 0 && (args[0] == clickhouseChild || args[0] == kfakeChild)
}

// reexec runs this program's own file as a child of the given name. Linux
// keeps the file reachable for a running process even when a build replaces it.
func reexec(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(ownFile())
	cmd.Args = append([]string{name}, args...)
	return cmd
}

func ownFile() string {
	if link := fmt.Sprintf("/proc/%d/exe", os.Getpid()); exists(link) {
		return link
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
