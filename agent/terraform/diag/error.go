package diag

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Error is what stopped an operation, in terraform's own words.
type Error struct {
	Op          string // init, plan, show, workspace, finding terraform, ...
	Diagnostics []Diagnostic
	Output      string // the end of what terraform wrote, when it gave no diagnostics
	ExitCode    int    // -1 if terraform did not exit by itself or never started
	// Lock: the state lock was in the way, and this is what terraform tells of its holder; nil otherwise.
	Lock *LockInfo
	// Killed: terraform did not end by itself, so that it may have left the state lock behind.
	Killed bool
	// Transient: the same operation may well succeed later by itself (state lock held, network, throttling).
	Transient bool
	// Hint says what a person can do; empty if terraform's words are enough.
	Hint string
	Err  error // the cause, when it is not terraform's: a cancelled context, a full disk
}

// Error returns all errors of terraform, one paragraph each: summary, detail, file and line. It is meant to be read
// by people and can be long.
func (e *Error) Error() string {
	var parts []string
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if text := Text(e.Diagnostics); text != "" {
		parts = append(parts, text)
	}
	if len(parts) == 0 && e.Output != "" {
		parts = append(parts, e.Output)
	}
	if len(parts) == 0 {
		parts = append(parts, fmt.Sprintf("terraform ended with exit code %d and gave no reason", e.ExitCode))
	}
	return "terraform " + e.Op + ": " + strings.Join(parts, "\n")
}

// Unwrap gives the cause that is not terraform's, so that errors.Is finds a cancelled context.
func (e *Error) Unwrap() error { return e.Err }

// UserHint returns the hint.
func (e *Error) UserHint() string { return e.Hint }

// Judge reads terraform's words about an operation, and sets what follows from them: Lock, Transient and Hint.
func (e *Error) Judge(of Period) {
	e.Lock = lockIn(e.Diagnostics, e.Output, of)
	e.Transient = e.Lock != nil || transient(e.Diagnostics, e.Output)
	e.Hint = hint(e.Diagnostics, e.Output)
	if e.Lock != nil {
		e.Hint = lockHint(e.Lock)
	} else if fault := lockFaultOf(e.Diagnostics, e.Output); fault != "" {
		e.Transient, e.Hint = !lockDenied().MatchString(fault), lockFaultHint(fault)
	}
}

// summaryStale is how terraform begins the refusal of a saved plan that another apply has overtaken.
const summaryStale = "Saved plan is stale"

// StalePlan reports whether terraform refused a saved plan because the state has moved since.
func StalePlan(diags []Diagnostic) bool {
	return slices.ContainsFunc(diags, func(d Diagnostic) bool {
		return d.IsError() && (d.Summary == summaryStale || d.Summary == "Saved plan does not match the given state")
	})
}

// movedState is how terraform refuses to push a state that does not follow the one at the backend.
var movedState = regexp.MustCompile(`cannot import state with (serial|lineage)|cannot overwrite existing state with serial`)

// StateMoved reports whether terraform refused a state because the one at the backend is newer, or another one.
func (e *Error) StateMoved() bool { return movedState.MatchString(e.Output) }

// transientPattern lists what networks, registries, clouds and git say when a second try can help.
var transientPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.Join([]string{
		`connection refused`, `connection reset`, `connection timed out`, `no such host`, `temporary failure in name resolution`,
		`could not resolve host`, `network is unreachable`, `no route to host`, `i/o timeout`, `tls handshake timeout`,
		`client\.timeout exceeded`, `timed out while|operation timed out|failed to connect to|request timeout`,
		`unexpected eof`, `server closed idle connection`, `the remote end hung up`, `early eof`,
		`\b(429|500|502|503|504) (too many|internal|bad gateway|service|gateway)`, `status(code| code)?:? ?(429|500|502|503|504)\b`,
		`the requested url returned error: (429|5\d\d)`, `too many requests`, `service unavailable`, `bad gateway`,
		`throttl`, `rate ?limit`, `rate exceeded`, `requestlimitexceeded`, `slowdown`, `failed to request discovery document`,
		`unexpected http response code (429|5\d\d)`, `could not connect to registry|registry service is unreachable`,
	}, "|"))
})

// transient reports whether the same operation may succeed later by itself. One transient error among several is enough: a dead
// registry makes many errors, of which some sound permanent.
func transient(diags []Diagnostic, output string) bool {
	for _, d := range diags {
		if d.IsError() && transientPattern().MatchString(d.Summary+"\n"+d.Detail) {
			return true
		}
	}
	return len(diags) == 0 && transientPattern().MatchString(output)
}

// PrivateModule is the hint where git was not let in. Whoever knows which credentials were lent puts a better one in its place.
const PrivateModule = "a private module could not be read: git gets the credentials of the stack's own repository only, for the repository itself and " +
	"for what its modules_from names"

// RemoteState is the hint where terraform_remote_state found nothing. Whoever knows where states are kept puts a better one in its
// place.
const RemoteState = "terraform_remote_state found no state there: has the other stack been applied, and are its backend and config those of the other one?"

// A hintRule gives the advice for errors whose text matches.
type hintRule struct {
	pattern *regexp.Regexp
	hint    string
}

// hintRules are tried in order; the first that matches any error wins. They are compiled when something went wrong.
var hintRules = sync.OnceValue(func() []hintRule {
	return []hintRule{
		{regexp.MustCompile(`Unable to find remote state`), RemoteState},
		{regexp.MustCompile(`Unsupported (Terraform|OpenTofu) Core version|required_version`),
			"the configuration wants another terraform: set terraform { version } in sallyport's configuration, in the stack for it alone, to one that satisfies required_version"},
		{regexp.MustCompile(`No value for required variable`),
			"give the variable a value in vars or var_files of the stack, or a default in the configuration"},
		{regexp.MustCompile(`Failed to read variables file|Given variables file`),
			"var_files are relative to the stack's dir; is the file committed?"},
		{regexp.MustCompile(`(?i)No valid credential sources|could not find default credentials|NoCredentialProviders|no EC2 IMDS role|InvalidAccessKeyId|ExpiredToken|Unable to locate credentials`),
			"terraform has no valid cloud credentials: it sees only what env and plan_env of the stack name, and the machine's own role"},
		{regexp.MustCompile(`(?i)doesn't match any of the checksums|does not match any of the checksums`),
			"the committed .terraform.lock.hcl has no checksum for this platform: run terraform providers lock -platform=linux_amd64 and commit it"},
		{regexp.MustCompile(`(?i)could not read (Username|Password)|terminal prompts disabled|Authentication failed for|Permission denied \(publickey`),
			PrivateModule},
		{regexp.MustCompile(`(?i)Host key verification failed`),
			"add the module host's key to the repository's known_hosts_file"},
		{regexp.MustCompile(`(?i)git must be available|exec: "git"`), "install git: terraform needs it for modules"},
		{regexp.MustCompile(`(?i)no space left on device`), "make room on the disk that holds data_dir"},
		{regexp.MustCompile(`(?i)Backend configuration changed|Backend initialization required|Missing backend configuration`),
			"check backend_config of the stack against the backend block of the configuration"},
		{regexp.MustCompile(`(?i)Inconsistent dependency lock file`),
			"run terraform init on a workstation and commit .terraform.lock.hcl"},
	}
})

// hint finds the advice for the errors among diagnostics and for the output; empty if there is none.
func hint(diags []Diagnostic, output string) string {
	text := output
	for _, d := range diags {
		if d.IsError() {
			text += "\n" + d.Summary + "\n" + d.Detail
		}
	}
	if wanted := impossibleVersion(diags); wanted != "" {
		return "no version at all satisfies required_version = \"" + wanted + "\": correct it in the configuration"
	}
	for _, r := range hintRules() {
		if r.pattern.MatchString(text) {
			return r.hint
		}
	}
	return ""
}

// NoWorkspace reports whether terraform refused to select a workspace because there is none of that name.
func (e *Error) NoWorkspace() bool {
	return strings.Contains(e.Output, "doesn't exist") || strings.Contains(e.Output, "does not exist")
}
