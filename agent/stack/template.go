package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// findTemplate reports, as an error, that there is no template: no such file, or no *.pkr.hcl in the directory.
func findTemplate(t Tree, at string) error {
	if entries, err := t.ReadDir(at); err == nil {
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".pkr.hcl") || strings.HasSuffix(e.Name(), ".pkr.json") {
				return nil
			}
		}
		return &templateError{at}
	}
	_, err := t.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return &templateError{at}
	}
	if err != nil {
		return fmt.Errorf("template %s: %w", at, err)
	}
	return nil
}

// templateError is the [ErrNoDir] of an image.
type templateError struct{ at string }

// Error implements error.
func (e *templateError) Error() string { return "there is no Packer template at " + e.at }

// Is makes it an ErrNoDir.
func (e *templateError) Is(target error) bool { return target == ErrNoDir }
