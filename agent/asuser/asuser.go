// Package asuser lets terraform, and whatever it starts, run as another user than the agent's.
//
// Code runs while a plan is made (providers, external data sources) and while one is applied (provisioners). Most of it was
// reviewed, and a pull request's was not. As the agent's own user it could read the store and the secrets and answer the
// agent's question itself; as another one it can do none of it.
//
// # How
//
// The program is started again with a variable in its environment that says as whom and what to execute ([User.Environ]);
// [Main] sheds every privilege, becomes the user and executes it. The process stays the same one, so that its number, its
// group, its open files and the signals that it gets are terraform's. A program of its own is needed because an agent that is
// not root has capabilities that must not get through, which nothing in Go's or terraform-exec's way of starting a process takes
// away.
//
// # Privileges
//
// The agent is root, or has the capabilities of [Needs], in its bounding and ambient set when it starts. [Renounce] empties
// the ambient set, so that nothing else that the agent starts inherits any; [User.Raise] and [User.Capabilities] give them to
// the one process that is about to shed them.
//
// # Files
//
// What terraform writes belongs to the user ([User.Own]); what it only reads belongs to the agent, and the user's group may read
// it ([User.Share], [User.Enter]). The agent never follows a link in a directory of the user's: it would read or write with its
// own rights what the user chose. Package foreign reads there.
//
// All methods of a nil *User do nothing: terraform then runs as the agent.
package asuser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"sallyport/agent/hint"
)

// A User is whom terraform runs as. It travels to the runner of an apply, so its fields keep their meaning.
type User struct {
	Name   string `json:"name"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Groups []int  `json:"groups,omitempty"` // the others that it is in

	// Exclusive: while it is at work it is one run's alone, so that everything of it can be ended.
	Exclusive bool `json:"exclusive,omitempty"`
	Neutral   int  `json:"neutral,omitempty"` // a number that no user has; of exclusive ones
	Commons   int  `json:"commons,omitempty"` // the group of what all users of its pool may read; 0: its own
}

// Public stands for all users of a pool where something is shared with them: it is only for [User.Share] and [User.Enter].
func (u *User) Public() *User {
	if u == nil || u.Commons == 0 {
		return u
	}
	all := *u
	all.GID = u.Commons
	return &all
}

// Lookup finds a user of this machine. It refuses those who would not keep anything from anybody.
func Lookup(name string) (*User, error) {
	found, err := user.Lookup(name)
	switch {
	case errors.As(err, new(user.UnknownUserError)):
		return nil, &hint.Error{Err: fmt.Errorf("terraform.user %[1]s does not exist: this machine has no users %[1]s1, %[1]s2, ..., and none who is called %[1]s", name), Hint: MakeHint(name)}
	case err != nil:
		return nil, fmt.Errorf("looking up terraform.user: %w", err)
	}
	u := &User{Name: found.Username}
	if u.UID, err = strconv.Atoi(found.Uid); err == nil {
		u.GID, err = strconv.Atoi(found.Gid)
	}
	if err != nil {
		return nil, fmt.Errorf("looking up terraform.user: %w", err)
	}
	ids, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("looking up the groups of terraform.user: %w", err)
	}
	for _, id := range ids {
		if gid, err := strconv.Atoi(id); err == nil && gid != u.GID {
			u.Groups = append(u.Groups, gid)
		}
	}
	return u, u.apart()
}

// apart refuses a user who can do what this process can.
func (u *User) apart() error {
	const next = "make a user for terraform alone, with a group of its own and in no other; install.sh does"
	switch in := append([]int{u.GID}, u.Groups...); {
	case u.UID == 0 || slices.Contains(in, 0):
		return &hint.Error{Err: fmt.Errorf("terraform.user %s is root or in root's group: nothing would be kept from it", u.Name), Hint: next}
	case u.UID == os.Geteuid():
		return &hint.Error{Err: fmt.Errorf("terraform.user %s is the agent's own user: nothing would be kept from it", u.Name), Hint: next}
	case slices.Contains(in, os.Getegid()):
		return &hint.Error{Err: fmt.Errorf("terraform.user %s is in the agent's group: it could open the socket", u.Name), Hint: next}
	}
	return nil
}

// LoginName is the user's name; empty for a nil user, the agent's own.
func (u *User) LoginName() string {
	if u == nil {
		return ""
	}
	return u.Name
}

// Own gives a directory or file, with everything in it, to the user. It goes from the inside out: the user can get at nothing
// of it before the last step, so it cannot put a link in the way of one. What is the user's already is left as it is, for
// that reason.
func (u *User) Own(path string) error {
	if u == nil {
		return nil
	}
	if info, err := os.Lstat(path); err != nil || ownerOf(info) == u.UID {
		return err
	}
	return giveTree(path, u.UID, u.GID)
}

// OwnFile gives an open file to the user.
func (u *User) OwnFile(f *os.File) error {
	if u == nil {
		return nil
	}
	return f.Chown(u.UID, u.GID)
}

// Owner is the number of the user to whom a file or directory belongs. No link is followed.
func Owner(path string) (int, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return -1, err
	}
	return ownerOf(info), nil
}

func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

func giveTree(path string, uid, gid int) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := giveTree(filepath.Join(path, e.Name()), uid, gid); err != nil {
				return err
			}
		}
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("giving away %s: %w", path, err)
	}
	return nil
}

// Enter lets the user through a directory of the agent's, without showing what is in it.
func (u *User) Enter(dir string) error {
	if u == nil {
		return nil
	}
	return u.permit(dir, 0o010)
}

// Share lets the user read a file or directory of the agent's with everything in it, and execute what the agent can. It must
// not be called of what the user can write to.
func (u *User) Share(path string) error {
	if u == nil {
		return nil
	}
	return filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return u.permit(path, 0o050)
		case d.Type().IsRegular():
			return u.permit(path, 0o040)
		}
		return nil
	})
}

// Connect lets the user connect to a unix socket in a directory that it can enter.
func (u *User) Connect(socket string) error {
	if u == nil {
		return nil
	}
	return u.permit(socket, 0o060)
}

// permit gives a file's group to the user's, and that group these rights; execution goes with the owner's.
func (u *User) permit(path string, rights fs.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	mode := info.Mode().Perm()&^0o070 | rights
	if info.Mode().IsRegular() {
		mode |= mode & 0o100 >> 3
	}
	st, _ := info.Sys().(*syscall.Stat_t)
	if st != nil && int(st.Gid) == u.GID && mode == info.Mode().Perm() {
		return nil
	}
	// Nobody else's group gets the rights in between.
	if err := errors.Join(os.Lchown(path, -1, u.GID), os.Chmod(path, mode)); err != nil {
		return fmt.Errorf("letting terraform.user at %s: %w", path, err)
	}
	return nil
}
