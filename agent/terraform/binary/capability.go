package binary

import (
	"context"
	"os/exec"
	"strings"
)

// What a binary can do is asked of the binary here, and nowhere of the name that the configuration calls it by: whoever names
// OpenTofu by its path may not have said which engine it is.

// OwnFiles reports whether it reads files of its own, .tofu and .tofu.json, in the place of the .tf files of the same names.
func (t Tool) OwnFiles() bool { return t.OpenTofu && t.AtLeast(1, 8) }

// EarlyVars reports whether it evaluates variables when it installs modules or opens a backend, so that every command needs their
// values: in sources of modules, with OpenTofu in backends and in the encryption of states and plans as well.
func (t Tool) EarlyVars() bool {
	if t.OpenTofu {
		return t.AtLeast(1, 8)
	}
	return t.AtLeast(1, 15)
}

// isOpenTofu asks a binary for its name. In JSON both say the same.
func isOpenTofu(ctx context.Context, path, dir string, env []string) (bool, error) {
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.Output()
	return strings.HasPrefix(strings.TrimSpace(string(out)), "OpenTofu"), err
}
