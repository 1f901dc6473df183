package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tajdeed/schema"
)

// language is one example: its folder's name, and the shell commands of its README that
// install and run it. The versions and digests of what they fetch are pinned by the files in
// the folder.
type language struct {
	name    string
	fetch   []string // commands, in order
	command string   // to which the arguments are added
}

var languages = []language{
	{
		name: "java",
		fetch: []string{
			"mvn -q -B compile dependency:copy-dependencies",
			"(cd target/dependency && sha256sum --quiet --check ../../SHA256SUMS)",
		},
		command: "java -cp 'target/classes:target/dependency/*' Channel",
	},
	{
		name:    "javascript",
		fetch:   []string{"npm ci --ignore-scripts --no-audit --no-fund --loglevel=error"},
		command: "node channel.js",
	},
	{
		name: "python",
		fetch: []string{
			"python3 -m venv .venv",
			".venv/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt",
		},
		command: ".venv/bin/python channel.py",
	},
}

// channel is the example's own.
func (l language) channel() schema.Channel { return schema.Channel("example_" + l.name) }

func channels() []schema.Channel {
	var all []schema.Channel
	for _, l := range languages {
		all = append(all, l.channel())
	}
	return all
}

// install copies an example, so that the source stays as it is, and fetches what it needs.
func (l language) install(ctx context.Context, source, folder string) error {
	if err := copySource(source, folder); err != nil {
		return fmt.Errorf("copy the example: %w", err)
	}
	for _, line := range l.fetch {
		c := shell(ctx, folder, line)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("install the example in %s: %s: %w\n%s", l.name, line, err, out)
		}
	}
	return nil
}

// left is what somebody who ran an example in its folder left there.
var left = map[string]bool{"node_modules": true, "target": true, ".venv": true}

func copySource(source, folder string) error {
	return filepath.WalkDir(source, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(folder, strings.TrimPrefix(path, source))
		if entry.IsDir() {
			if left[entry.Name()] {
				return filepath.SkipDir
			}
			return os.MkdirAll(to, 0o755)
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, body, 0o644)
	})
}

// waitDelay is how long what a killed shell started may keep our end of its output open.
const waitDelay = 5 * time.Second

func shell(ctx context.Context, folder, line string) *exec.Cmd {
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Dir, c.WaitDelay = folder, waitDelay
	return c
}
