package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/hint"
	"sallyport/agent/metrics/exposition"
)

const (
	fileSource = "metrics: textfile"
	fileMode   = 0o644     // node_exporter is another user
	idle       = time.Hour // where the configuration asks for nothing, until it changes
)

// WriteFile keeps the textfile of the configuration in force up to date until ctx ends, and then removes it.
func (m *Meter) WriteFile(ctx context.Context) {
	written := ""
	for ctx.Err() == nil {
		changed := m.changes.Next()
		path := ""
		if c := m.active.Cfg().Metrics; c != nil {
			path = c.Textfile
		}
		if written != "" && written != path {
			m.removeFile(written)
			written = ""
		}
		if path == "" {
			m.faults.Set(fileSource, nil)
			clock.Sleep(ctx, idle, changed)
			continue
		}
		err := m.writeOnce(ctx, path)
		if err == nil {
			written = path
		}
		if ctx.Err() == nil && m.faults.Set(fileSource, err) && err != nil {
			m.log.Warn("writing metrics", "file", path, "err", err)
		}
		clock.Sleep(ctx, m.pace.fileRest, nil)
		clock.Sleep(ctx, m.pace.file-m.pace.fileRest, changed)
	}
	if written != "" {
		m.removeFile(written)
	}
}

func (m *Meter) writeOnce(ctx context.Context, path string) error {
	g, err := m.gather(ctx)
	if err != nil {
		return err
	}
	err = replace(path, func(w io.Writer) error { return exposition.Write(w, g) })
	if err != nil {
		return hint.With(fmt.Errorf("the figures in the file are old: %w", err),
			"the agent's user must be able to make files in its directory; a systemd unit needs ReadWritePaths=%s too", filepath.Dir(path))
	}
	return nil
}

// replace puts what write writes in the place of a file. Readers see the old one or the whole new one. What is written lies beside it
// meanwhile, under a name that no collector reads and the next write uses again.
func replace(path string, write func(io.Writer) error) (err error) {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	buffered := bufio.NewWriter(f)
	err = errors.Join(write(buffered), buffered.Flush(), f.Chmod(fileMode), f.Sync()) // whatever the umask
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// removeFile removes a file of figures that nobody stands behind any more.
func (m *Meter) removeFile(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		m.log.Warn("removing old metrics", "file", path, "err", err)
	}
}
