package asuser

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"sallyport/agent/hint"
	"sallyport/agent/proc"
)

// maxPool is how many users with numbers are looked for.
const maxPool = 64

// Find finds the users whom terraform.user means: name1, name2, ... as far as they exist, each of which is one run's alone while
// that is at work; where there are none, the one of that very name, whom all runs share.
func Find(name string) ([]*User, error) {
	var out []*User
	for n := 1; n <= maxPool; n++ {
		numbered := name + strconv.Itoa(n)
		if _, err := user.Lookup(numbered); err != nil {
			if errors.As(err, new(user.UnknownUserError)) {
				continue
			}
			return nil, fmt.Errorf("looking up the users of terraform.user: %w", err)
		}
		u, err := Lookup(numbered)
		if err != nil {
			return nil, err
		}
		u.Exclusive = true
		out = append(out, u)
	}
	if len(out) == 0 {
		u, err := Lookup(name)
		if err != nil {
			return nil, err
		}
		return []*User{u}, nil
	}
	if err := eachAlone(out); err != nil {
		return nil, err
	}
	neutral, err := neutralNumber()
	if err != nil {
		return nil, err
	}
	commons := neutral
	if g, err := user.LookupGroup(name); err == nil {
		if gid, err := strconv.Atoi(g.Gid); err == nil && gid > 0 && gid != os.Getegid() && !slices.ContainsFunc(out, func(u *User) bool { return u.GID == gid }) {
			commons = gid
		}
	}
	for _, u := range out {
		u.Neutral, u.Commons = neutral, commons
		if !slices.Contains(u.Groups, commons) {
			u.Groups = append(u.Groups, commons)
		}
	}
	return out, nil
}

// installed is whose numbered users install.sh makes.
const installed = "sallyport-tf"

// MakeHint says how the numbered users of a name are made.
func MakeHint(name string) string {
	if name == installed {
		return "install.sh makes them: run it again, then restart the agent"
	}
	return "make one for each run at work: useradd --system --user-group --no-create-home " + name + "1, and so on; then restart the agent (install.sh makes them for " + installed + " only)"
}

// SharedWarning says what it means that all runs share one user.
func SharedWarning(name string) string {
	return fmt.Sprintf("there are no users %[1]s1, %[1]s2, ..., so all runs share %[1]s: runs that are at work at the same time can read and change each other's files", name)
}

// eachAlone refuses users who are not apart from each other.
func eachAlone(users []*User) error {
	for _, u := range users {
		for _, other := range users {
			if u != other && (u.UID == other.UID || u.GID == other.GID || slices.Contains(u.Groups, other.GID)) {
				return &hint.Error{Err: fmt.Errorf("the users %s and %s are not apart: one is in the group of the other", u.Name, other.Name),
					Hint: "each user of terraform.user needs a group of its own and must be in none of the others'; install.sh makes them so"}
			}
		}
	}
	return nil
}

// neutralNumbers are in ranges that nobody hands out. The second is for containers, which map few numbers.
var neutralNumbers = []int{1879048195, 61183}

// neutralNumber is the number of a user whom nobody is; see neutralIdentity.
func neutralNumber() (int, error) {
	maps, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return 0, fmt.Errorf("looking for a number that no user has: %w", err)
	}
	for _, n := range neutralNumbers {
		_, lookErr := user.LookupId(strconv.Itoa(n))
		if !mapped(string(maps), n) || !errors.As(lookErr, new(user.UnknownUserIdError)) {
			continue
		}
		used, err := proc.Of(n)
		if err != nil {
			return 0, err
		}
		if len(used) == 0 {
			return n, nil
		}
	}
	return 0, &hint.Error{Err: fmt.Errorf("none of the numbers %v is free here", neutralNumbers),
		Hint: "terraform.user's numbered users need one that no user and no process has, to end processes from"}
}

// mapped reports whether a number means anything in this process's user namespace.
func mapped(maps string, n int) bool {
	for line := range strings.Lines(maps) {
		var first, outside, count uint64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err == nil && uint64(n) >= first && uint64(n) < first+count {
			return true
		}
	}
	return false
}
