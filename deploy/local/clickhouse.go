package local

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ebitengine/purego"
)

var (
	//go:embed clickhouse/config.xml
	clickhouseConfig string
	//go:embed clickhouse/users.xml
	clickhouseUsers string
)

func clickhousePlan(f *folder, library string, ports Ports) plan {
	home := filepath.Join(f.path, clickhouseName)
	return plan{
		name: clickhouseName,
		prepare: func(context.Context) (program, error) {
			return program{
				name:    clickhouseName,
				title:   "ClickHouse",
				command: func() *exec.Cmd { return clickhouseCommand(library, home, ports) },
				cleanUp: func() error { return removeStatus(home) },
				answers: func(ctx context.Context) error { return clickhouseAnswers(ctx, ports.ClickHouse) },
			}, writeClickHouseConfig(home)
		},
		setUp: func(ctx context.Context) (string, error) { return setUpClickHouse(ctx, ports.ClickHouse) },
	}
}

func writeClickHouseConfig(home string) error {
	if err := os.MkdirAll(filepath.Join(home, "data"), 0o755); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	users := filepath.Join(home, "users.xml")
	if err := replaceFile(users, []byte(clickhouseUsers)); err != nil {
		return err
	}
	return writeTemplate(filepath.Join(home, "config.xml"), clickhouseConfig, struct{ Users string }{users})
}

// clickhouseCommand runs the library's command-line program as a server. Its
// last query reads standard input, which we hold open, so it ends when we close
// it, and when we die.
func clickhouseCommand(library, home string, ports Ports) *exec.Cmd {
	return reexec(clickhouseChild, library,
		"--config-file="+filepath.Join(home, "config.xml"),
		"--path="+filepath.Join(home, "data"),
		"--log-level=warning",
		"--listen_host=127.0.0.1",
		"--tcp_port="+strconv.Itoa(ports.ClickHouse),
		"--http_port="+strconv.Itoa(ports.ClickHouseHTTP),
		"--query", "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT * FROM file('-', 'LineAsString')",
	)
}

// removeStatus removes the file by which a running ClickHouse keeps a second one out of
// its data. One that was killed leaves it. Our own lock says that none runs here.
func removeStatus(home string) error {
	err := os.Remove(filepath.Join(home, "data", "status"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func clickhouseAnswers(ctx context.Context, port int) error {
	conn, err := openClickHouse(port)
	if err != nil {
		return err
	}
	return errors.Join(conn.Exec(ctx, "SELECT 1"), conn.Close())
}

// setUpClickHouse creates the database and returns the server's version.
func setUpClickHouse(ctx context.Context, port int) (version string, err error) {
	conn, err := openClickHouse(port)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS tajdeed"); err != nil {
		return "", err
	}
	return version, conn.QueryRow(ctx, "SELECT version()").Scan(&version)
}

// openClickHouse opens connections that name no database: at one that does not exist,
// this build of ClickHouse aborts.
func openClickHouse(port int) (clickhouse.Conn, error) {
	return clickhouse.Open(&clickhouse.Options{
		Addr:        []string{address(port)},
		Auth:        clickhouse.Auth{Username: "default"},
		DialTimeout: attempt,
		ReadTimeout: time.Minute,
	})
}

// clickhouseMain is the child: it loads the library and runs its command line.
func clickhouseMain(args []string) error {
	runtime.LockOSThread()
	if len(args) == 0 {
		return errors.New("no library given")
	}
	library, err := purego.Dlopen(args[0], purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("load ClickHouse: %w", err)
	}
	var (
		run     func(argc int32, argv **byte) uintptr
		message func(result uintptr) string
	)
	purego.RegisterLibFunc(&run, library, "chdb_query_cmdline")
	purego.RegisterLibFunc(&message, library, "chdb_result_error")
	argv := cStrings(append([]string{"clickhouse"}, args[1:]...))
	result := run(int32(len(argv)-1), &argv[0])
	runtime.KeepAlive(argv)
	if text := message(result); text != "" {
		return errors.New(text)
	}
	return nil
}

// cStrings ends with a null pointer, as C's argv does.
func cStrings(words []string) []*byte {
	argv := make([]*byte, len(words)+1)
	for i, w := range words {
		argv[i] = &append([]byte(w), 0)[0]
	}
	return argv
}
