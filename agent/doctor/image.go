package doctor

import (
	"context"
	"os/exec"
	"path"

	"sallyport/agent/config"
	"sallyport/agent/packer"
	"sallyport/agent/stack"
)

// checkImage looks whether an image could be built: its template is on the branch, and there is a packer.
func checkImage(ctx context.Context, s *section, st *config.Stack, tree stack.Tree) *section {
	files, err := stack.Footprint(tree, definition(st))
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
	return s
}
