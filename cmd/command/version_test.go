package command

import (
	"runtime/debug"
	"testing"
)

func TestVersionNamesTheCommit(t *testing.T) {
	t.Parallel()
	const revision, short = "0123456789abcdef0123456789abcdef01234567", "0123456789ab"
	recorded := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}}
	for _, c := range []struct {
		name, module, made string
		settings           []debug.BuildSetting
		want               string
	}{
		{"recorded by go", "v1.2.0", "", recorded, "v1.2.0 " + short},
		{"part of the module's version", "v0.0.0-20261125060000-" + short, "", recorded, "v0.0.0-20261125060000-" + short},
		{"given by the Makefile", "(devel)", short + "-dirty", nil, "(devel) " + short + "-dirty"},
		{"both", "(devel)", "another", recorded, "(devel) " + short},
		{"neither", "(devel)", "", nil, "(devel)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			info := &debug.BuildInfo{Main: debug.Module{Version: c.module}, Settings: c.settings}
			if got := versionOf(info, c.made); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
