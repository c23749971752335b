// Package starter writes a first configuration from a checkout of a repository: where it comes from, which branch, and which of its
// directories are stacks.
//
// What it writes is small, has a comment where somebody has to decide something, and is valid: it is read by package config before it
// gets its name, and never takes the place of a file that is there. Where the repository's own address needs what is not on this machine
// yet, a deploy key for one, the checkout itself is polled, and the address stands beside it in a comment.
package starter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/agent/survey"
)

// usual is the directory of an installation, for which the defaults of data_dir and socket are made.
const usual = "/etc/sallyport"

// Options say what is looked at and what is written.
type Options struct {
	Checkout string // the directory of a repository
	Path     string // the file to write, or a directory for it
	Load     config.LoadOptions
}

// Written is what was written.
type Written struct {
	Path  string         `json:"path"`
	URL   string         `json:"url"`
	Notes []string       `json:"notes"` // what somebody has to decide, as sentences without a full stop
	Found *survey.Report `json:"found"`
}

// Write looks at a checkout and writes the configuration. The error is a [hint.Refusal] where there is a file already, where the
// checkout is none, or where nothing in it makes a stack.
func Write(o Options) (*Written, error) {
	target, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("naming the configuration: %w", err)
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		target = filepath.Join(target, "sallyport.hcl")
	}
	if _, err := os.Lstat(target); err == nil {
		return nil, there(target)
	}
	from, err := readOrigin(o.Checkout)
	if err != nil {
		return nil, err
	}
	tree, err := repo.OnDisk(from.dir)
	if err != nil {
		return nil, err
	}
	found, err := stacksOf(tree, from.name)
	if err != nil {
		return nil, err
	}
	var faults error
	for _, place := range from.places() {
		text := render(draft{origin: from, place: place, stacks: found, kept: keptAt(target)})
		out, err := o.write(target, text, from.name, tree)
		var invalid *config.Faults
		if errors.As(err, &invalid) {
			faults = errors.Join(faults, err)
			continue // the next place needs less
		}
		if err != nil {
			return nil, err
		}
		out.URL, out.Notes = place.url, append(place.notes, found.notes...)
		return out, nil
	}
	return nil, faults
}

func there(target string) error {
	return hint.Refuse("it is left as it is; name another one with --config FILE", "%s is there already", target)
}

// keptAt is the directory for the data of an agent whose configuration is not where an installation has it; empty: the usual one.
func keptAt(target string) string {
	if dir := filepath.Dir(target); dir != usual {
		return dir
	}
	return ""
}

// write writes the file beside the one that it becomes, has it read, and gives it its name if that is still free.
func (o Options) write(target, text, repository string, tree stack.Tree) (*Written, error) {
	f, err := os.CreateTemp(filepath.Dir(target), ".sallyport-init-*.hcl")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hint.Refuse("mkdir "+filepath.Dir(target)+", or name another place with --config FILE", "there is no directory %s", filepath.Dir(target))
	case errors.Is(err, fs.ErrPermission):
		return nil, hint.Refuse("use sudo, or name a place of your own: --config sallyport.hcl", "%s may not be written to", filepath.Dir(target))
	case err != nil:
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has its own name by then, or is not wanted
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	cfg, err := config.Load(f.Name(), o.Load)
	if err != nil {
		return nil, err
	}
	out := &Written{Path: target}
	if out.Found, err = survey.Of(cfg, repository, tree); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), target); errors.Is(err, fs.ErrExist) {
		return nil, there(target)
	} else if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return out, nil
}
