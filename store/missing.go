package store

import "errors"

// Found turns a record that is not there (any more) into nil.
func Found(run *Run, err error) (*Run, error) {
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return run, err
}

// IgnoreMissing takes away the error that says that a record is not there (any more).
func IgnoreMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
