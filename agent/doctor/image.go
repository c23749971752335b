package doctor

import (
	"context"
	"os/exec"
	"path"

	"sallyport/agent/config"
	"sallyport/agent/packer"
	"sallyport/agent/stack"
	"sallyport/agent/survey"
)

// checkImage looks whether an image could be built: its template is on the branch, and there is a packer.
func (d *doctor) checkImage(ctx context.Context, s *section, st *config.Stack, tree stack.Tree) *section {
	files, err := stack.Footprint(tree, stack.DefinitionOf(st))
	if err == nil {
		err = files.Fault()
	}
	if err != nil {
		s.fail("template", "correct dir and template, or push them", "%v", err)
	} else {
		s.ok("template", "%s is on the branch", path.Join(st.Dir, st.Template))
	}
	binary := st.Tool.Binary
	if binary == "" {
		binary = "packer"
	}
	found, err := exec.LookPath(binary)
	if err != nil {
		s.fail("packer", "install packer, or name it: packer { binary = \"/usr/bin/packer\" }", "%v", err)
		return s
	}
	version, err := packer.Version(ctx, found, "")
	if err != nil {
		s.fail("packer", "is it a packer for this machine?", "%v", err)
		return s
	}
	s.ok("packer", "%s is version %s", found, version)
	d.plugins(s, st, version, packer.Plugins(tree, realDir(tree, st.Dir), st.Template))
	return s
}

// realDir is where an image's directory lies without symlinks.
func realDir(tree stack.Tree, dir string) string {
	if at, _, err := tree.Resolve(dir); err == nil {
		return at
	}
	return dir // told with the template
}

// plugins looks whether what a template asks for is there. Nothing is fetched from here: it would belong to whoever runs the doctor.
func (d *doctor) plugins(s *section, st *config.Stack, version string, wants []packer.Plugin) {
	if len(wants) == 0 {
		return
	}
	if !packer.KnowsPlugins(version) {
		s.fail("plugins", packer.OldHint(version), "the template asks for %s, and packer %s knows no required_plugins", packer.Names(wants), version)
		return
	}
	switch found := survey.Plugins(d.cfg, st, wants); {
	case found.Anew, len(found.Missing) > 0:
		s.warn("plugins", packer.OfflineHint, "%s: %s", packer.Names(wants), found)
	default:
		s.ok("plugins", "%s: %s", packer.Names(wants), found)
	}
}
