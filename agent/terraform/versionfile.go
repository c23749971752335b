package terraform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/keptstate"
)

// maxVersionFile is more than any file with a version in it has, in bytes.
const maxVersionFile = 4 << 10

// warnVersionFile tells of a file for version managers (.terraform-version, .opentofu-version) that wants another version than the one
// that planned: it is not obeyed. Which terraform runs is said where its integrity is, in sallyport's configuration, and not in what
// is planned; but nobody should have to find that out.
func (p *planner) warnVersionFile() {
	name := ".terraform-version"
	if p.o.Tool.OpenTofu {
		name = ".opentofu-version"
	}
	file, wanted := p.versionFile(name)
	if wanted == "" || strings.TrimPrefix(wanted, "v") == p.o.Tool.Version {
		return
	}
	p.warn("%s says %q, and %s planned this: sallyport does not follow that file, see terraform { version } or binary in its configuration", file, wanted, p.o.Tool.Version)
}

// versionFile finds the nearest such file, as version managers do: in the root module's directory or above it, within the checkout.
func (p *planner) versionFile(name string) (file, wanted string) {
	root, err := os.OpenRoot(p.o.Source)
	if err != nil {
		return "", "" // it was there a moment ago; planning says what is wrong
	}
	defer func() { _ = root.Close() }()
	dir, err := filepath.Rel(p.o.Source, p.o.WorkDir)
	if err != nil || !filepath.IsLocal(dir) {
		return "", ""
	}
	for {
		at := filepath.Join(dir, name)
		info, err := root.Stat(at)
		switch {
		case err == nil && info.Mode().IsRegular() && info.Size() <= maxVersionFile:
			text, _ := root.ReadFile(at)
			first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
			return filepath.ToSlash(at), strings.TrimSpace(first)
		case err != nil && !errors.Is(err, fs.ErrNotExist), err == nil:
			return "", ""
		case dir == ".":
			return "", ""
		}
		dir = filepath.Dir(dir)
	}
}

// explainRemoteState puts a better hint in the place of the one about a state that terraform_remote_state did not find: one that the
// agent keeps is where only the agent knows.
func (p *planner) explainRemoteState(err error) error {
	var failed *diag.Error
	if !errors.As(err, &failed) || failed.Hint != diag.RemoteState || p.o.StateDir == "" {
		return err
	}
	if p.o.User != nil {
		failed.Hint += " The state of a stack that names no backend is kept by sallyport, and only that stack's own runs may read it: give the other stack a backend that both can read"
		return err
	}
	failed.Hint += ` The state of a stack that names no backend is kept by sallyport: backend = "local" and config = { path = "` +
		keptstate.Path(filepath.Join(filepath.Dir(p.o.StateDir), "OTHER-STACK")) + `" } read that of OTHER-STACK`
	return err
}
