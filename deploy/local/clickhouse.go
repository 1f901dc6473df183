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

func clickhouseRecipe(f *folder, library string, ports Ports) recipe {
	home := filepath.Join(f.path, clickhouseName)
	ask := func(ctx context.Context) error { return clickhouseExec(ctx, ports.ClickHouse, "SELECT 1") }
	return recipe{
		name: clickhouseName,
		prepare: func(context.Context) (program, error) {
			return program{
				name:    clickhouseName,
				title:   "ClickHouse",
				command: func() *exec.Cmd { return clickhouseCommand(library, home, ports) },
				tidy:    func() error { return removeStatus(home) },
				answers: ask,
			}, writeClickHouseConfig(home)
		},
		furnish: func(ctx context.Context) error {
			return clickhouseExec(ctx, ports.ClickHouse, "CREATE DATABASE IF NOT EXISTS tajdeed")
		},
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
// query reads standard input, which we hold open, so it ends when we let go of
// it, also by dying.
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

// removeStatus removes the file that tells a second ClickHouse to keep off. A
// killed one leaves it; that none runs here is what our own lock says.
func removeStatus(home string) error {
	err := os.Remove(filepath.Join(home, "data", "status"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// clickhouseExec opens a connection of its own: the server may have just begun.
func clickhouseExec(ctx context.Context, port int, statement string) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{address(port)},
		Auth:        clickhouse.Auth{Database: "default", Username: "default"},
		DialTimeout: attempt,
		ReadTimeout: time.Minute,
	})
	if err != nil {
		return err
	}
	return errors.Join(conn.Exec(ctx, statement), conn.Close())
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
