package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small disk with what a server keeps there.
type disk struct {
	*smallDisk
	server string
}

// fillable says which folder of which server gets full by a kind, and how much it can
// hold otherwise. The disks take memory for what lies there, and the WAL grows until
// its next checkpoint.
var fillable = map[faultKind]struct{ server, folder, size string }{
	diskFull:      {serverPostgres, "decisions", "1g"},
	diskFullWAL:   {serverPostgres, "postgres/pg_wal", "8g"},
	diskFullKafka: {serverKafka, "kafka/data", "4g"},
}

// makeDisks puts what grows on disks that can get full, each on its own, where there
// can be such disks.
func (c *cluster) makeDisks(ctx context.Context) error {
	decisions, err := c.makeDecisions()
	if err != nil {
		return err
	}
	if c.noDisk = c.mount(ctx, diskFull, decisions); c.noDisk != nil {
		return nil //nolint:nilerr // the result says so; the other faults can strike
	}
	for _, kind := range []faultKind{diskFullWAL, diskFullKafka} {
		if err := c.moveToDisk(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// makeDecisions makes a folder that is Postgres's own.
func (c *cluster) makeDecisions() (string, error) {
	owned, err := os.Stat(filepath.Join(c.at.Data, "postgres"))
	if err != nil {
		return "", fmt.Errorf("find who Postgres runs as: %w", err)
	}
	path := filepath.Join(c.folder, fillable[diskFull].folder)
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the decisions: %w", err)
	}
	if owner, ok := owned.Sys().(*syscall.Stat_t); ok {
		err = os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	return path, err
}

func (c *cluster) mount(ctx context.Context, kind faultKind, path string) error {
	mounted, err := mountDisk(ctx, path, fillable[kind].size)
	if err != nil {
		return err
	}
	if c.disks == nil {
		c.disks = map[faultKind]*disk{}
	}
	c.disks[kind] = &disk{smallDisk: mounted, server: fillable[kind].server}
	return nil
}

// moveToDisk moves a folder while its server is stopped.
func (c *cluster) moveToDisk(ctx context.Context, kind faultKind) error {
	server := c.servers.Server(fillable[kind].server)
	if err := server.Stop(ctx); err != nil {
		return err
	}
	if err := c.mount(ctx, kind, filepath.Join(c.at.Data, fillable[kind].folder)); err != nil {
		return err
	}
	return server.Start(ctx)
}

// moveDecisions puts the decisions' table on its disk.
func (c *cluster) moveDecisions(ctx context.Context) error {
	on, there := c.disks[diskFull]
	if !there {
		return nil
	}
	for _, statement := range []string{
		"CREATE TABLESPACE small LOCATION '" + on.path + "'",
		"ALTER TABLE decision SET TABLESPACE small",
	} {
		if _, err := c.record.Exec(ctx, statement); err != nil {
			return fmt.Errorf("move the decisions to a small disk: %w", err)
		}
	}
	return nil
}
