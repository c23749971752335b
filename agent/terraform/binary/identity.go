package binary

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// settled is how old the last change of a file must be before its identity stands for its content. File systems count
// time in steps, the coarsest of them two seconds long: a second change within one step would show the same time.
const settled = 3 * time.Second

// Identity tells whether a file is still the one whose digest was taken, without reading the file again. The time of the last
// change of the inode is part of it: unlike the time of the content no program can set it, and every write, chmod, rename or
// link moves it on. The zero value is no file's.
type Identity struct {
	Device   uint64 `json:"device"`
	Inode    uint64 `json:"inode"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
	Changed  int64  `json:"changed"`  // nanoseconds since 1970
}

// IsZero reports that the identity of the file is not known.
func (i Identity) IsZero() bool { return i == Identity{} }

// IdentityOf returns the identity that a file has now; links are followed. The file is opened, because a file system on the
// network asks its server again only then.
func IdentityOf(path string) (Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return Identity{}, err
	}
	defer func() { _ = f.Close() }()
	return identityOf(f)
}

func identityOf(f *os.File) (Identity, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return Identity{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	return Identity{
		Device: uint64(s.Dev), Inode: s.Ino, Size: s.Size, Modified: unix.TimespecToNsec(s.Mtim), Changed: unix.TimespecToNsec(s.Ctim),
	}, nil
}

// Digest returns the SHA-256 of a file in hex and the identity under which the digest may be remembered: zero if the file was
// changed while it was read, or so recently that another change could leave the same identity.
func Digest(path string) (string, Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", Identity{}, err
	}
	defer func() { _ = f.Close() }()
	begun := time.Now()
	before, err := identityOf(f)
	if err != nil {
		return "", Identity{}, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", Identity{}, err
	}
	after, err := identityOf(f)
	if err != nil {
		return "", Identity{}, err
	}
	if after != before || begun.Sub(time.Unix(0, after.Changed)) < settled {
		after = Identity{}
	}
	return hex.EncodeToString(h.Sum(nil)), after, nil
}
