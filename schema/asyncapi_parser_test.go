package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// asyncAPI is asyncapi.yaml as the AsyncAPI project's parser returns it.
type asyncAPI struct {
	Diagnostics []struct {
		Severity      int // 0 an error, 1 a warning, 2 information, 3 a hint
		Code, Message string
		Path          string
	}
	Document *struct {
		Servers map[string]struct {
			Protocol, Description string
			Security              []struct{ Type string }
		}
		Channels   map[string]asyncChannel
		Components struct {
			Messages map[string]asyncMessage
			Schemas  map[string]any
		}
	}
}

type asyncChannel struct {
	Address  string
	Messages map[string]asyncMessage
	// Parameters are the names in braces in the address.
	Parameters map[string]struct {
		Examples []string
		Pattern  string `json:"x-pattern"`
	}
	Bindings struct {
		Kafka struct {
			Partitions         int
			TopicConfiguration map[string]any
		}
	}
}

type asyncMessage struct {
	Headers  struct{ node }
	Examples []struct {
		Name    string
		Headers map[string]string
		Payload json.RawMessage
	}
}

// readAsyncAPI reads the document once for all tests.
func readAsyncAPI(t *testing.T) asyncAPI {
	t.Helper()
	read, err := readAsyncAPIOnce()
	if err != nil {
		t.Fatal(err)
	}
	if read.Document == nil {
		t.Fatalf("the parser refuses the document: %+v", read.Diagnostics)
	}
	return read
}

var readAsyncAPIOnce = sync.OnceValues(func() (read asyncAPI, err error) {
	modules, err := installAsyncAPIParser()
	if err != nil {
		return read, err
	}
	check := exec.Command("node", filepath.Join("asyncapi", "check.js"), "asyncapi.yaml")
	check.Env = append(os.Environ(), "NODE_PATH="+modules)
	printed, err := run(check)
	if err != nil {
		return read, err
	}
	return read, json.Unmarshal(printed, &read)
})

// installAsyncAPIParser puts the pinned parser into the user's cache, unless it
// is there, and returns its node_modules. The folder appears under its name in
// one step, complete, so that test runs beside this one can share it.
func installAsyncAPIParser() (modules string, err error) {
	lock, err := os.ReadFile(filepath.Join("asyncapi", "package-lock.json"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the AsyncAPI parser needs a cache folder: %w", err)
	}
	cache = filepath.Join(cache, "tajdeed")
	home := filepath.Join(cache, fmt.Sprintf("asyncapi-%.8x", sha256.Sum256(lock)))
	if _, err := os.Stat(home); err == nil {
		return filepath.Join(home, "node_modules"), nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	return filepath.Join(home, "node_modules"), installNodeModules(cache, home)
}

// installNodeModules installs into a folder of its own and then gives it its name.
func installNodeModules(cache, home string) error {
	fresh, err := os.MkdirTemp(cache, "asyncapi-new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // nothing is left there once it has its name
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join("asyncapi", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(fresh, name), data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = fresh
	if _, err := run(install); err != nil {
		return err
	}
	if err := os.Rename(fresh, home); err != nil {
		if _, there := os.Stat(home); there == nil {
			return nil // another test run was faster
		}
		return err
	}
	return nil
}

// run runs a command of Node.js and says what to do where there is none.
func run(command *exec.Cmd) (printed []byte, err error) {
	if command.Err != nil {
		return nil, fmt.Errorf("the AsyncAPI parser needs Node.js 20 or later with npm in the PATH: %w", command.Err)
	}
	var complaints bytes.Buffer
	command.Stderr = &complaints
	printed, err = command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, complaints.String())
	}
	return printed, nil
}
