package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// postgresSettings suit a developer's machine. What makes a commit durable stays as
// shipped. This build has no lz4, and the compression of WAL that it
// has costs more than it saves.
var postgresSettings = map[string]string{
	"listen_addresses":        "127.0.0.1",
	"unix_socket_directories": "",
	"max_connections":         "200",
	"maintenance_work_mem":    "256MB",
	"max_wal_size":            "8GB", // a simulated year writes gigabytes
	// This much of the log's files is kept and written over: a new one is filled with
	// zeros first.
	"min_wal_size":       "1GB",
	"checkpoint_timeout": "15min",
	"timezone":           "UTC",
	"log_timezone":       "UTC",
	"log_line_prefix":    "%m [%p] %d ",
	"log_checkpoints":    "off",
}

func postgresURL(port int, database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", address(port), database)
}

func postgresPlan(c Config, f *folder, root string, ports Ports) plan {
	home := filepath.Join(f.path, postgresName)
	admin := postgresURL(ports.Postgres, "postgres")
	return plan{
		name: postgresName,
		prepare: func(ctx context.Context) (program, error) {
			return preparePostgres(ctx, c, root, home, ports.Postgres)
		},
		setUp: func(ctx context.Context) (string, error) { return setUpPostgres(ctx, admin) },
	}
}

func preparePostgres(ctx context.Context, c Config, root, home string, port int) (program, error) {
	user, err := postgresUser()
	if err != nil {
		return program{}, err
	}
	if err := mustReach(user, root, filepath.Dir(home)); err != nil {
		return program{}, err
	}
	if err := initPostgres(ctx, c, root, home, user); err != nil {
		return program{}, err
	}
	return program{
		name:    postgresName,
		title:   "Postgres 18",
		command: func() *exec.Cmd { return postgresCommand(root, home, port) },
		user:    user,
		cleanUp: func() error { return removeForeignPid(home) },
		answers: func(ctx context.Context) error { return postgresAnswers(ctx, port) },
		stop:    syscall.SIGINT, // "fast": ends the sessions, then writes a checkpoint
	}, nil
}

// initPostgres makes the data folder under another name and renames it when it is
// complete, so that a start that was cut short leaves none that looks ready.
func initPostgres(ctx context.Context, c Config, root, home string, user *syscall.Credential) error {
	if exists(filepath.Join(home, "PG_VERSION")) {
		return nil
	}
	c.Progress("initialising Postgres")
	next := home + ".new"
	if err := os.RemoveAll(next); err != nil {
		return fmt.Errorf("remove what an earlier start left: %w", err)
	}
	if err := makeOwned(next, user); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "bin", "initdb"), "-D", next, "-U", "postgres",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
	cmd.Env = cleanLocale(os.Environ())
	cmd.Dir = filepath.Dir(home)
	cmd.SysProcAttr = childAttr(user, 0)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLines(out))
	}
	if err := os.Rename(next, home); err != nil {
		return fmt.Errorf("move the data folder into place: %w", err)
	}
	return nil
}

func makeOwned(dir string, user *syscall.Credential) error {
	if err := os.MkdirAll(dir, 0o700); err != nil || user == nil {
		return err
	}
	return os.Chown(dir, int(user.Uid), int(user.Gid))
}

func postgresCommand(root, home string, port int) *exec.Cmd {
	args := []string{"-D", home, "-p", strconv.Itoa(port)}
	for name, value := range postgresSettings {
		args = append(args, "-c", name+"="+value)
	}
	buffers := sharedBuffers(memory()) >> 10
	args = append(args, "-c", fmt.Sprintf("shared_buffers=%dkB", buffers),
		"-c", fmt.Sprintf("effective_cache_size=%dkB", 2*buffers)) // with what the system keeps
	cmd := exec.Command(filepath.Join(root, "bin", "postgres"), args...)
	cmd.Env = cleanLocale(os.Environ())
	return cmd
}

const (
	leastBuffers = 128 << 20
	mostBuffers  = 4 << 30
)

// sharedBuffers is a quarter of the machine's memory, as Postgres' manual advises
// ("Resource Consumption"), but for what the servers beside it need of a large one. It
// is taken as data fills it.
func sharedBuffers(memory uint64) uint64 { return min(max(memory/4, leastBuffers), mostBuffers) }

// cleanLocale keeps a person's locale, which may not be installed, and libpq's
// settings out of the server.
func cleanLocale(env []string) []string {
	kept := []string{"LC_ALL=C"}
	for _, e := range env {
		if !strings.HasPrefix(e, "LC_") && !strings.HasPrefix(e, "LANG") && !strings.HasPrefix(e, "PG") {
			kept = append(kept, e)
		}
	}
	return kept
}

// removeForeignPid removes a pid file whose process is no Postgres: after a reboot the
// number belongs to another program, and Postgres would refuse to start. Where the
// process is a Postgres, or gone, Postgres itself decides better.
func removeForeignPid(home string) error {
	path := filepath.Join(home, "postmaster.pid")
	body, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	first, _, _ := strings.Cut(string(body), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return nil
	}
	if line, alive := commandLine(pid); alive && !strings.Contains(line, "postgres") {
		return os.Remove(path)
	}
	return nil
}

func postgresAnswers(ctx context.Context, port int) error {
	conn, err := pgx.Connect(ctx, postgresURL(port, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.Ping(ctx)
}

// setUpPostgres creates the database and returns the server's version.
func setUpPostgres(ctx context.Context, admin string) (version string, err error) {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	const ask = "SELECT current_setting('server_version'), EXISTS (SELECT FROM pg_database WHERE datname = 'tajdeed')"
	var there bool
	if err := conn.QueryRow(ctx, ask).Scan(&version, &there); err != nil || there {
		return version, err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE tajdeed")
	return version, err
}
