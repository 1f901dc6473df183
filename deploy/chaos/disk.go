package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small disk and the server whose data lies on it.
type disk struct {
	*smallDisk
	server string
}

// fillable says, for each kind of fault that fills a disk, which folder of which server lies
// on the disk and what size it has while no fault lasts. The disks take memory for their
// content. The WAL's is large because the WAL grows until the next checkpoint.
var fillable = map[faultKind]struct{ server, folder, size string }{
	diskFull:      {serverPostgres, "decisions", "1g"},
	diskFullWAL:   {serverPostgres, "postgres/pg_wal", "8g"},
	diskFullKafka: {serverKafka, "kafka/data", "4g"},
}

// makeDisks puts each folder that grows on a small disk of its own. Where this process may
// not mount disks, it keeps the error for the result.
func (i *installation) makeDisks(ctx context.Context) error {
	decisions, err := i.makeDecisionsFolder()
	if err != nil {
		return err
	}
	if i.diskError = i.mount(ctx, diskFull, decisions); i.diskError != nil {
		return nil //nolint:nilerr // the result says so; the other faults can strike
	}
	for _, kind := range []faultKind{diskFullWAL, diskFullKafka} {
		if err := i.moveToDisk(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// makeDecisionsFolder makes the folder of a tablespace, which must belong to the user that
// Postgres runs as.
func (i *installation) makeDecisionsFolder() (string, error) {
	owned, err := os.Stat(filepath.Join(i.at.Data, "postgres"))
	if err != nil {
		return "", fmt.Errorf("find who Postgres runs as: %w", err)
	}
	path := filepath.Join(i.folder, fillable[diskFull].folder)
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the decisions: %w", err)
	}
	if owner, ok := owned.Sys().(*syscall.Stat_t); ok {
		err = os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	return path, err
}

func (i *installation) mount(ctx context.Context, kind faultKind, path string) error {
	mounted, err := mountDisk(ctx, path, fillable[kind].size)
	if err != nil {
		return err
	}
	if i.disks == nil {
		i.disks = map[faultKind]*disk{}
	}
	i.disks[kind] = &disk{smallDisk: mounted, server: fillable[kind].server}
	return nil
}

// moveToDisk stops a server, moves one of its folders to a small disk, and starts it.
func (i *installation) moveToDisk(ctx context.Context, kind faultKind) error {
	server := i.servers.Server(fillable[kind].server)
	if err := server.Stop(ctx); err != nil {
		return err
	}
	if err := i.mount(ctx, kind, filepath.Join(i.at.Data, fillable[kind].folder)); err != nil {
		return err
	}
	return server.Start(ctx)
}

// moveDecisions moves the table of decisions to its disk.
func (i *installation) moveDecisions(ctx context.Context) error {
	on, there := i.disks[diskFull]
	if !there {
		return nil
	}
	for _, statement := range []string{
		"CREATE TABLESPACE small LOCATION '" + on.path + "'",
		"ALTER TABLE decision SET TABLESPACE small",
	} {
		if _, err := i.postgres.Exec(ctx, statement); err != nil {
			return fmt.Errorf("move the decisions to a small disk: %w", err)
		}
	}
	return nil
}
