package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/repo"
	"sallyport/agent/terraform"
	"sallyport/notify/slack"
)

// found is which terraform will run.
type found struct {
	section *section
	version string          // empty if nobody knows
	tool    *terraform.Tool // nil if there is none yet
}

// findTool looks for terraform beside the other checks. What it returns may be called, and received from, many times.
func (d *doctor) findTool(ctx context.Context) func() <-chan found {
	find := sync.OnceValue(func() found { return d.tool(ctx) })
	return func() <-chan found {
		c := make(chan found, 1)
		go func() { c <- find() }()
		return c
	}
}

func (d *doctor) tool(ctx context.Context) found {
	s := d.section("terraform")
	var t config.Terraform
	if d.cfg != nil {
		t = d.cfg.Terraform
	}
	o := terraform.ToolOptions{Binary: t.Binary, Version: t.Version}
	if t.Version != "" {
		o.InstallDir = filepath.Join(d.cfg.DataDir, "terraform")
		// Nothing is installed from here: it would belong to whoever runs the doctor.
		if _, err := os.Stat(filepath.Join(o.InstallDir, t.Version, "terraform")); errors.Is(err, fs.ErrNotExist) {
			s.warn("binary", "the agent installs it when it starts; that needs https access to releases.hashicorp.com once",
				"version %s is not installed yet", t.Version)
			d.terraformUser(ctx, s, nil)
			return found{section: s, version: t.Version}
		}
		o.Install = func(context.Context, string, string) (string, error) {
			return "", errors.New("what is there is not what was installed")
		}
	}
	tool, err := terraform.FindTool(ctx, o)
	if err != nil {
		s.fail("binary", hintOf(err), "%v", err)
		return found{section: s}
	}
	s.ok("binary", "%s is version %s", tool.Path, tool.Version)
	d.terraformUser(ctx, s, &tool)
	d.providers(s)
	return found{s, tool.Version, &tool}
}

// providers tells how many are kept for when the registry is away.
func (d *doctor) providers(s *section) {
	if d.cfg == nil {
		return
	}
	// HOST/NAMESPACE/TYPE/VERSION
	kept, err := filepath.Glob(filepath.Join(d.cfg.DataDir, "cache", "providers", "*", "*", "*", "*"))
	if err != nil || len(kept) == 0 {
		return // before the first plan, or not to be read; there is nothing to do about it
	}
	s.ok("providers", "%s kept for plans without a registry", count(len(kept), "package is", "packages are"))
}

// git is what terraform runs for modules from git.
func (d *doctor) git() error {
	_, err := exec.LookPath("git")
	return err
}

// hintOf finds what a person can do about an error of any of the packages that are tried here.
func hintOf(err error) string {
	var git *repo.Error
	var tf *terraform.Error
	var sl *slack.Error
	switch {
	case errors.As(err, &git):
		return git.Hint
	case errors.As(err, &tf):
		return tf.Hint
	case errors.As(err, &sl):
		return sl.Hint
	}
	return control.HintOf(err)
}
