package archive

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/store/disk"
)

// keptStates is how many copies of a stack's state there are: one from before each of its last applies.
const keptStates = 20

// KeepState writes a durable copy of a stack's state and drops the oldest copies: what replaces the state begins when it returns. The
// name is one of [BeforeApply] or [BeforeRepair].
func KeepState(dataDir, stack, name string, state []byte) error {
	dir := datadir.StateCopies(dataDir, stack)
	if err := disk.MkdirAll(dir); err != nil {
		return fmt.Errorf("making the directory of states: %w", err)
	}
	write := func(to io.Writer) error { return compress(to, bytes.NewReader(state)) }
	if err := disk.Write(filepath.Join(dir, name+stateCopySuffix), write); err != nil {
		return fmt.Errorf("keeping the state: %w", err)
	}
	fault.Point("state copied")
	return trimStates(dir)
}

func compress(to io.Writer, from io.Reader) error {
	w, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, from); err != nil {
		return err
	}
	return w.Close()
}

// trimStates removes all but the newest copies: their names sort by run.
func trimStates(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("listing the kept states: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), stateCopySuffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	for len(names) > keptStates {
		if err := os.Remove(filepath.Join(dir, names[0])); err != nil {
			return fmt.Errorf("removing an old copy of the state: %w", err)
		}
		names = names[1:]
	}
	return nil
}
