package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sallyport/agent/datadir"
)

// StateCopy is a kept copy of a stack's state: from before an apply, a restore or a command of a person's.
type StateCopy struct {
	Name      string    `json:"name"` // what `sallyport state restore` takes
	Run       int       `json:"run"`  // the apply that it is from before; 0: no apply
	Serial    int64     `json:"serial"`
	Lineage   string    `json:"lineage"`
	Resources int       `json:"resources"`
	Terraform string    `json:"terraform_version"`
	Bytes     int64     `json:"bytes"` // compressed
	At        time.Time `json:"at"`
}

// stateCopySuffix ends the name of the file of each copy.
const stateCopySuffix = ".tfstate.zst"

// StateCopies lists the kept copies of a stack's state, newest first.
func StateCopies(dataDir, stack string) ([]StateCopy, error) {
	out := []StateCopy{}
	if stack != filepath.Base(stack) {
		return out, &answer{ErrNotFound, fmt.Sprintf("there is no stack %q", stack), ""}
	}
	entries, err := os.ReadDir(datadir.StateCopies(dataDir, stack))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the kept states: %w", err)
	}
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), stateCopySuffix)
		if !ok {
			continue
		}
		copied, err := readCopy(dataDir, stack, base)
		if errors.Is(err, fs.ErrNotExist) {
			continue // an older one, dropped in this moment
		}
		if err != nil {
			return nil, err
		}
		out = append(out, copied)
	}
	slices.Reverse(out) // names sort by age
	return out, nil
}

// NewestState is the newest kept copy of a stack's state. What its run and later ones have applied may not be in it.
type NewestState struct {
	State    []byte // nil: no copy is kept
	Run      int    // the apply that it is from before, or the newest run when something else changed the state
	Repaired bool   // something else did: a repair, a restore, a command of a person's
}

// ReadNewestState finds it.
func ReadNewestState(dataDir, stack string) (newest NewestState, err error) {
	entries, err := os.ReadDir(datadir.StateCopies(dataDir, stack))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return newest, fmt.Errorf("listing the kept states: %w", err)
	}
	for _, e := range slices.Backward(entries) { // names sort by age
		base, ok := strings.CutSuffix(e.Name(), stateCopySuffix)
		number, _, repaired := strings.Cut(base, "_")
		run, err := strconv.Atoi(number)
		if !ok || err != nil {
			continue
		}
		state, err := readCompressed(filepath.Join(datadir.StateCopies(dataDir, stack), e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // dropped in this moment
		}
		return NewestState{State: state, Run: run, Repaired: repaired}, err
	}
	return newest, nil
}

// BeforeApply names the copy from before the apply of a run. Names sort by age.
func BeforeApply(run int) string { return fmt.Sprintf("%08d", run) }

// BeforeRepair names the copy of a state that no apply replaced, made at that time, after the stack's newest run.
func BeforeRepair(newestRun int, at time.Time) string {
	return BeforeApply(newestRun) + "_" + at.UTC().Format("20060102T150405.000Z")
}

// CopyName is how people call a copy: run-12, or 12_20261125T041800.000Z for one that no apply made.
func CopyName(base string) (name string, run int) {
	number, rest, other := strings.Cut(base, "_")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return base, 0
	case other:
		return fmt.Sprintf("%d_%s", n, rest), 0
	}
	return fmt.Sprintf("run-%d", n), n
}

func readCopy(dataDir, stack, base string) (StateCopy, error) {
	var c StateCopy
	path := filepath.Join(datadir.StateCopies(dataDir, stack), base+stateCopySuffix)
	info, err := os.Stat(path)
	if err != nil {
		return c, fmt.Errorf("looking at a kept state: %w", err)
	}
	c.Name, c.Run = CopyName(base)
	c.Bytes, c.At = info.Size(), info.ModTime().UTC()
	raw, err := readCompressed(path)
	if err != nil {
		return c, err
	}
	var state struct {
		Serial           int64
		Lineage          string
		TerraformVersion string `json:"terraform_version"`
		Resources        []struct {
			Mode      string
			Instances []struct{}
		}
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		return c, fmt.Errorf("reading the kept state %s: %w", path, err)
	}
	c.Serial, c.Lineage, c.Terraform = state.Serial, state.Lineage, state.TerraformVersion
	for _, r := range state.Resources {
		if r.Mode == "managed" {
			c.Resources += len(r.Instances)
		}
	}
	return c, nil
}

// FindState finds a copy by its name or its serial, and returns its content.
func FindState(dataDir, stack, ref string) (StateCopy, []byte, error) {
	all, err := StateCopies(dataDir, stack)
	if err != nil {
		return StateCopy{}, nil, err
	}
	ref = strings.TrimPrefix(ref, "#")
	var found []StateCopy
	for _, c := range all {
		if c.Name == ref {
			found = []StateCopy{c}
			break
		}
		if strconv.FormatInt(c.Serial, 10) == ref {
			found = append(found, c)
		}
	}
	list := "sallyport state list " + stack + " shows them"
	switch len(found) {
	case 0:
		return StateCopy{}, nil, &answer{ErrNotFound, fmt.Sprintf("no copy of the state of %s is called %s or has that serial", stack, ref), list}
	case 1:
	default:
		return StateCopy{}, nil, &answer{ErrConflict, fmt.Sprintf("several copies of the state of %s have the serial %s", stack, ref), "use a name: " + list}
	}
	raw, err := readCompressed(filepath.Join(datadir.StateCopies(dataDir, stack), copyBase(found[0])+stateCopySuffix))
	return found[0], raw, err
}

// copyBase undoes CopyName.
func copyBase(c StateCopy) string {
	if c.Run != 0 {
		return BeforeApply(c.Run)
	}
	number, rest, _ := strings.Cut(c.Name, "_")
	n, err := strconv.Atoi(number)
	if err != nil {
		return c.Name
	}
	return BeforeApply(n) + "_" + rest
}

func readCompressed(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a kept state: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("reading a kept state: %w", err)
	}
	defer z.Close()
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("reading the kept state %s: %w", path, err)
	}
	return raw, nil
}
