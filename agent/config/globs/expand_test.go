package globs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/config"
	"sallyport/agent/config/naming"
)

// globbed is a configuration of one repository with a stacks block, and what stands beside it.
func globbed(glob string, blocks ...*config.Stack) *config.Config {
	return &config.Config{
		Repositories: []*config.Repository{{Name: "infra"}},
		Stacks:       blocks,
		StackGlobs:   []*config.StackGlob{{Glob: glob, Stack: config.Stack{Repository: "infra", Workspace: "default"}}},
	}
}

func matches(c *config.Config, dirs ...string) []Match {
	var out []Match
	for _, dir := range dirs {
		out = append(out, Match{Glob: c.StackGlobs[0], Dir: dir})
	}
	return out
}

func TestExpand(t *testing.T) {
	for _, c := range []struct {
		name      string
		blocks    []*config.Stack
		dirs      []string
		before    map[string]Owner
		elsewhere map[string]Owner
		want      []string // NAME=DIR
		faults    []string
	}{
		{name: "plain", dirs: []string{".", "a/b", "c"}, want: []string{"a-b=a/b", "c=c", "infra=."}},
		{name: "a directory twice", dirs: []string{"c", "c"}, want: []string{"c=c"}},
		{
			name: "equal names", dirs: []string{"a-b", "a/b", "c"}, want: []string{"c=c"},
			faults: []string{`1 name of a stack is wanted more than once (capitals do not tell them apart): a-b of "a-b" and "a/b"`},
		},
		{
			name: "equal but for case", dirs: []string{"Net", "net", "nEt", "NET", "c"}, want: []string{"c=c"},
			faults: []string{`1 name of a stack is wanted more than once (capitals do not tell them apart): Net of "Net", "net", "nEt" and 1 more`},
		},
		{
			name: "what had the name keeps it", dirs: []string{"a-b", "a/b"}, before: map[string]Owner{"a-b": {"infra", "a/b"}}, want: []string{"a-b=a/b"},
			faults: []string{`1 name of a stack is wanted more than once (capitals do not tell them apart): a-b of "a-b" and "a/b", and stays that of "a/b"`},
		},
		{
			name: "what had it in another repository does not", dirs: []string{"a-b", "a/b"}, before: map[string]Owner{"a-b": {"other", "a/b"}},
			faults: []string{`1 name of a stack is wanted more than once (capitals do not tell them apart): a-b of "a-b" and "a/b"`},
		},
		{
			name: "capitals keep what was there", dirs: []string{"GHE", "ghe"}, before: map[string]Owner{"ghe": {"infra", "ghe"}}, want: []string{"ghe=ghe"},
			faults: []string{`1 name of a stack is wanted more than once (capitals do not tell them apart): GHE of "GHE" and "ghe", and stays that of "ghe"`},
		},
		{
			name: "a block has the name", blocks: []*config.Stack{{Name: "Net", Repository: "infra", Dir: "elsewhere"}}, dirs: []string{"net", "c"}, want: []string{"c=c"},
			faults: []string{`1 name of a stack is wanted more than once (capitals do not tell them apart): net of "net" and of the block "Net"`},
		},
		{
			name: "a block is the way out", blocks: []*config.Stack{{Name: "other", Repository: "infra", Dir: "a-b", Workspace: "default"}}, dirs: []string{"a-b", "a/b"}, want: []string{"a-b=a/b"},
		},
		{
			name: "a block with another workspace is another stack", blocks: []*config.Stack{{Name: "other", Repository: "infra", Dir: "c", Workspace: "w2"}},
			dirs: []string{"c"}, want: []string{"c=c"},
		},
		{
			name: "an image in the directory leaves it a stack", blocks: []*config.Stack{{Name: "node", Engine: config.EnginePacker, Repository: "infra", Dir: "c"}}, dirs: []string{"c"}, want: []string{"c=c"},
		},
		{
			name: "another repository has it", dirs: []string{"net"}, elsewhere: map[string]Owner{"Net": {"other", "Net"}},
			faults: []string{`1 name of a stack is wanted more than once (capitals do not tell them apart): net of "net" and of "Net" in repository other`},
		},
		{
			name: "paths that cannot be written", dirs: []string{"a\nb", "a\xffb", `a\b`, "c"}, want: []string{"c=c"},
			faults: []string{`3 directories are no stacks: their paths cannot be used:
"a\nb" (directories are written with slashes and without control characters);
"a\xffb" (it is not UTF-8);
"a\\b" (directories are written with slashes and without control characters)`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := globbed("**", c.blocks...)
			found, faults := Expand(cfg, Expansion{Repository: "infra", Matches: matches(cfg, c.dirs...), Before: c.before, Elsewhere: c.elsewhere})
			var got, told []string
			for _, s := range found {
				got = append(got, s.Name+"="+s.Dir)
			}
			for _, f := range faults {
				told = append(told, f.Error())
				if f.UserHint() == "" {
					t.Errorf("%v: no hint", f)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.faults, told); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestExpandMany: thousands of directories of one kind make one line.
func TestExpandMany(t *testing.T) {
	const n = 1500
	dirs := func(format string) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(format, i))
		}
		return out
	}
	deep := strings.Repeat("environments/", 12)
	for _, c := range []struct {
		name  string
		dirs  []string
		vars  []string
		found int
		tells string
	}{
		{"long", dirs(deep + "Team_%d/_service.d"), nil, n, ""},
		{"longer than a name", dirs(deep + "x%d/" + deep), nil, n, ""},
		{"equal", append(dirs("a/%d"), dirs("a-%d")...), nil, 0, "1,500 names of stacks are wanted"},
		{"equal but for case", append(dirs(deep+"a/%d"), dirs(deep+"A/%d")...), nil, 0, "1,500 names of stacks are wanted"},
		{"not UTF-8", dirs("\xff%d"), nil, 0, "1,500 directories are no stacks"},
		{"var files outside", dirs("%d"), []string{"../../common.tfvars"}, 0, "1,500 directories are no stacks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := globbed("**")
			cfg.StackGlobs[0].Stack.VarFiles = c.vars
			found, faults := Expand(cfg, Expansion{Repository: "infra", Matches: matches(cfg, c.dirs...)})
			if len(found) != c.found {
				t.Errorf("%d stacks, want %d", len(found), c.found)
			}
			names := map[string]bool{}
			for _, s := range found {
				if names[strings.ToLower(s.Name)] || !naming.ValidStack(s.Name) {
					t.Fatalf("%q", s.Name)
				}
				names[strings.ToLower(s.Name)] = true
			}
			if c.tells == "" {
				if len(faults) != 0 {
					t.Errorf("faults: %v", faults)
				}
				return
			}
			if len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), c.tells) || len(faults[0].Error()) > 2000 || !strings.HasSuffix(faults[0].Error(), ";\nand 1,497 more") || strings.Count(faults[0].Error(), "\n") != maxExamples+1 {
				t.Errorf("faults: %v", faults)
			}
		})
	}
}

func TestCircleFault(t *testing.T) {
	var stacks []*config.Stack
	for i := range 1500 {
		stacks = append(stacks, &config.Stack{Name: fmt.Sprintf("s%04d", i), DependsOn: []string{fmt.Sprintf("s%04d", (i+1)%1500)}})
	}
	if got := Circles(stacks).Error(); got != "1 circle of stacks that depend on each other and wait for ever: s0000 -> s0001 -> s0002 -> s0003 -> s0004 -> 1,495 more -> s0000" {
		t.Error(got)
	}
	if f := Circles(stacks[:1499]); f != nil {
		t.Error(f)
	}
}

// TestMatches: what a block excludes is none of its stacks, whatever else matches it.
func TestMatches(t *testing.T) {
	g := &config.StackGlob{Glob: "**", Exclude: []string{"modules/**", "**/examples/**", "old-*"}}
	for dir, want := range map[string]bool{
		"net": true, "modules": false, "modules/vpc": false, "a/examples/x": false, "examples": false, "old-net": false, "a/old-net": true,
	} {
		if g.Matches(dir) != want {
			t.Errorf("%s: %v", dir, !want)
		}
	}
	if g := (&config.StackGlob{Glob: "services/*"}); g.Matches("network") || !g.Matches("services/jira") {
		t.Error("the glob itself does not count")
	}
}

// Each key of a for_each is a stack of each directory; two of a directory on one state are none, and a directory for which the
// configuration is wrong is told with the place.
func TestExpandForEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sallyport.hcl")
	if err := os.WriteFile(path, []byte(`
repository "infra" {
  url = "/srv/infra.git"
}
stack "own" {
  dir       = "roots/a"
  workspace = "prod"
}
stacks "roots/*" {
  for_each       = toset(["dev", "prod"])
  workspace      = dir == "roots/bad" ? "-" : dir == "roots/one" ? "one" : each.key
}
stacks "**" {
  workspace = "other"
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, config.LoadOptions{SkipModes: true})
	if err != nil {
		t.Fatal(err)
	}
	e := Expansion{Repository: "infra"}
	for _, g := range cfg.StackGlobs {
		for _, dir := range []string{"roots/a", "roots/bad", "roots/c", "roots/one", "x"} {
			if g.Matches(dir) {
				e.Matches = append(e.Matches, Match{g, dir})
			}
		}
	}
	found, faults := Expand(cfg, e)
	var got []string
	for _, s := range found {
		got = append(got, s.Name+" "+s.Workspace)
	}
	if diff := cmp.Diff([]string{"roots-a-dev dev", "roots-c-dev dev", "roots-c-prod prod", "x other"}, got); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"2 directories are no stacks: what the configuration makes of them is wrong: \n\"roots/bad\" (" + path + ":11:20: Invalid workspace: ",
		`1 directory has stacks that would share one state, and are none: "roots/one" (roots-one-dev, roots-one-prod)`,
	}
	for i, f := range faults {
		if len(faults) != len(want) || !strings.HasPrefix(strings.ReplaceAll(f.Error(), "wrong:\n", "wrong: \n"), want[i]) || f.UserHint() == "" {
			t.Errorf("%v", f)
		}
	}
	if len(faults) != len(want) {
		t.Errorf("%d faults", len(faults))
	}
}
