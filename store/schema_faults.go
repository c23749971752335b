//go:build faults

package store

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// played is the schema of a later version that this process plays: SALLYPORT_FAULT_SCHEMA=N, or =N:die if it is to die in the middle of
// the last step to it.
func played() (schema int, die bool) {
	text, _, _ := strings.Cut(os.Getenv("SALLYPORT_FAULT_SCHEMA"), ":")
	schema, _ = strconv.Atoi(text)
	return schema, strings.HasSuffix(os.Getenv("SALLYPORT_FAULT_SCHEMA"), ":die")
}

func newestSchema() int {
	schema, _ := played()
	return max(schema, schemaVersion)
}

func withPlayed(steps map[int]func(*Tx) error) map[int]func(*Tx) error {
	last, die := played()
	for at := schemaVersion; at < last; at++ {
		steps[at] = func(tx *Tx) error {
			if err := tx.PutSetting("of a later version", at+1); err != nil {
				return err
			}
			if die && at+1 == last {
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
				select {} // not one more instruction
			}
			return nil
		}
	}
	return steps
}
