package planjson

import (
	"fmt"
	"io"
	"os"
)

// Sealed reports whether a plan file is encrypted, so that only the binary that made it can read it: OpenTofu writes JSON around it, in
// the place of an archive.
func Sealed(planFile string) (bool, error) {
	f, err := os.Open(planFile)
	if err != nil {
		return false, fmt.Errorf("opening the plan file: %w", err)
	}
	defer func() { _ = f.Close() }()
	var first [1]byte
	if _, err := io.ReadFull(f, first[:]); err != nil {
		return false, fmt.Errorf("reading the plan file: %w", err)
	}
	return first[0] == '{', nil
}
