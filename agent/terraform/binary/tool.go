package binary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/release"
)

// Tool is one terraform binary.
type Tool struct {
	Path    string // absolute
	Version string // like 1.11.4
	// OpenTofu: it is one of those. What follows from that is in the methods that say what it can do.
	OpenTofu bool
	Digest   string // SHA-256 of the binary, hex
	// File is the identity of the binary when its digest was taken: as long as it stays the same, so does the digest. Zero: not known.
	File Identity
}

// Looked returns the tool with digest and identity of its binary as they are now.
func (t Tool) Looked() (Tool, error) {
	var err error
	if t.Digest, t.File, err = Digest(t.Path); err != nil {
		return Tool{}, fmt.Errorf("reading terraform's binary: %w", err)
	}
	return t, nil
}

// AtLeast compares the version with major.minor. Prereleases count as their release, texts that are no versions as too old.
func (t Tool) AtLeast(major, minor int) bool {
	parsed, err := version.NewVersion(t.Version)
	if err != nil {
		return false
	}
	s := parsed.Segments()
	return s[0] > major || s[0] == major && s[1] >= minor
}

// Grace is how long terraform may take by default to end after the SIGINT of a cancelled context before it is killed. A kill
// leaves the state lock behind, so it is long: a plan ends within seconds unless a provider hangs. A stop of the agent
// waits for it, within the TimeoutStopSec of its unit.
const Grace = 20 * time.Second

// A Start says what is executed when terraform is called.
type Start int

// The ways to start terraform.
const (
	Direct  Start = iota // terraform's binary itself
	Wrapped              // this program, which is told in the environment of each call what to do first; see package asuser
)

// In prepares terraform in a directory.
func (t Tool) In(dir string, start Start) (*tfexec.Terraform, error) {
	path := t.Path
	if start == Wrapped {
		path = asuser.Executable
	}
	tf, err := tfexec.NewTerraform(dir, path)
	if err != nil {
		return nil, fmt.Errorf("preparing terraform: %w", err)
	}
	if err := tf.SetWaitDelay(Grace); err != nil {
		return nil, fmt.Errorf("preparing terraform: %w", err)
	}
	return tf, nil
}

// minVersion is the oldest terraform whose -json output of plan and apply has everything.
const minVersion = "1.1.0"

// Options say which terraform is wanted: Binary, else Version, else the one in PATH.
type Options struct {
	Name       string // terraform, or tofu: what is looked up in PATH, and what people call it; default terraform
	Binary     string // path of an installed one
	Version    string // exact version to install, like 1.11.4
	InstallDir string // where pinned versions are kept, one directory each; needed with Version
	TempDir    string // made if it is missing; what a killed agent leaves there is its to sweep. Empty: the system's
	Log        *slog.Logger
	Lookup     func(file string) (string, error) // default exec.LookPath
	// Install puts that version of terraform into dir and returns the path of the binary; see [release.Options].
	Install func(ctx context.Context, version, dir string) (string, error)
}

func (o *Options) validate() error {
	if o.Name == "" {
		o.Name = "terraform"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Lookup == nil {
		o.Lookup = exec.LookPath
	}
	if o.Binary == "" && o.Version != "" && o.InstallDir == "" {
		return errors.New("a pinned terraform version needs a directory to be installed in")
	}
	return nil
}

// Find finds, or installs, the wanted terraform and asks it for its version. The error is an [*diag.Error] with a hint.
func Find(ctx context.Context, o Options) (Tool, error) {
	if err := o.validate(); err != nil {
		return Tool{}, err
	}
	path, hint, err := o.locate(ctx)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return Tool{}, &diag.Error{Op: "setup", ExitCode: -1, Err: err, Hint: hint}
	}
	t := Tool{Path: path}
	if t, err = t.Looked(); err != nil {
		return Tool{}, &diag.Error{Op: "setup", ExitCode: -1, Err: err,
			Hint: "terraform { binary } must be a file that the agent may read and run"}
	}
	if err = o.ask(ctx, &t); err != nil {
		return Tool{}, &diag.Error{Op: "setup", ExitCode: -1, Err: fmt.Errorf("asking %s for its version: %w", path, err),
			Hint: "is it a " + o.Name + " for this machine, and executable?"}
	}
	if !t.AtLeast(1, 1) {
		return Tool{}, &diag.Error{Op: "setup", ExitCode: -1, Err: fmt.Errorf("%s is %s %s, which is too old", path, o.Name, t.Version),
			Hint: "install terraform " + minVersion + " or newer, or set terraform { version }"}
	}
	return t, nil
}

// locate returns the path of the wanted binary, or an error and a hint.
func (o *Options) locate(ctx context.Context) (path, hint string, err error) {
	switch {
	case o.Binary != "":
		path, err = o.Lookup(o.Binary)
		hint = "terraform { binary } must name an executable file"
	case o.Version != "":
		path, err = o.pinned(ctx)
		hint = fmt.Sprintf("installing needs https access to releases.hashicorp.com once; without it install terraform %s by hand and set terraform { binary }", o.Version)
	default:
		path, err = o.Lookup(o.Name)
		hint = `install terraform, or set terraform { version = "1.11.4" } to have it installed, or terraform { binary }`
		if o.Name != "terraform" {
			hint = "install " + o.Name + ", or set terraform { binary }"
		}
	}
	if err != nil {
		return "", hint, fmt.Errorf("finding %s: %w", o.Name, err)
	}
	return path, "", nil
}

// pinned returns the binary of the pinned version, which is installed at most once.
func (o *Options) pinned(ctx context.Context) (string, error) {
	return release.Install(ctx, release.Options{Version: o.Version, Dir: o.InstallDir, Log: o.Log, Fetch: o.Install})
}

// ask asks a binary what it is and for its version, in a directory and with a home of its own.
func (o *Options) ask(ctx context.Context, t *Tool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if o.TempDir != "" {
		if err := os.MkdirAll(o.TempDir, 0o700); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(o.TempDir, "sallyport-version-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tf, err := t.In(dir, Direct)
	if err != nil {
		return err
	}
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.DevNull}
	if err := tf.SetEnv(env); err != nil {
		return err
	}
	v, _, err := tf.Version(ctx, true)
	if err != nil {
		return err
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	t.Version = v.String()
	t.OpenTofu, err = isOpenTofu(ctx, t.Path, dir, list)
	return err
}
