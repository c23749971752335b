package stack

import (
	"path"
	"strings"
)

// template looks for a Packer template. The error is an [ErrNoDir] if there is none: no such file, or no *.pkr.hcl in the
// directory.
func (f *finder) template(at string) error {
	entries, err := f.t.ReadDir(at)
	if err == nil {
		found := false
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".pkr.hcl") || strings.HasSuffix(e.Name(), ".pkr.json") {
				found = true
				if err := f.templateFile(path.Join(at, e.Name())); err != nil {
					return err
				}
			}
		}
		if !found {
			return &templateError{at}
		}
		return nil
	}
	if WrongFile(err) == nil {
		return err
	}
	return f.templateFile(at)
}

// templateFile reads one file of a template, only to know whether that can be done.
func (f *finder) templateFile(at string) error {
	_, err := f.t.ReadFile(at)
	wrong := WrongFile(err)
	switch {
	case wrong == nil:
		return err
	case !LeadsWrong(wrong):
		return &templateError{at}
	}
	f.addFault(wrong.Error())
	return nil
}

// templateError is the [ErrNoDir] of an image.
type templateError struct{ at string }

// Error implements error.
func (e *templateError) Error() string { return "there is no Packer template at " + e.at }

// Is makes it an ErrNoDir.
func (e *templateError) Is(target error) bool { return target == ErrNoDir }
