package packer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/asuser"
	"sallyport/agent/proc"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

const (
	// grace is how long Packer may take to end after a SIGINT.
	grace = 20 * time.Second
	// maxOutput bounds what is kept of what validate and inspect say, in bytes.
	maxOutput = 1 << 20
)

// Tool is one packer binary.
type Tool struct {
	Path    string // absolute
	Version string // like 1.6.6
	Digest  string // SHA-256 of the binary, hex
}

// PlanOptions say what is going to be built. Paths on this machine are absolute.
type PlanOptions struct {
	Tool     Tool
	Image    string // name
	Source   string // a fresh checkout
	OutDir   string // exists, 0700: recipe and variables
	Dir      string // of the template; slash-separated, relative to the repository's root
	Template string // relative to Dir
	VarFiles []string
	Vars     map[string]cty.Value
	Belongs  func(path string) bool // which files of the repository are part of the image
	Env      map[string]redact.Secret
	Home     string
	User     *asuser.User  // runs Packer; nil: the agent's own
	Timeout  time.Duration // of everything together; 0: none
	Redact   func(string) string
}

// PlanResult is what a build would do.
type PlanResult struct {
	Digest string // of the recipe
	Recipe *Recipe
	Builds []string // names of the builders
	Text   string   // what Packer says of the template, redacted
}

// An Error is Packer's own word on why something cannot be built.
type Error struct {
	Op   string // init, validate, inspect, version
	Text string
	Hint string
	Err  error
}

// Error implements error.
func (e *Error) Error() string {
	text := "packer " + e.Op
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Text == "" {
		return text
	}
	if cause := Cause(e.Text); cause != e.Text {
		text += ": " + cause + "\n" + e.Text // who reads one line only reads the one that says why
	} else {
		text += ": " + cause
	}
	return text
}

var (
	// counted is how Packer begins a list of errors, which is a line without any news.
	counted = regexp.MustCompile(`^\d+ error\(?s?\)? occurred:$`)
	// general are sentences of Packer's after which comes what is meant.
	general = regexp.MustCompile(`^(Template validation failed\.|Missing plugins$|Errors validating build|Failed to (prepare|initialize) build)`)
)

// Cause is why something went wrong, in one line of what Packer says about it at length: what it counts and what it announces
// is left out where something comes after it.
func Cause(text string) string {
	cause := ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "Error: "), "* ")
		switch {
		case line == "" || counted.MatchString(line):
			continue
		case cause == "":
			cause = line
		default:
			cause = strings.TrimSuffix(cause, ":") + ": " + line
		}
		if !general.MatchString(line) && !strings.HasSuffix(line, ":") {
			return words.FirstLine(cause, maxSaid)
		}
	}
	if cause == "" {
		cause = strings.TrimSpace(text)
	}
	return words.FirstLine(cause, maxSaid)
}

// UserHint says what to do.
func (e *Error) UserHint() string { return e.Hint }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Plan writes the recipe of a build, and has Packer validate and inspect the template in a copy that is made by it, after it has
// fetched the plugins that the template asks for and that are not there.
func Plan(ctx context.Context, o PlanOptions) (*PlanResult, error) {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout,
			fmt.Errorf("plan_timeout of %s has passed: %w", o.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	r := &Recipe{Image: o.Image, Dir: o.Dir, Template: o.Template, VarFiles: o.VarFiles, Binary: o.Tool.Path, BinaryDigest: o.Tool.Digest}
	var err error
	if r.Vars, err = writeVars(o.OutDir, o.Template, o.Vars); err != nil {
		return nil, err
	}
	if err := r.collect(o.Source, o.Belongs); err != nil {
		return nil, err
	}
	digest, err := r.write(o.OutDir)
	if err != nil {
		return nil, err
	}
	trial := filepath.Join(o.OutDir, "trial")
	if err := os.Mkdir(trial, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory to try the template in: %w", err)
	}
	defer func() { _ = os.RemoveAll(trial) }() // the whole of OutDir goes with its run
	call, err := r.Prepare(o.Source, o.OutDir, trial)
	var wants []Plugin
	if err == nil {
		wants, err = pluginsOf(r, trial)
	}
	if err == nil {
		err = errors.Join(o.User.Enter(o.OutDir), Hand(o.User, trial))
	}
	if err != nil {
		return nil, err
	}
	temp, removeTemp, err := proc.TempDir(filepath.Join(trial, tempDir)) // Packer's plugins have sockets there too
	if err != nil {
		return nil, err
	}
	defer func() { _ = removeTemp() }() // a file that outlives it goes with the machine's /tmp
	if err := o.User.Own(temp); err != nil {
		return nil, err
	}
	env := Environment(o.Home, temp, o.Env)
	t := trialRun{PlanOptions: o, call: call, env: env, wants: wants}
	lines, err := t.look(ctx)
	if err != nil {
		return nil, err
	}
	result := &PlanResult{Digest: digest, Recipe: r, Builds: builders(lines), Text: o.Redact(said(lines))}
	if len(result.Builds) == 0 {
		return nil, &Error{Op: "inspect", Err: fmt.Errorf("%s has no builders", path.Join(o.Dir, o.Template)), Hint: "template of the image names the file, or \".\" for all *.pkr.hcl of its dir"}
	}
	return result, nil
}

// pluginsOf reads which plugins the template of a prepared copy asks for. No link leads out of the copy.
func pluginsOf(r *Recipe, trial string) ([]Plugin, error) {
	root, err := os.OpenRoot(filepath.Join(trial, sourceDir))
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	defer func() { _ = root.Close() }() // read only
	files, ok := root.FS().(Files)
	if !ok {
		return nil, errors.New("reading the template: the file system cannot list directories")
	}
	return Plugins(files, r.Dir, r.Template), nil
}

// trialRun is how Packer looks at a template.
type trialRun struct {
	PlanOptions
	call  Call
	env   []string
	wants []Plugin
}

// look has Packer fetch what is missing, and say whether the template is valid and what is in it.
func (t trialRun) look(ctx context.Context) ([]Line, error) {
	if len(t.wants) > 0 && KnowsPlugins(t.Tool.Version) {
		if _, err := t.run(ctx, "init"); err != nil {
			return nil, err
		}
	}
	if _, err := t.run(ctx, "validate"); err != nil {
		return nil, err
	}
	return t.run(ctx, "inspect")
}

// run has Packer look at the template once.
func (t trialRun) run(ctx context.Context, verb string) ([]Line, error) {
	args := append([]string{verb, "-machine-readable"}, t.call.Args...)
	if verb == "init" || verb == "inspect" && !IsHCL(t.Template) {
		args = []string{verb, "-machine-readable", t.Template} // init needs no variables, and inspect takes none there
	}
	out, err := execute(ctx, t.User, t.Tool.Path, t.call.Dir, t.env, args...)
	lines, rest := parse(out)
	if err == nil {
		return lines, nil
	}
	failed := &Error{Op: verb}
	if verb == "init" {
		failed.Hint = OfflineHint // where nothing answers, it only ends with the deadline
	}
	if cause := context.Cause(ctx); cause != nil {
		failed.Err = cause
		return nil, failed
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		failed.Err = err
		return nil, failed
	}
	text := strings.TrimSpace(said(lines) + rest)
	failed.Text, failed.Hint = t.Redact(text), hintFor(verb, text, t.Tool.Version, t.wants)
	return nil, failed
}

// execute runs Packer to its end and returns what it said. Its death is bound to ours: nothing here outlives the agent.
func execute(ctx context.Context, user *asuser.User, binary, dir string, env []string, args ...string) (string, error) {
	var out strings.Builder
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdout = &limited{w: &out, left: maxOutput}
	cmd.Stderr = cmd.Stdout
	proc.OwnGroup(cmd)
	defer proc.DieWithUs(cmd, syscall.SIGKILL)()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = grace
	if user != nil {
		cmd.Path, cmd.Env = asuser.Executable, append(cmd.Env, user.Environ(asuser.Program{Path: binary, Parent: os.Getpid()}))
		proc.Lend(cmd, user.Capabilities())
	}
	err := cmd.Run()
	return out.String(), err
}

// limited keeps the beginning of a text.
type limited struct {
	w    *strings.Builder
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.w.Write(p[:n])
	return len(p), nil
}

// parse splits output into what is machine-readable and what is not.
func parse(out string) (lines []Line, rest string) {
	for _, text := range strings.Split(out, "\n") {
		if l, ok := ParseLine(text); ok {
			lines = append(lines, l)
		} else if strings.TrimSpace(text) != "" {
			rest += text + "\n"
		}
	}
	return lines, rest
}

// said is what lines say to people.
func said(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		if text, _ := l.Said(); l.Type == "ui" {
			b.WriteString(strings.TrimRight(text, "\n") + "\n")
		}
	}
	return b.String()
}

// builders are the names of what a template builds. Of one in HCL only the text for people has them.
func builders(lines []Line) []string {
	var names []string
	for _, l := range lines {
		if l.Type == "template-builder" && !slices.Contains(names, l.at(0)) {
			names = append(names, l.at(0))
		}
	}
	if len(names) > 0 {
		return names
	}
	return sources(said(lines))
}

// sources reads the builders of every build block.
//
//	> builds:
//
//	  > <unnamed build 0>:
//
//	    sources:
//
//	      file.one
func sources(text string) []string {
	var names []string
	build, inside := "", false
	_, text, _ = strings.Cut(text, "> builds:")
	for _, line := range strings.Split(text, "\n") {
		word := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case word == "":
		case strings.HasPrefix(word, "> "):
			build, inside = strings.TrimSuffix(strings.TrimPrefix(word, "> "), ":"), false
			if strings.HasPrefix(build, "<unnamed") {
				build = ""
			}
		case indent <= 4:
			inside = word == "sources:"
		case inside:
			if build != "" {
				word = build + "." + word
			}
			if !slices.Contains(names, word) {
				names = append(names, word)
			}
		}
	}
	return names
}

// Version asks a packer binary for its version. It works in a directory of its own below temp, which is made if it is missing;
// empty: the system's.
func Version(ctx context.Context, binary, temp string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if temp != "" {
		if err := os.MkdirAll(temp, 0o700); err != nil {
			return "", fmt.Errorf("asking packer for its version: %w", err)
		}
	}
	dir, err := os.MkdirTemp(temp, "sallyport-packer-")
	if err != nil {
		return "", fmt.Errorf("asking packer for its version: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out, err := execute(ctx, nil, binary, dir, Environment(dir, dir), "version", "-machine-readable")
	lines, _ := parse(out)
	for _, l := range lines {
		if l.Type == "version" {
			return l.at(0), nil
		}
	}
	if err == nil {
		err = errors.New("it does not say its version")
	}
	return "", &Error{Op: "version", Err: err, Hint: "packer { binary } must name a Packer for this machine"}
}

// BuildArgs are the arguments of a build. Without colours, and so that no builder waits for a person.
func BuildArgs(c Call) []string {
	return append([]string{"build", "-machine-readable", "-color=false", "-on-error=cleanup"}, c.Args...)
}
