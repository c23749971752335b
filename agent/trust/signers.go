package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshKey is one line of a file of allowed signers.
type sshKey struct {
	principals    string
	public        ssh.PublicKey
	after, before time.Time // zero: no limit
}

func (k sshKey) valid(now time.Time) bool {
	return (k.after.IsZero() || !now.Before(k.after)) && (k.before.IsZero() || now.Before(k.before))
}

// parseSigners reads a file in the format of ssh-keygen(1), ALLOWED SIGNERS. What it could say and is not understood here is
// an error: a limit that is not kept is worse than none.
func parseSigners(text string) ([]sshKey, error) {
	var keys []sshKey
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, usable, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if usable {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// parseSigner reads one line. A key for another namespace than git's is of no use.
func parseSigner(line string) (key sshKey, usable bool, err error) {
	principals, rest, _ := strings.Cut(line, " ")
	if strings.HasPrefix(principals, `"`) {
		return key, false, errors.New("quoted principals are not understood")
	}
	public, _, options, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil {
		return key, false, fmt.Errorf("%s is not followed by a key: %w", principals, err)
	}
	key, usable = sshKey{principals: principals, public: public}, true
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			usable = slices.Contains(strings.Split(value, ","), namespace)
		case "valid-after":
			key.after, err = parseStamp(value)
		case "valid-before":
			key.before, err = parseStamp(value)
		default:
			err = fmt.Errorf("the option %s is not understood", name)
		}
		if err != nil {
			return key, false, err
		}
	}
	return key, usable, nil
}

// parseStamp reads YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, local time unless a Z follows.
func parseStamp(text string) (time.Time, error) {
	digits, utc := strings.CutSuffix(text, "Z")
	zone := time.Local
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			return time.ParseInLocation(layout, digits, zone)
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time like 20260131", text)
}
