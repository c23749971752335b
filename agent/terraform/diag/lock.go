package diag

import (
	"os"
	"os/user"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// LockInfo says who holds a state lock, as far as terraform tells. Some backends know the id only, some nothing at all.
type LockInfo struct {
	ID, Path, Operation, Who, Version, Created, Info string
}

// The operations that a state lock can be of, in terraform's words.
const (
	OperationApply = "OperationTypeApply"
	OperationPlan  = "OperationTypePlan"
)

// Since returns the time at which the lock was taken; zero if terraform's text has none.
func (l LockInfo) Since() time.Time {
	t, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", l.Created)
	if err != nil {
		return time.Time{}
	}
	return t
}

// LockOwner is what terraform writes as Who into a state lock that it takes on this machine for a user, or for this
// process's own if the name is empty.
func LockOwner(name string) string {
	host := ""
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// Period is the time of an operation by the wall clock, by which terraform dates the locks that it asks for.
type Period struct{ Began, Ended time.Time }

// How terraform begins what it says of state locks.
const (
	summaryLock    = "Error acquiring the state lock"
	summaryRelease = "Error releasing the state lock"
)

// lockHeld reports whether terraform could not take the state lock, and what terraform said about the holder. The info is
// never nil when the answer is yes, but can be empty: some backends know no holder.
func lockHeld(diags []Diagnostic) (*LockInfo, bool) {
	for _, d := range diags {
		if d.IsError() && d.Summary == summaryLock && lockFault(d.Detail) == "" {
			return parseLockInfo(d.Detail), true
		}
	}
	return nil, false
}

// Terraform has one heading for a lock that somebody holds and for a backend that could not be asked for it. These words of
// backends say that somebody holds it, and those that nobody was asked. Where neither is said, it counts as held.
var (
	saysHeld = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)already\s+locked|ConditionalCheckFailed|PreconditionFailed|conditionNotMet|Error 412|StatusCode: 412|resource temporarily unavailable|lock is (already )?held|locked by`)
	})
	saysFailed = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)requires\s+auth|invalid\s+auth|access\s?denied|forbidden|unauthori[sz]ed|no valid credential|ExpiredToken|Unexpected\s+HTTP\s+response\s+code|` +
			`StatusCode:\s+(4\d\d|5\d\d)|giving\s+up\s+after|NoSuchBucket|ResourceNotFoundException`)
	})
)

// lockFault is why a backend could not be asked for the state lock, in its own words; empty if somebody holds it, or may.
func lockFault(detail string) string {
	cause, _, info := strings.Cut(detail, "Lock Info:")
	if saysHeld().MatchString(cause) || info || !saysFailed().MatchString(cause) && !transientPattern().MatchString(cause) {
		return ""
	}
	cause, _, _ = strings.Cut(cause, "acquires a state lock") // what follows is terraform's advice; the word before it is its name
	_, cause, _ = strings.Cut(cause, "Error message:")
	cause = strings.Join(strings.Fields(cause), " ")
	return strings.TrimSuffix(strings.TrimSuffix(cause, " Terraform"), " OpenTofu")
}

// lockFaultOf is the same of an operation's texts.
func lockFaultOf(diags []Diagnostic, output string) string {
	for _, d := range diags {
		if d.IsError() && d.Summary == summaryLock {
			return lockFault(d.Detail)
		}
	}
	if _, text, found := strings.Cut(output, summaryLock); found {
		return lockFault(text)
	}
	return ""
}

// lockDenied are faults that another try does not mend.
var lockDenied = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\bauth\b|denied|forbidden|unauthori|credential|ExpiredToken|\b40[0-5]\b|NoSuchBucket|ResourceNotFound`)
})

// lockFaultHint says what a person can do about it.
func lockFaultHint(fault string) string {
	const who = "nobody holds the state lock, as far as is known: the backend could not be asked for it ("
	if lockDenied().MatchString(fault) {
		return who + fault + "). Terraform needs credentials that may write and lock there, and the place must be right: see env, plan_env and backend_config of the stack"
	}
	return who + fault + "). It is the backend that has to be brought back"
}

// LockLeft reports whether terraform could not let go of the state lock at the end.
func LockLeft(diags []Diagnostic) bool {
	return slices.ContainsFunc(diags, func(d Diagnostic) bool { return strings.Contains(d.Summary+d.Detail, summaryRelease) })
}

// lockIn finds the holder of a state lock in the texts of an operation; nil if no lock was in the way.
func lockIn(diags []Diagnostic, output string, of Period) *LockInfo {
	info, held := lockHeld(diags)
	if !held && strings.Contains(output, summaryLock) { // operations without -json
		_, text, _ := strings.Cut(output, summaryLock)
		info, held = parseLockInfo(text), lockFault(text) == ""
	}
	if !held {
		return nil
	}
	// Backends that do not know the holder show in its place the lock that was asked for (http, pg). Taking the request for the
	// holder would advise people to unlock what never was a lock. A lock of after the operation is one that was taken while the
	// clock was ahead.
	if since := info.Since(); !since.IsZero() && !since.Before(of.Began) && !since.After(of.Ended) {
		return &LockInfo{}
	}
	return info
}

// lockedElsewhere is how the http backend names the holder, over two lines where terraform wraps its text. The Lock Info of that
// backend is of the lock that was asked for.
var lockedElsewhere = regexp.MustCompile(`HTTP\s+remote\s+state\s+already\s+locked(?::\s+ID=(\S+))?`)

// parseLockInfo reads the indented lines after "Lock Info:".
func parseLockInfo(detail string) *LockInfo {
	info := &LockInfo{}
	before, after, found := strings.Cut(detail, "Lock Info:")
	if m := lockedElsewhere.FindStringSubmatch(before); m != nil {
		info.ID = m[1]
		return info
	}
	if !found {
		return info
	}
	for line := range strings.Lines(after) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch key {
		case "ID":
			info.ID = value
		case "Path":
			info.Path = value
		case "Operation":
			info.Operation = value
		case "Who":
			info.Who = value
		case "Version":
			info.Version = value
		case "Created":
			info.Created = value
		case "Info":
			info.Info = value
		}
	}
	return info
}

// LockAdvice says who holds the state lock that an operation met, and what a person can do; empty if no lock was in the way.
func LockAdvice(diags []Diagnostic, of Period) string {
	if info := lockIn(diags, "", of); info != nil {
		return lockHint(info)
	}
	if fault := lockFaultOf(diags, ""); fault != "" {
		return lockFaultHint(fault)
	}
	return ""
}

// lockHint says what a person can do about a lock that is in the way.
func lockHint(info *LockInfo) string {
	switch {
	case info.ID == "":
		return "the state lock could not be taken, and the backend does not say who holds it; if nothing is running any more, unlock it"
	case info.Who == "":
		return "another operation holds the state lock " + info.ID + "; the backend does not say whose. If nothing is running any more: sallyport unlock STACK " + info.ID
	}
	elsewhere := ""
	if _, host, ok := strings.Cut(info.Who, "@"); ok && !strings.HasSuffix(LockOwner(""), "@"+host) {
		elsewhere = ": that is another machine than this one, where somebody works by hand or another agent is at work on this stack"
	}
	return "the state lock " + info.ID + " has been held by " + info.Who + " since " + info.Created + " (" + info.Operation + ")" + elsewhere +
		"; if that is not running any more: sallyport unlock STACK " + info.ID
}
