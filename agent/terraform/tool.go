package terraform

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

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/release"
)

// Tool is one terraform binary.
type Tool struct {
	Path    string // absolute
	Version string // like 1.11.4
	Digest  string // SHA-256 of the binary, hex
	// File is the binary when its digest was taken: as long as it stays the same, so does the digest. Zero: not known.
	File Identity
}

// Looked returns the tool with digest and identity of its binary taken anew.
func (t Tool) Looked() (Tool, error) {
	var err error
	if t.Digest, t.File, err = DigestFile(t.Path); err != nil {
		return Tool{}, fmt.Errorf("reading terraform's binary: %w", err)
	}
	return t, nil
}

// minVersion is the oldest terraform whose -json output of plan and apply has everything.
const minVersion = "1.1.0"

// ToolOptions say which terraform is wanted: Binary, else Version, else what PATH has.
type ToolOptions struct {
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

func (o *ToolOptions) validate() error {
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

// FindTool finds, or installs, the wanted terraform and asks it for its version. The error is an [*diag.Error] with a hint.
func FindTool(ctx context.Context, o ToolOptions) (Tool, error) {
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
	if t.Version, err = o.askVersion(ctx, path); err != nil {
		return Tool{}, &diag.Error{Op: "setup", ExitCode: -1, Err: fmt.Errorf("asking %s for its version: %w", path, err),
			Hint: "is it a " + o.Name + " for this machine, and executable?"}
	}
	if !atLeast(t.Version, 1, 1) {
		return Tool{}, &diag.Error{Op: "setup", ExitCode: -1, Err: fmt.Errorf("%s is %s %s, which is too old", path, o.Name, t.Version),
			Hint: "install terraform " + minVersion + " or newer, or set terraform { version }"}
	}
	return t, nil
}

// locate returns the path of the wanted binary, or an error and a hint.
func (o *ToolOptions) locate(ctx context.Context) (path, hint string, err error) {
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
func (o *ToolOptions) pinned(ctx context.Context) (string, error) {
	return release.Install(ctx, release.Options{Version: o.Version, Dir: o.InstallDir, Log: o.Log, Fetch: o.Install})
}

func (o *ToolOptions) askVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if o.TempDir != "" {
		if err := os.MkdirAll(o.TempDir, 0o700); err != nil {
			return "", err
		}
	}
	dir, err := os.MkdirTemp(o.TempDir, "sallyport-version-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tf, err := newTerraform(dir, Tool{Path: path}, false)
	if err != nil {
		return "", err
	}
	if err := tf.SetEnv(map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir, "CHECKPOINT_DISABLE": "1",
		"TF_CLI_CONFIG_FILE": os.DevNull}); err != nil {
		return "", err
	}
	v, _, err := tf.Version(ctx, true)
	if err != nil {
		return "", err
	}
	return v.String(), nil
}

// atLeast compares a version with major.minor; prereleases count as their release, unknown texts as too old.
func atLeast(v string, major, minor int) bool {
	parsed, err := version.NewVersion(v)
	if err != nil {
		return false
	}
	s := parsed.Segments()
	return s[0] > major || s[0] == major && s[1] >= minor
}

// digestFile returns the SHA-256 of a file in hex.
func digestFile(path string) (string, error) {
	digest, _, err := DigestFile(path)
	return digest, err
}
