package agent

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/store/disk/disktest"
)

// What replaces a state begins when its copy is kept, so the copy has to outlast a power cut: with its name, and with that of the
// directory that the first copy of a stack's state makes.
func TestStateCopyIsDurable(t *testing.T) {
	t.Parallel()
	for name, below := range map[string]string{"the first of a stack": "ghe", "a later one": "."} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disktest.Unsyncable(t, func(dir string) {
				err := keepCopy(filepath.Join(dir, below), "00000012", []byte("{}"))
				if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "durable") {
					t.Errorf("the name of the copy could not be made durable, and the error is %v", err)
				}
			})
		})
	}
}
