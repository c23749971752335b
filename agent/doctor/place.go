package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"sallyport/agent/config/trusted"
)

// How much room there has to be. A plan of a large stack with its checkout and providers takes some 500 MB.
const (
	leastSpace = 256 << 20
	roomySpace = 2 << 30
	leastFiles = 10_000
)

// File systems that matter here, by statfs's magic numbers, with what is wrong with them.
func unfit(magic int64) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517B, 0xFE534D42, 0xFF534D42:
		return "SMB"
	case 0x01021997:
		return "9P"
	case 0x65735546:
		return "FUSE"
	case 0x00C36400:
		return "Ceph"
	}
	return ""
}

func inMemory(magic int64) bool { return magic == 0x01021994 || magic == 0x858458F6 }

// checkDataDir looks at the directory that holds everything the agent knows.
func checkDataDir(s *section, o Options, dir string) []*section {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		missingDir(s, o, dir)
		return []*section{s}
	case err != nil:
		s.fail("exists", "use sudo, or run the doctor as the agent's user", "%v", err)
		return []*section{s}
	case !info.IsDir():
		s.fail("exists", "move it away, or name another data_dir", "%s is not a directory", dir)
		return []*section{s}
	}
	s.ok("exists", "it belongs to %s", ownerOf(info))
	rights(s, o, dir, info)
	owners(s, dir, info)
	fileSystem(s, o, dir)
	return []*section{s}
}

// missingDir is how it is before the first start.
func missingDir(s *section, o Options, dir string) {
	parent := filepath.Dir(dir)
	for parent != "/" {
		if _, err := os.Stat(parent); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		parent = filepath.Dir(parent)
	}
	if err := unix.Access(parent, unix.W_OK|unix.X_OK); err != nil {
		s.fail("exists", "make it for the agent's user:\n"+installDir(dir, o.owner()),
			"it does not exist, and %s cannot be written to: %v", parent, err)
		return
	}
	s.warn("exists", "systemd (StateDirectory) or the agent makes it; or:\n"+installDir(dir, o.owner()),
		"it does not exist yet")
	fileSystem(s, o, parent)
}

// installed is the user whom install.sh makes for the agent; empty where there is none, as in a trial without root.
func installed() string {
	const name = "sallyport"
	if _, err := user.Lookup(name); err != nil {
		return ""
	}
	return name
}

// giveDir gives a data directory to the agent's user.
func giveDir(dir, owner string) string {
	if owner == "" {
		return "chown -R USER " + shellQuote(dir)
	}
	return fmt.Sprintf("chown -R %[1]s:%[1]s %s", owner, shellQuote(dir))
}

// installDir makes a data directory as install.sh and systemd do; without an owner it belongs to whoever makes it.
func installDir(dir, owner string) string {
	if owner != "" {
		owner = fmt.Sprintf(" -o %[1]s -g %[1]s", owner)
	}
	return fmt.Sprintf("install -d -m %04o%s %s", trusted.DataDirMode, owner, shellQuote(dir))
}

// rights looks at who may do what.
func rights(s *section, o Options, dir string, info fs.FileInfo) {
	mend := fmt.Sprintf("mend it:\nchmod %04o %s", trusted.DataDirMode, shellQuote(dir))
	switch mode := info.Mode().Perm(); {
	case mode&0o022 != 0:
		s.fail("mode", mend, "%04o: others may write, so they could change plans and approvals; the agent does not start", mode)
	case mode&0o066 != 0:
		s.warn("mode", mend, "%04o: others may look; states and plans hold secrets", mode)
	default:
		s.ok("mode", "%04o", mode)
	}
	if int(uidOf(info)) == o.euid() && info.Mode().Perm()&0o022 == 0 {
		if err := trusted.CheckDataDir(dir); err != nil {
			s.fail("mode", "the agent does not start before that is mended", "%v", err)
		}
	}
	if err := unix.Access(dir, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
		s.fail("rights", "run the doctor as the agent's user; if that fails too, give it to that user:\n"+giveDir(dir, o.owner()),
			"this user cannot write to it: %v", err)
		return
	}
	if uid := uidOf(info); o.euid() == 0 && uid != 0 {
		s.warn("rights", "try it as the agent's user, too:\nsudo -u "+nameOf(uid)+" sallyport doctor --config "+shellQuote(o.ConfigPath),
			"root may do everything, so the rights of %s are not tried", nameOf(uid))
		return
	}
	s.ok("rights", "this user can write to it")
}

// owners finds what an agent left that once was started as somebody else, most often as root by hand.
func owners(s *section, dir string, info fs.FileInfo) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // said by rights
	}
	for _, e := range entries {
		inside, err := e.Info()
		if err != nil || uidOf(inside) == uidOf(info) {
			continue
		}
		owner := nameOf(uidOf(info))
		s.fail("owners", "was the agent started by hand once? Give it back:\nchown -R "+owner+": "+shellQuote(dir),
			"%s in it belongs to %s, and the directory to %s", e.Name(), nameOf(uidOf(inside)), owner)
		return
	}
	s.ok("owners", "everything in it belongs to %s", nameOf(uidOf(info)))
}

func fileSystem(s *section, o Options, dir string) {
	var st unix.Statfs_t
	if err := o.statfs(dir, &st); err != nil {
		s.warn("file system", "", "looking at it: %v", err)
		return
	}
	if name := unfit(int64(st.Type)); name != "" {
		s.fail("file system", "move data_dir to a local disk", "it is on %s: locks and memory maps of the store are not safe there", name)
	} else if inMemory(int64(st.Type)) {
		s.warn("file system", "move data_dir to a disk", "it is in memory: a reboot loses history and kept states")
	}
	if st.Flags&unix.ST_NOEXEC != 0 {
		s.fail("file system", "mount it without noexec", "it is mounted noexec: terraform cannot start the providers that are kept there")
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		s.fail("file system", "mount it writable", "it is mounted read-only")
	}
	free := st.Bavail * uint64(st.Bsize)
	text := humanize.IBytes(free) + " are free"
	switch {
	case free < leastSpace:
		s.fail("space", "make room: a plan needs its checkout, its providers and its texts", "%s", text)
	case free < roomySpace:
		s.warn("space", "providers alone can take a gigabyte", "%s", text)
	case st.Files > 0 && st.Ffree < leastFiles:
		s.fail("space", "make room: no more files can be made (df -i)", "%d inodes are free", st.Ffree)
	default:
		s.ok("space", "%s", text)
	}
}

func uidOf(info fs.FileInfo) uint32 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid
	}
	return 0
}

func ownerOf(info fs.FileInfo) string { return nameOf(uidOf(info)) }

// nameOf is a user's name, or the number if nobody has it.
func nameOf(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// shellQuote makes a path safe to paste.
func shellQuote(path string) string {
	for _, r := range path {
		safe := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/' || r == '.' || r == '_' || r == '-'
		if !safe {
			return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
		}
	}
	return path
}
