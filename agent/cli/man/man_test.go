package man_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/cli"
	"sallyport/agent/need"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// written are the pages that the program writes, by the path of their file.
func written(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	code := cli.Main(cli.Invocation{
		Args: []string{"man", dir}, Stdout: io.Discard, Stderr: io.Discard, Version: "1.2.3", Environ: []string{"SOURCE_DATE_EPOCH=1790000000"},
	})
	files, err := filepath.Glob(filepath.Join(dir, "man[15]", "sallyport*"))
	if code != 0 || err != nil || len(files) < 30 {
		t.Fatalf("exit code %d, %d pages, %v", code, len(files), err)
	}
	pages := map[string][]byte{}
	for _, file := range files {
		if pages[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return pages
}

// mandoc finds nothing to warn about.
func TestPagesAreClean(t *testing.T) {
	t.Parallel()
	mandoc := need.Program(t, "mandoc")
	for file, text := range written(t) {
		cmd := exec.CommandContext(t.Context(), mandoc, "-Tlint", "-Wwarning")
		cmd.Stdin = bytes.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("%s: %v\n%s", filepath.Base(file), err, out)
		}
	}
}

// groff does not either, and shows the pages to somebody with a terminal of 80 columns.
func TestPagesAreShown(t *testing.T) {
	t.Parallel()
	groff := need.Program(t, "groff")
	pages := written(t)
	for file, text := range pages {
		if name := filepath.Base(file); name != "sallyport.1" && name != "sallyport-plan.1" && name != "sallyport-exec.1" {
			continue // each takes a tenth of a second
		}
		cmd := exec.CommandContext(t.Context(), groff, "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=80n")
		cmd.Stdin = bytes.NewReader(text)
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil || complaints.Len() > 0 || !bytes.Contains(out, []byte("SYNOPSIS")) {
			t.Errorf("%s: %v\n%s", filepath.Base(file), err, complaints.String())
		}
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimRight(line, "\n"); len(line) > 80 {
				t.Errorf("%s: %d columns: %s", filepath.Base(file), len(line), line)
			}
		}
	}
}
