// Package golden compares what a test got with a file that somebody has read. `go test ./PACKAGE -update` writes the files anew;
// what has changed in them is then read in the commit's diff.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A flag has to be there before flags are read, so it is the package's.
var update = flag.Bool("update", false, "write the golden files anew")

// Updating reports whether the files are written anew in this run.
func Updating() bool { return *update }

// Is fails the test unless got is what stands in the file at path, to the byte.
func Is(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs, and -update writes it anew (-want +got):\n%s", path, diff)
	}
}
