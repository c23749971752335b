package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dustin/go-humanize"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/agent/page"
	"sallyport/store/disk"
)

// writtenPage is the result of show --html for machines.
type writtenPage struct {
	Run   string `json:"run"` // as it was named
	ID    int    `json:"id"`
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
}

// showHTML writes a run as a page. Values of a plan are nobody else's business, so that only this user may read the file.
func showHTML(ctx context.Context, a *call.Call, r call.Source, ref, file string) error {
	if file == "-" && a.Streams.JSON {
		return call.Usage("--html - and --json would both be on stdout", "name a file: --html FILE")
	}
	if err := replaceable(file); err != nil {
		return err
	}
	facts, err := page.Read(ctx, r, ref, a.Now())
	if err != nil {
		return err
	}
	facts.Version = call.Version(a.Inv.Version)
	var b bytes.Buffer
	if err := page.Run(&b, facts); err != nil {
		return err
	}
	if file == "-" {
		_, err := a.Streams.Stdout.Write(b.Bytes())
		return call.Printed(err)
	}
	if err := disk.WriteFile(file, b.Bytes()); err != nil {
		return err
	}
	return a.Streams.Result(writtenPage{ref, facts.Run.ID, file, b.Len()}, "wrote %s (%s): #%d %s", file, humanize.IBytes(uint64(b.Len())), facts.Run.ID, facts.Run.Stack)
}

// replaceable reports whether a file can be put in the place of what is there: nothing, or a file.
func replaceable(file string) error {
	info, err := os.Lstat(file)
	switch {
	case file == "-", errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking at %s: %w", file, err)
	case info.Mode().IsRegular():
		return nil
	}
	return control.Errorf(control.Refused, "%s is there and is not a file", file).WithHint("name a file, or - for stdout")
}
