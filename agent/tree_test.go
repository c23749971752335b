package agent_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

// oddTree is a repository with whatever a tree can hold, beside stacks that are sound.
func oddTree() map[string]string {
	const module = "output \"v\" {\n  value = \"1\"\n}\n"
	return map[string]string{
		"live/good/main.tf": data("x", "1"), "live/good/.terraform/environment": "elsewhere", "live/good/run.sh*": "#!/bin/sh\n", "live/good/empty.txt": "",
		"live/good/na me:with\nall\xff": "x", "live/good/" + strings.Repeat("n", 255): "x", "live/good/loop": "-> loop", "live/good/later": "-> ../not/there/yet",
		"live/Team_A.prod/main.tf": data("x", "1"), "live/zero bytes:all/main.tf": "",
		"live/bad/main.tf": data("x", "1"), "live/bad/x.tf": "-> ../../gone/x.tf",
		"live/leak/main.tf": data("x", "1"), "live/leak/passwd": "-> ../../escape/passwd",
		"live/sub/main.tf": "module \"m\" {\n  source = \"../../sub\"\n}\n", "sub": "submodule", "live/none": "submodule",

		"docs/old.tf": "-> ../gone/old.tf", "docs/dir.tf": "-> .", "docs/" + strings.Repeat("n", 256): "x", "docs/.terraform/x.tf": "-> /etc/passwd",
		"escape": "-> /etc", "above": "-> ../..", "round": "-> about", "about": "-> round",

		// Stacks of which something is a symlink, in each of the ways.
		"commons/common.tf": "locals {\n  v = \"1\"\n}\n", "file/main.tf": "output \"v\" {\n  value = local.v\n}\n", "file/common.tf": "-> ../commons/common.tf",
		"commons/prod.tfvars": "v = \"1\"\n", "varfile/main.tf": "variable \"v\" {}\noutput \"v\" {\n  value = var.v\n}\n", "varfile/prod.tfvars": "-> ../commons/prod.tfvars",
		"vendor/net/main.tf": module, "moddir/main.tf": "module \"net\" {\n  source = \"./net\"\n}\noutput \"v\" {\n  value = module.net.v\n}\n", "moddir/net": "-> ../vendor/net",
		"real/whole/main.tf": module, "whole": "-> real/whole",
		"regions/eu/modules/net/main.tf": module, "regions/eu/prod/main.tf": "module \"net\" {\n  source = \"../modules/net\"\n}\noutput \"v\" {\n  value = module.net.v\n}\n",
		"prod": "-> regions/eu/prod",
		"node": "-> images/node", "images/node/a.pkr.hcl": "-> ../base.hcl", "images/base.hcl": "# nothing is built of it\n",
	}
}

const oddStacks = `
stacks "live/*" {}
image "node" {
  dir      = "node"
  template = "a.pkr.hcl"
}
stack "own" {
  dir       = "live/good"
  workspace = "w2"
}
stack "file" {
  dir = "file"
}
stack "varfile" {
  dir       = "varfile"
  var_files = ["prod.tfvars"]
}
stack "moddir" {
  dir = "moddir"
}
stack "whole" {
  dir = "whole"
}
stack "prod" {
  dir = "prod"
}
`

// linked are the stacks of oddTree that are planned for a change of what a symlink leads to.
var linked = map[string]string{
	"file": "commons/common.tf", "varfile": "commons/prod.tfvars", "moddir": "vendor/net/main.tf", "whole": "real/whole/main.tf", "prod": "regions/eu/modules/net/main.tf",
}

// TestOddTree: what is odd in a tree is the error of the stack whose it is, once and as what it is, and stops nobody else; and
// what a symlink leads to is as much the stack's as the symlink.
func TestOddTree(t *testing.T) {
	t.Parallel()
	g, gh := gittest.NewRepo(t, "", "infra"), atGitHub(t)
	files := oddTree()
	first := g.Import("refs/heads/main", "", files)
	gh.knows(authored{first, "jane", "jane"})
	h := newHouse(t, gh.hosted(&repository{t: t, dir: g.Bare}, "trusted")+oddStacks).start()

	wrong := map[string]string{
		"live-bad":  "live/bad/x.tf is a symlink to ../../gone/x.tf, which is not in the repository",
		"live-leak": "live/leak/passwd is a symlink to ../../escape/passwd, which is outside of the repository",
		"live-sub":  "sub is a git submodule",
	}
	s := h.Eventually("what is wrong is told", func(s control.Status) bool {
		errored := 0
		for _, st := range s.Stacks {
			if wrong[st.Name] != "" && st.Run != nil && st.Run.Status == store.Errored {
				errored++
			}
		}
		return errored == len(wrong)
	})
	for _, st := range s.Stacks {
		if text := wrong[st.Name]; text != "" && (st.Run.Error != text || st.Run.Hint == "") {
			t.Errorf("%s: the error is %q, hint %q; want %q", st.Name, st.Run.Error, st.Run.Hint, text)
		}
	}
	good := h.Reaches("live-good", store.Planned)
	for name := range linked {
		h.Reaches(name, store.Planned)
	}
	h.Reaches("own", store.Planned)
	h.Reaches("live-Team_A.prod", store.Planned)
	const sound = 5 // one of them has nothing to do, and one is an image
	s = h.Eventually("every stack is there", func(s control.Status) bool { return len(s.Stacks) == len(linked)+len(wrong)+sound })
	if s.Repositories[0].Error != "" {
		t.Errorf("the repository's error is %q", s.Repositories[0].Error)
	}
	source := filepath.Join(h.Dir, "data", "runs", fmt.Sprint(good.ID), "src")
	for _, name := range []string{"live/good/na me:with\nall\xff", "live/good/loop", "live/good/later", "docs/old.tf", "live/good/" + strings.Repeat("n", 255)} {
		if _, err := os.Lstat(filepath.Join(source, name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"escape", "above", "live/leak/passwd", "live/good/.terraform", "docs/.terraform"} {
		if _, err := os.Lstat(filepath.Join(source, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was checked out (error %v)", name, err)
		}
	}

	changed := maps.Clone(files)
	for _, name := range linked {
		changed[name] = strings.ReplaceAll(files[name], "1", "2")
	}
	second := g.Import("refs/heads/main", first, changed)
	gh.knows(authored{second, "jane", "jane"})
	s = h.Eventually("what symlinks lead to is planned", func(s control.Status) bool {
		planned := 0
		for _, st := range s.Stacks {
			if linked[st.Name] != "" && st.Run.Commit == second && st.Run.Status == store.Planned {
				planned++
			}
		}
		return planned == len(linked)
	})
	for _, st := range s.Stacks {
		if cause := linked[st.Name]; !strings.Contains(st.Run.Reason, cause) {
			t.Errorf("%s: the reason is %q, want %s in it", st.Name, st.Run.Reason, cause)
		}
	}
	h.MustDecide("whole", "approve") // it is applied where the directory really lies, too
	h.Eventually("a linked directory is applied", func(s control.Status) bool {
		return slices.ContainsFunc(s.Stacks, func(st control.Stack) bool { return st.Name == "whole" && st.AppliedCommit == second })
	})
	all, err := h.Client.Runs(t.Context(), control.RunsQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if want := 2*len(linked) + len(wrong) + sound; len(all) != want {
		t.Errorf("%d runs, want %d: what is wrong is not asked again for a commit that does not touch it", len(all), want)
	}
	for name, text := range wrong {
		told := 0
		for _, notice := range h.Told() {
			told += strings.Count(notice, text)
		}
		if told != 1 {
			t.Errorf("%s was told %d times:\n%s", name, told, strings.Join(h.Told(), "\n"))
		}
	}

	// A pull request that breaks one stack, changes another and mends a third.
	broken := maps.Clone(changed)
	broken["file/y.tf"], broken["moddir/more.tf"], broken["live/bad/x.tf"] = "-> ../docs", data("more", "1"), data("y", "1")
	broken["images/base.hcl"] = "# changed\n"
	head := g.Import("refs/pull/1/head", second, broken)
	n := gh.open(proposal{author: "jane", title: "break one", head: head})
	gh.stands(t, head, "moddir", "success", "1 to create")
	gh.stands(t, head, "live-bad", "pending", "its backend or providers") // nobody knew what stood there before
	gh.stands(t, head, "file", "failure", "the plan failed")
	gh.says(t, n, "file/y.tf is a symlink to ../docs, which is a directory")
	gh.stands(t, head, "node", "failure", "packer validate failed, nothing is built") // there is nothing in it to build
	gh.stands(t, head, "whole", "success", "not touched by this pull request")
}
