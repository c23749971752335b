package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/build"
	"sallyport/agent/cli/call"
	"sallyport/agent/cli/man"
	"sallyport/agent/config/reference"
)

// newManCommand writes the man pages, for whoever installs the program.
func newManCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the man pages into a directory",
		Long:   "Write the man pages into a directory, below which man1 and man5 are made. What stands there of an earlier version is replaced.",
		Hidden: true,
		Args:   call.Between(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			pages, err := manPages(a)
			if err != nil {
				return err
			}
			for _, p := range pages {
				path := filepath.Join(args[0], "man"+filepath.Ext(p.Name)[1:], p.Name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, p.Text, 0o644)); err != nil {
					return fmt.Errorf("writing the man pages: %w", err)
				}
			}
			return nil
		},
	}
}

// manPages are those of the program, of its verbs and of its configuration. They are made of verbs of their own: what a flag holds
// without being given would else be what this call's environment says.
func manPages(a *call.Call) ([]man.Page, error) {
	own := call.New(Invocation{Stdout: io.Discard, Stderr: io.Discard, Environ: []string{}, Now: a.Now, Version: a.Inv.Version})
	version, date := call.Version(a.Inv.Version), manDate(a.Inv)
	pages, err := man.Pages(newRoot(own), man.Options{Version: version, Date: date, End: helpEnd})
	return append(pages, man.Page{Name: "sallyport.hcl.5", Text: []byte(reference.Man(version, date))}), err
}

// manDate is the day of a version: what whoever builds packages says, or that of the commit that it was built from; empty where neither is
// known. It is never that of the call: the same version has the same pages.
func manDate(inv Invocation) string {
	if seconds, err := strconv.ParseInt(call.Env(inv.Environ, "SOURCE_DATE_EPOCH", ""), 10, 64); err == nil {
		return time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	}
	day, _, _ := strings.Cut(build.Of(inv.Version).Date, "T")
	return day
}
