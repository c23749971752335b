package active

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/credentials"
	"sallyport/store"
)

// tool finds terraform once and remembers it.
type tool struct {
	options binary.Options
	find    findTool
	user    *asuser.User // who must be able to execute it
	mu      sync.Mutex
	found   *binary.Tool
	seen    binary.Identity // of the binary when it was found
}

// findTool looks for a program, or installs it.
type findTool func(context.Context, binary.Options) (binary.Tool, error)

// tools are the programs that the stacks of one configuration are planned and applied with, each found once.
type tools struct {
	toolOptions
	user  *asuser.User // who must be able to execute them
	mu    sync.Mutex
	known map[config.Tool]*tool
}

type toolOptions struct {
	dataDir string
	find    findTool
	log     *slog.Logger
}

func newTools(o toolOptions) *tools { return &tools{toolOptions: o, known: map[config.Tool]*tool{}} }

// of is the tool that a configuration means.
func (t *tools) of(c config.Tool) *tool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[c] == nil {
		t.known[c] = &tool{user: t.user, find: t.find, options: binary.Options{
			Name: c.Name(), Binary: c.Binary, Version: c.Version, InstallDir: datadir.Terraform(t.dataDir), Log: t.log,
			TempDir: datadir.Scratch(t.dataDir), // which the next start empties
		}}
	}
	return t.known[c]
}

// File is the binary that a plan was made with, if it is known what it looked like; otherwise the runner reads it.
func (t *tools) File(p *store.Plan) binary.Identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.known {
		if file := one.file(p); !file.IsZero() {
			return file
		}
	}
	return binary.Identity{}
}

// toolFault is the source of the problem that a tool is missing, in the words of the configuration.
func toolFault(c config.Tool) string {
	switch {
	case c.Binary != "":
		return c.Name() + " " + c.Binary
	case c.Version != "":
		return c.Name() + " " + c.Version
	}
	return c.Name()
}

// FindTool returns the program of a stack, and shows in the status when it cannot be had.
func (a *Active) FindTool(ctx context.Context, conf *Config, c config.Tool) (binary.Tool, error) {
	found, err := conf.Tools.of(c).get(ctx)
	if ctx.Err() == nil {
		a.faults.Set(toolFault(c), err)
	}
	return found, err
}

// get returns terraform, installing the pinned version if it must. A failure is tried again at the next call.
func (t *tool) get(ctx context.Context) (binary.Tool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found != nil && t.same() {
		t.settle()
		return *t.found, nil
	}
	found, err := t.find(ctx, t.options)
	if err != nil {
		return binary.Tool{}, err
	}
	if t.user != nil && strings.HasPrefix(found.Path, t.options.InstallDir+string(filepath.Separator)) {
		if err := t.user.Public().Share(t.options.InstallDir); err != nil {
			return binary.Tool{}, err
		}
		if found, err = found.Looked(); err != nil {
			return binary.Tool{}, err
		}
	}
	if t.seen, err = binary.IdentityOf(found.Path); err != nil {
		return binary.Tool{}, fmt.Errorf("looking at terraform: %w", err)
	}
	t.found = &found
	return found, nil
}

// same reports whether the binary still is the file that was found: an upgrade in place must be noticed, or each plan
// would name a digest that its apply then refuses.
func (t *tool) same() bool {
	now, err := binary.IdentityOf(t.found.Path)
	return err == nil && now == t.seen
}

// settle looks once more at a binary that had only just been installed when it was found: by now its identity can be
// remembered.
func (t *tool) settle() {
	if !t.found.File.IsZero() {
		return
	}
	if again, err := t.found.Looked(); err == nil && again.Digest == t.found.Digest {
		t.found = &again
	}
}

// file is the binary that a plan was made with, if it is known what it looked like; otherwise the runner reads it.
func (t *tool) file(p *store.Plan) binary.Identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found == nil || p == nil || t.found.Path != p.Binary || t.found.Digest != p.BinaryDigest {
		return binary.Identity{}
	}
	return t.found.File
}

// toolsOf are all programs that a configuration names.
func toolsOf(cfg *config.Config) []config.Tool {
	var out []config.Tool
	add := func(c config.Tool) {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, s := range cfg.Stacks {
		if s.Engine != config.EnginePacker { // see packerTool
			add(s.Tool)
		}
	}
	for _, g := range cfg.StackGlobs {
		add(g.Stack.Tool)
	}
	return out
}

// InstallTools looks for the programs when the agent starts or its configuration changes, so that what is missing is known
// by day, not at 3 a.m.
func (a *Active) InstallTools(ctx context.Context, before *Config) {
	conf := a.Current.Load()
	now := toolsOf(conf.Cfg)
	if before != nil {
		for _, c := range toolsOf(before.Cfg) {
			if !slices.Contains(now, c) {
				a.faults.Set(toolFault(c), nil) // nobody wants it any more
			}
		}
	}
	a.health.Aside("looking for terraform", func() {
		for _, c := range now {
			found, err := a.FindTool(ctx, conf, c)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				a.log.Error("looking for terraform", "wanted", toolFault(c), "err", err)
				continue
			}
			a.log.Info("terraform found", "path", found.Path, "version", found.Version)
		}
	})
}

// AwsPlan is who a stack's plan is in AWS; nil: what its environment says. Run is the run's number, or what else works.
func AwsPlan(s *config.Stack, run string) *credentials.AWS {
	if s.AWS == nil {
		return nil
	}
	return &credentials.AWS{
		RoleARN: s.AWS.PlanRole(), ExternalID: s.AWS.ExternalID, Region: s.AWS.Region, Session: credentials.SessionName(s.Name, run),
	}
}

// AwsApply is who its apply is.
func AwsApply(s *config.Stack, run string) *credentials.AWS {
	role := AwsPlan(s, run)
	if role != nil {
		role.RoleARN = s.AWS.RoleARN
	}
	return role
}
