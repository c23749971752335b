package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/diag"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// canInit reports whether nothing is known that would stop an init: terraform would only say the same again. It does not
// look at var files.
func canInit(s *section) bool {
	return !slices.ContainsFunc(s.checks, func(c *Check) bool { return c.Level == Fail && c.Name != "var file" })
}

// init tries what only terraform can: to get a stack's providers and modules, and to read its state.
func (d *doctor) init(ctx context.Context, at *checkout, st *config.Stack, tool *binary.Tool, s *section) {
	if tool == nil {
		s.warn("init", "see terraform above", "not tried: there is no terraform yet")
		return
	}
	if names := unread(d.cfg, st); len(names) > 0 {
		s.warn("init", "run the doctor where the credentials are, or name a copy of them with --credentials DIR",
			"not tried: it needs %s, which cannot be read here", words.List(names, maxNamed))
		return
	}
	select {
	case d.inits <- struct{}{}:
		defer func() { <-d.inits }()
	case <-ctx.Done():
		s.fail("init", "", "not tried: %v", context.Cause(ctx))
		return
	}
	found, err := d.tryInit(ctx, at, st, *tool)
	switch {
	case err != nil:
		s.fail("init", initHint(err), "%v", err)
	case found.StateKept:
		s.ok("init", "terraform has its providers and modules")
	case found.NoWorkspace:
		s.ok("init", "terraform has its providers and modules, and the backend answers; the first plan makes the workspace %s", st.Workspace)
	case found.NoState:
		s.ok("init", "terraform has its providers and modules, and the backend answers; there is no state yet")
	default:
		s.ok("init", "terraform has its providers and modules, and the backend answers: the state has %s",
			words.CountOf(found.Resources, "resource", "resources"))
	}
	if err == nil {
		offline(s, d.cfg, at, st.Name)
	}
}

// tryInit runs it in a directory of its own, with all that a plan of the agent would get.
func (d *doctor) tryInit(ctx context.Context, at *checkout, st *config.Stack, tool binary.Tool) (result *terraform.InitResult, err error) {
	dir, err := os.MkdirTemp(at.dir, "init-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }() // at once: stacks can be many, and checkouts large
	if err := errors.Join(d.user.Enter(at.dir), d.user.Enter(dir)); err != nil {
		return nil, err
	}
	home, source := filepath.Join(dir, "home"), filepath.Join(dir, "source")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	files, err := stack.Footprint(at.tree, stack.DefinitionOf(st))
	if err != nil {
		return nil, err
	}
	real, _, err := at.tree.Resolve(st.Dir)
	if err != nil {
		return nil, err
	}
	err = at.git.Materialise(ctx, at.commit, source, repo.MaterialiseOptions{Roots: files.Dirs, Belongs: files.Holds})
	if err != nil {
		return nil, fmt.Errorf("checking out %s: %w", words.Short(at.commit), err)
	}
	return terraform.Init(ctx, terraform.PlanOptions{
		Tool: tool, Stack: st.Name, Commit: at.commit, User: d.user, Source: source, WorkDir: filepath.Join(source, filepath.FromSlash(real)),
		DataDir: filepath.Join(dir, "data"), OutDir: filepath.Join(dir, "out"), StateDir: filepath.Join(dir, "state"),
		Workspace: st.Workspace, BackendConfig: st.BackendConfig, Env: st.Env, PlanEnv: st.PlanEnv,
		CLIConfigFile: d.cfg.Terraform.CLIConfigFile, Mirror: d.cfg.Terraform.ProviderMirror, AWS: awsPlan(st), GitAccess: gitAccess(at.config), Cache: at.cache,
		Timeout: d.o.init, Home: home, Redact: d.redactor.Text,
	})
}

// awsPlan is who a plan of the stack is in AWS.
func awsPlan(st *config.Stack) *credentials.AWS {
	if st.AWS == nil {
		return nil
	}
	return &credentials.AWS{
		RoleARN: st.AWS.PlanRole(), ExternalID: st.AWS.ExternalID, Region: st.AWS.Region, Session: credentials.SessionName(st.Name, "doctor"),
	}
}

// gitAccess are the credentials that private modules on the repository's own host are read with; the agent gives the same.
func gitAccess(r *config.Repository) *credentials.Git {
	if r.Token.IsZero() && r.SSHKeyFile == "" && r.CAFile == "" {
		return nil
	}
	return &credentials.Git{
		URL: r.URL, Username: r.Username, Token: r.Token, CAFile: r.CAFile,
		SSHKeyFile: r.SSHKeyFile, KnownHostsFile: r.KnownHostsFile, ModulesFrom: r.ModulesFrom, LendToPreviews: r.Site.LendToPreviews, Site: r.Site.Kind,
	}
}

// unread names what a stack gives terraform and what could not be read by this user, sorted. A value that is empty on
// purpose cannot be told from one that is missing, so it counts only if something is.
func unread(cfg *config.Config, st *config.Stack) []string {
	if !slices.ContainsFunc(cfg.Warnings, func(w string) bool { return strings.Contains(w, "was not checked") }) {
		return nil
	}
	names := map[string]bool{}
	for _, values := range []map[string]redact.Secret{st.Env, st.PlanEnv, st.BackendConfig} {
		for name, value := range values {
			if value.IsZero() {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// initHint adds to terraform's own hints what holds for whatever could not be reached.
func initHint(err error) string {
	var failed *diag.Error
	switch next := hint.Of(err); {
	case next != "":
		return next
	case errors.Is(err, context.DeadlineExceeded):
		return "find out whether the registry, the modules' hosts and the backend answer from this machine; plans of the agent have more time (plan_timeout)"
	case errors.As(err, &failed) && failed.Transient:
		return "it may pass: try again; if it stays, check the network, and if there is a proxy, HTTPS_PROXY here and in the agent's unit"
	}
	return ""
}
