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
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/terraform/binary"
	"sallyport/notify/words"
)

// found is which program will run.
type found struct {
	version string       // empty if nobody knows
	tool    *binary.Tool // nil if there is none yet
}

// toolbox are the programs of all stacks.
type toolbox struct {
	section *section
	of      map[config.Tool]found
}

// findTools looks for the programs beside the other checks. What it returns may be called, and received from, many times.
func (d *doctor) findTools(ctx context.Context) func() <-chan toolbox {
	find := sync.OnceValue(func() toolbox { return d.tools(ctx) })
	return func() <-chan toolbox {
		c := make(chan toolbox, 1)
		go func() { c <- find() }()
		return c
	}
}

func (d *doctor) tools(ctx context.Context) toolbox {
	box := toolbox{section: d.section("terraform"), of: map[config.Tool]found{}}
	var wanted []config.Tool
	if d.cfg == nil {
		wanted = append(wanted, config.Tool{})
	} else {
		for _, s := range d.cfg.Stacks {
			if s.Engine != config.EnginePacker {
				wanted = append(wanted, s.Tool)
			}
		}
		for _, g := range d.cfg.StackGlobs {
			wanted = append(wanted, g.Stack.Tool)
		}
	}
	for _, t := range wanted {
		if _, looked := box.of[t]; !looked {
			box.of[t] = d.tool(ctx, box.section, t)
		}
	}
	if d.cfg != nil {
		providers(box.section, d.cfg.DataDir)
	}
	return box
}

func (d *doctor) tool(ctx context.Context, s *section, t config.Tool) found {
	o := binary.Options{Name: t.Name(), Binary: t.Binary, Version: t.Version}
	if t.Version != "" {
		o.InstallDir = datadir.Terraform(d.cfg.DataDir)
		// Nothing is installed from here: it would belong to whoever runs the doctor.
		if _, err := os.Stat(filepath.Join(o.InstallDir, t.Version, "terraform")); errors.Is(err, fs.ErrNotExist) {
			s.warn("binary", "the agent installs it when it starts; that needs https access to releases.hashicorp.com once",
				"version %s is not installed yet", t.Version)
			d.terraformUser(ctx, s, nil)
			return found{version: t.Version}
		}
		o.Install = func(context.Context, string, string) (string, error) {
			return "", errors.New("what is there is not what was installed")
		}
	}
	tool, err := binary.Find(ctx, o)
	if err != nil {
		s.fail("binary", hint.Of(err), "%v", err)
		return found{}
	}
	s.ok("binary", "%s is version %s", tool.Path, tool.Version)
	d.terraformUser(ctx, s, &tool)
	return found{tool.Version, &tool}
}

// providers tells how many are kept for when the registry is away.
func providers(s *section, dataDir string) {
	// HOST/NAMESPACE/TYPE/VERSION
	kept, err := filepath.Glob(filepath.Join(datadir.Cache(dataDir), "providers", "*", "*", "*", "*"))
	if err != nil || len(kept) == 0 {
		return // before the first plan, or not to be read; there is nothing to do about it
	}
	s.ok("providers", "%s kept for plans without a registry", words.CountOf(len(kept), "package is", "packages are"))
}

// hasGit reports whether there is what terraform runs for modules from git.
func hasGit() bool {
	_, err := exec.LookPath("git")
	return err == nil
}
