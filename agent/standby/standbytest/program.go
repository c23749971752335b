package standbytest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gofrs/flock"
)

const source = "sallyport/agent/standby/standbytest/member"

// program puts the program of a member into a directory. It is linked once for all tests of a user, and again when it has changed:
// the go command leaves a program alone that is as it would make it.
func program(dir string) (path string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for the member's program: %w", err)
	}
	if cache = filepath.Join(cache, "sallyport-test"); os.MkdirAll(cache, 0o700) != nil {
		cache = dir
	}
	lock := flock.New(filepath.Join(cache, "etcd-member.lock"))
	if err := lock.Lock(); err != nil {
		return "", fmt.Errorf("waiting for the member's program: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	built := filepath.Join(cache, "etcd-member")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", built, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", source, err, out)
	}
	// Another one may be put there at any time, of another state of the source.
	path = filepath.Join(dir, "member")
	if os.Link(built, path) == nil {
		return path, nil
	}
	return path, copyFile(built, path)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
