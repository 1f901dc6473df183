package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
		Channels   map[string]asyncChannel
		Components struct{ Messages map[string]asyncMessage }
	}
}

type asyncChannel struct {
	Address  string
	Messages map[string]asyncMessage
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

// TestAsyncAPIIsValid fails on errors and warnings. What the parser merely says
// for information (that 3.1.0 exists) does not count.
func TestAsyncAPIIsValid(t *testing.T) {
	for _, d := range readAsyncAPI(t).Diagnostics {
		if d.Severity <= 1 {
			t.Errorf("%s: %s (%s)", d.Path, d.Message, d.Code)
		}
	}
}

func TestAsyncAPIHasTheTopicsOfGo(t *testing.T) {
	topics := NamedTopics(DefaultPrefix)
	channels := readAsyncAPI(t).Document.Channels
	for name, want := range map[string]string{
		"submissions": topics.Submissions, "decisions": topics.Decisions, "quarantine": topics.Quarantine,
	} {
		channel := channels[name]
		if channel.Address != want || channel.Bindings.Kafka.Partitions != DefaultPartitions {
			t.Errorf("%s: %q with %d partitions", name, channel.Address, channel.Bindings.Kafka.Partitions)
		}
		if got := kafkaSettings(channel); !maps.Equal(got, topics.Settings(want)) {
			t.Errorf("%s: %v, in Go %v", name, got, topics.Settings(want))
		}
	}
	if len(channels) != len(topics.Names()) {
		t.Errorf("%d channels, %d topics", len(channels), len(topics.Names()))
	}
}

// kafkaSettings writes a channel's settings as the broker accepts them.
func kafkaSettings(channel asyncChannel) map[string]string {
	settings := map[string]string{}
	for name, value := range channel.Bindings.Kafka.TopicConfiguration {
		switch v := value.(type) {
		case []any:
			settings[name] = strings.Trim(fmt.Sprint(v), "[]")
		case float64:
			settings[name] = fmt.Sprintf("%.0f", v)
		default:
			settings[name] = fmt.Sprint(v)
		}
	}
	return settings
}

func TestAsyncAPIExamplesAreMessages(t *testing.T) {
	found := readAsyncAPI(t).Document.Components.Messages
	key := []byte("291030104196")
	for _, example := range found["applicationSubmitted"].Examples {
		if _, err := ReadApplication(key, example.Payload, asHeaders(example.Headers)); err != nil {
			t.Errorf("%s: %v", example.Name, err)
		}
	}
	for _, example := range found["decision"].Examples {
		if _, err := ReadDecision(key, example.Payload, asHeaders(example.Headers)); err != nil {
			t.Errorf("%s: %v", example.Name, err)
		}
	}
	for name, want := range map[string]int{"applicationSubmitted": 1, "decision": 2, "quarantined": 1} {
		if got := len(found[name].Examples); got != want {
			t.Errorf("%s has %d examples, want %d", name, got, want)
		}
	}
}

func asHeaders(values map[string]string) []Header {
	var list []Header
	for name, value := range values {
		list = append(list, Header{name, []byte(value)})
	}
	return list
}

func TestAsyncAPIHasTheHeadersOfGo(t *testing.T) {
	found := readAsyncAPI(t).Document.Components.Messages
	event, quarantined := found["decision"].Headers.AllOf[0], found["quarantined"].Headers
	checkHeaders(t, event, attributeNames[:], attributeNames[:attributeTime])
	names := []string{
		HeaderOriginTopic, HeaderOriginPartition, HeaderOriginOffset, HeaderOriginTimestamp,
		HeaderQuarantineRule, HeaderQuarantineField, HeaderQuarantineDetail,
	}
	checkHeaders(t, quarantined.node, names, names)
	checkNames(t, HeaderQuarantineRule, quarantined.Properties[HeaderQuarantineRule].Enum, Rules())
	for name, want := range map[string]string{"applicationSubmitted": TypeApplicationSubmitted, "decision": TypeDecision} {
		if got := found[name].Headers.AllOf[1].Properties[HeaderType].Const; got != want {
			t.Errorf("%s: type %q, in Go %q", name, got, want)
		}
	}
}

func checkHeaders(t *testing.T, got node, all, required []string) {
	t.Helper()
	properties := slices.Sorted(maps.Keys(got.Properties))
	if want := slices.Sorted(slices.Values(all)); !slices.Equal(properties, want) {
		t.Errorf("headers %v, in Go %v", properties, want)
	}
	if want := slices.Sorted(slices.Values(required)); !slices.Equal(slices.Sorted(slices.Values(got.Required)), want) {
		t.Errorf("required %v, in Go %v", got.Required, want)
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
