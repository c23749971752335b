package archive

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"sallyport/agent/datadir"
	"sallyport/store/disk/disktest"
)

// What replaces a state begins when its copy is kept, so the copy has to outlast a power cut: with its name, and with that of the
// directory that the first copy of a stack's state makes.
func TestStateCopyIsDurable(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(dir string) error{
		"the first of a stack": func(string) error { return nil },
		"a later one": func(dir string) error {
			return errors.Join(os.Mkdir(datadir.AllStateCopies(dir), 0o700), os.Symlink(dir, datadir.StateCopies(dir, "ghe")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disktest.Unsyncable(t, func(dir string) {
				if err := prepare(dir); err != nil {
					t.Error(err)
				}
				err := KeepState(dir, "ghe", BeforeApply(12), []byte("{}"))
				if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "durable") {
					t.Errorf("the name of the copy could not be made durable, and the error is %v", err)
				}
			})
		})
	}
}
