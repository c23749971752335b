package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sallyport/agent/packer"
	"sallyport/agent/terraform/jsonlog"
)

// DefaultInterval is how often [Follow] looks.
const DefaultInterval = 250 * time.Millisecond

// maxLine bounds what is kept of one line of terraform's output, in bytes; longer ones say nothing about progress.
const maxLine = 4 << 20

// FollowOptions changes how [FollowWith] looks on.
type FollowOptions struct {
	Interval time.Duration // between two looks; 0: DefaultInterval
}

// Follow looks on until an apply is Finished or Lost, and returns that state. Whenever terraform's output has moved
// on, f gets the progress so far, at most once per look; it may be nil. A run that was not started returns at once.
// When ctx ends, its error comes with the state last seen; the apply goes on.
func Follow(ctx context.Context, runDir string, f func(jsonlog.Progress)) (State, error) {
	return FollowWith(ctx, FollowOptions{}, runDir, f)
}

// FollowWith is [Follow] with options.
func FollowWith(ctx context.Context, o FollowOptions, runDir string, f func(jsonlog.Progress)) (State, error) {
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	t := tail{path: filepath.Join(runDir, streamFile)}
	defer t.close()
	for {
		// First the state, then the output: with a final state nothing is written any more, so the last look
		// sees all of it.
		s, err := Attach(runDir)
		if err != nil {
			return s, err
		}
		t.engine = s.Claim.Engine
		moved, err := t.read()
		if err != nil {
			return s, fmt.Errorf("following an apply: %w", err)
		}
		if moved && f != nil {
			f(t.snapshot())
		}
		if s.Phase != Running {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-tick.C:
		}
	}
}

// ReadProgress reads how far an apply has come, or had come when it ended. Before terraform's first word it is zero.
func ReadProgress(runDir string) (jsonlog.Progress, error) {
	var claim Claim
	_ = readJSON(runDir, claimFile, &claim) // without one there is no output either
	t := tail{path: filepath.Join(runDir, streamFile), engine: claim.Engine}
	defer t.close()
	if _, err := t.read(); err != nil {
		return jsonlog.Progress{}, fmt.Errorf("reading the progress of an apply: %w", err)
	}
	return t.snapshot(), nil
}

// LastSign is when an apply's terraform last said something, which it does every ten seconds while it works; zero if it
// never did.
func LastSign(runDir string) time.Time {
	fi, err := os.Stat(filepath.Join(runDir, streamFile))
	if err != nil || fi.Size() == 0 {
		return time.Time{}
	}
	return fi.ModTime()
}

// A tail reads a growing file of lines, each of them once and whole.
type tail struct {
	path     string
	file     *os.File
	partial  []byte // of the line that is still being written
	skipping bool   // inside a line that was too long
	engine   string
	progress jsonlog.Progress
	build    packer.Output
}

// snapshot is the progress so far.
func (t *tail) snapshot() jsonlog.Progress {
	if t.engine == EnginePacker {
		return progressOf(&t.build)
	}
	return t.progress
}

// read takes what was added since the last call and reports whether that was a line at least.
func (t *tail) read() (bool, error) {
	if t.file == nil {
		f, err := os.Open(t.path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		t.file = f
	}
	moved := false
	buf := make([]byte, 64<<10)
	for {
		n, err := t.file.Read(buf)
		moved = t.add(buf[:n]) || moved
		if errors.Is(err, io.EOF) {
			return moved, nil
		}
		if err != nil {
			return moved, err
		}
	}
}

// add takes the next bytes of the file.
func (t *tail) add(b []byte) bool {
	moved := false
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		if !t.skipping {
			t.take(append(t.partial, b[:i]...))
			moved = true
		}
		t.partial, t.skipping = t.partial[:0], false
		b = b[i+1:]
	}
	if len(t.partial)+len(b) > maxLine {
		t.partial, t.skipping = t.partial[:0], true
	}
	if !t.skipping {
		t.partial = append(t.partial, b...)
	}
	return moved
}

func (t *tail) take(line []byte) {
	if t.engine == EnginePacker {
		t.build.Add(line)
		return
	}
	t.progress.Add(line)
}

func (t *tail) close() {
	if t.file != nil {
		t.file.Close()
	}
}
