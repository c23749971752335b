package stack

import (
	"errors"
	"fmt"
	"path"
	"sort"

	"github.com/bmatcuk/doublestar/v4"
)

// Roots finds the root modules that a doublestar glob matches: directories that hold Terraform files and that no other
// directory of the repository calls as a local module. They come sorted. Files that cannot be read make no root and hide
// none; an error is of the tree.
func Roots(t Tree, glob string) ([]string, error) {
	modules := map[string]module{}
	if err := scan(t, ".", modules); err != nil {
		return nil, fmt.Errorf("looking through the repository: %w", err)
	}
	called := map[string]bool{}
	for dir, m := range modules {
		for _, at := range m.local(dir) {
			if at, _, err := t.Resolve(at); err == nil && at != dir {
				called[at] = true
			} else if err != nil && wrongFile(err) == nil {
				return nil, fmt.Errorf("looking through the repository: %w", err)
			}
		}
	}
	var roots []string
	for dir := range modules {
		match, err := doublestar.Match(glob, dir)
		if err != nil {
			return nil, fmt.Errorf("glob %q: %w", glob, err)
		}
		if match && !called[dir] {
			roots = append(roots, dir)
		}
	}
	sort.Strings(roots)
	return roots, nil
}

// scan reads every directory with Terraform files below dir.
func scan(t Tree, dir string, modules map[string]module) error {
	if len(modules) >= maxModules {
		return fmt.Errorf("more than %d directories with terraform files", maxModules)
	}
	m, err := readModule(t, dir)
	switch {
	case err == nil && m.readable:
		modules[dir] = m
	case err != nil && !errors.Is(err, ErrNoDir):
		return err
	}
	entries, err := t.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == ".git" || e.Name() == ".terraform" {
			continue
		}
		if err := scan(t, path.Join(dir, e.Name()), modules); err != nil {
			return err
		}
	}
	return nil
}
