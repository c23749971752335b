package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"time"

	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/rescue"
	"sallyport/agent/rundir"
	"sallyport/store"
)

// OpenOptions say which store is opened.
type OpenOptions struct {
	DataDir string
	Checker rescue.Checker
	Now     func() time.Time
	Log     *slog.Logger
}

// OpenStore opens the store, after a child process has checked it and a snapshot has taken its place if it is damaged. The error
// has a hint if another process has the store.
func OpenStore(o OpenOptions) (*store.Store, error) {
	path := datadir.Store(o.DataDir)
	for {
		_, err := rescue.Store(context.Background(), rescue.Options{ // each of its steps has a deadline of its own
			DataDir: o.DataDir, StorePath: path, Checker: o.Checker, Now: o.Now, Log: o.Log,
			Goes: func(r *store.Run) bool {
				return r.Status == store.Applying || rundir.Claimed(datadir.Run(o.DataDir, r.ID))
			},
			LastRun: func() (int, error) { return lastRunDir(o.DataDir) },
		})
		open := store.Options{Path: path, Now: o.Now}
		switch {
		case errors.Is(err, store.ErrLocked):
			open.Timeout = time.Millisecond // the check has waited; this only asks who has it
		case err != nil && !errors.Is(err, store.ErrNewerSchema) && !errors.Is(err, fs.ErrPermission):
			return nil, err
		}
		st, openErr := store.Open(open)
		if openErr != nil {
			return nil, taken(openErr, o.DataDir)
		}
		if err == nil {
			return st, nil
		}
		if err := st.Close(); err != nil { // it is free now and was not checked: from the beginning
			return nil, err
		}
	}
}

// taken adds to an error what to do if another process has the store; most often it is another agent.
func taken(err error, dataDir string) error {
	var locked *store.LockedError
	if !errors.As(err, &locked) {
		return err
	}
	stop := "stop it first (systemctl stop sallyport)"
	if locked.PID != 0 {
		stop = fmt.Sprintf("look at it (ps -fp %d) and stop it first: systemctl stop sallyport, or kill %d", locked.PID, locked.PID)
	}
	return hint.With(err, "%s; two agents need a data_dir each (it is %s) and must not have a stack in common", stop, dataDir)
}

// lastRunDir is the highest number that a directory of a run has; 0 if there is none.
func lastRunDir(dataDir string) (int, error) {
	entries, err := os.ReadDir(datadir.Runs(dataDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("listing the runs' directories: %w", err)
	}
	last := 0
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			last = max(last, id)
		}
	}
	return last, nil
}
