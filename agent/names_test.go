package agent_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// Directories are called what nobody would call a stack. Each has its state, its kept commit and its dependents all the
// same, and those whose names clash are told without holding up the others.
func TestStacksOfOddDirectories(t *testing.T) {
	t.Parallel()
	const (
		long   = "accounts/production/eu-central-1/platform/clusters/blue/Observability_Stack"
		longAs = "accounts-production-eu-central-1-platform-clusters-blue-Observability_Stack"
		odd    = ".team..x.lock"
		oddAs  = "_team..x.lock"
	)
	r := newRepository(t)
	first := r.commit("Add", map[string]string{
		"main.tf": data("root", "one"), long + "/main.tf": data("a", "one"), odd + "/main.tf": data("a", "one"),
		"a/b/main.tf": data("a", "one"), "a-b/main.tf": data("a", "one"), "A/b/main.tf": data("a", "one"),
	})
	h := newHouse(t, `
repository "infra" {
  url      = "file://`+r.dir+`"
  schedule = "@every 1s"
}
stacks "**" {
  auto_apply = "always"
  depends_on = ["infra"]
}
`).start()
	stacks := []string{"infra", longAs, oddAs}
	applied := func(commit string) func(control.Status) bool {
		return func(s control.Status) bool {
			n := 0
			for _, st := range s.Stacks {
				if st.AppliedCommit == commit {
					n++
				}
			}
			return n == len(stacks)
		}
	}
	s := h.Eventually("all are applied", applied(first))
	var names []string
	for _, st := range s.Stacks {
		names = append(names, st.Name)
	}
	slices.Sort(stacks)
	if slices.Sort(names); !slices.Equal(names, stacks) {
		t.Errorf("the stacks are %v", names)
	}
	clash := func(s control.Status) []control.Problem {
		return slices.DeleteFunc(s.Problems, func(p control.Problem) bool { return p.Source != "repository infra: stacks: names" })
	}
	if p := clash(s); len(p) != 1 || !strings.HasSuffix(p[0].Error, `: A-b of "A/b", "a-b" and "a/b"`) || p[0].Hint == "" {
		t.Errorf("the clash is told as %+v", p)
	}
	for _, name := range stacks {
		if _, err := os.Stat(filepath.Join(h.Dir, "data", "state", store.FileName(name), "terraform.tfstate")); err != nil {
			t.Error(err)
		}
	}
	h.Eventually("git finds the commit that is kept for each", func(control.Status) bool {
		kept, err := exec.Command("git", "--git-dir", filepath.Join(h.Dir, "data", "repos", "infra.git"), "for-each-ref", "--format=%(objectname)", "refs/sallyport/applied").Output()
		return err == nil && string(kept) == strings.Repeat(first+"\n", len(stacks))
	})

	// Another directory of the same name takes nothing away, and what waits for an upstream is planned beside the fault.
	second := r.commit("Clash", map[string]string{"main.tf": data("root", "two"), oddAs + "/main.tf": data("b", "one")})
	h.Until(longAs, "planned since its upstream was applied", func(run control.Run) bool { return run.Kind == store.KindDependency })
	s = h.Eventually("the root is applied again", func(s control.Status) bool {
		return slices.ContainsFunc(s.Stacks, func(st control.Stack) bool { return st.Name == "infra" && st.AppliedCommit == second })
	})
	if i := slices.IndexFunc(s.Stacks, func(st control.Stack) bool { return st.Name == oddAs }); i < 0 || s.Stacks[i].Dir != odd {
		t.Errorf("the stack that was there: %+v", s.Stacks)
	}
	if p := clash(s); len(p) != 1 || !strings.Contains(p[0].Error, `_team..x.lock of ".team..x.lock" and "_team..x.lock", and stays that of ".team..x.lock"`) {
		t.Errorf("the clashes are told as %+v", p)
	}
}
