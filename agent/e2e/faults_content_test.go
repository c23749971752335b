package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
)

const lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// One commit in which each stack is wrong in a way of its own. Every one says what is wrong and what to do, and the good
// one beside them is planned and applied.
func TestContentFaults(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	head := i.Commit("Add", map[string]string{
		"good/main.tf":     thing("a", "one"),
		"lfs/main.tf":      thing("a", "one"),
		"lfs/big.bin":      lfsPointer,
		"hcl/main.tf":      "resource \"terraform_data\" {{{\n",
		"version/main.tf":  "terraform {\n  required_version = \">= 99.0\"\n}\n",
		"variable/vars.tf": "variable \"needed\" {\n  type = string\n}\n",
		"cloud/main.tf":    "terraform {\n  cloud {\n    organization = \"x\"\n    workspaces { name = \"y\" }\n  }\n}\n",
		"varfile/main.tf":  thing("a", "one"),
		"provider/main.tf": "terraform {\n  required_providers {\n    nosuch = { source = \"127.0.0.1:1/no/such\" }\n  }\n}\n",
	})
	body := i.block() + stackBlock("good") + stackBlock("nodir")
	body += stackBlock("varfile", `var_files = ["gone.tfvars"]`)
	wants := map[string][2]string{
		"lfs":      {"LFS", ""},
		"hcl":      {"main.tf", ""},
		"version":  {"Unsupported Terraform Core version", "terraform { version }"},
		"variable": {"No value for required variable", "vars"},
		"cloud":    {"cloud", ""},
	}
	for name := range wants {
		body += stackBlock(name)
	}
	h := newHouse(t, body).start()
	for name, want := range wants {
		var s stack
		eventually(t, name+" fails", func() (bool, any) {
			s = h.stack(name)
			return s.Error != "" || s.Run != nil && s.Run.Status == "errored", s
		})
		text, hint := s.Error, ""
		if s.Run != nil {
			text, hint = text+s.Run.Error, s.Run.Hint
		}
		if !strings.Contains(text, want[0]) || !strings.Contains(hint, want[1]) || strings.Contains(text, "exit status") {
			t.Errorf("%s: error %q, hint %q; want %q", name, text, hint, want)
		}
	}
	if s := h.stack("nodir"); s.Run != nil || !strings.Contains(s.Error, "nodir") {
		t.Errorf("a stack whose directory is not there: %+v", s)
	}
	eventually(t, "the missing var file is told", func() (bool, any) {
		s := h.stack("varfile")
		return strings.Contains(s.Error, "gone.tfvars") || s.Run != nil && strings.Contains(s.Run.Error, "gone.tfvars"), s
	})
	h.reaches("good", "planned")
	h.must("approve", h.number("good"))
	h.sees("good is applied", func(st status) bool {
		for _, s := range st.Stacks {
			if s.Name == "good" {
				return s.AppliedCommit == head
			}
		}
		return false
	})
}

// A symlink of a stack that leaves the tree is refused: a checkout must never read the bastion's own files.
func TestSymlinkLeavesTheTree(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add", map[string]string{
		"box/main.tf": "output \"o\" { value = file(\"${path.module}/passwd\") }\n", "box/passwd": "-> /etc/passwd",
	})
	h := newHouse(t, i.box()).start()
	r := h.reaches("1", "errored")
	if !has(r.Error, "box/passwd", "/etc/passwd", "outside") || r.Hint == "" {
		t.Errorf("error %q, hint %q", r.Error, r.Hint)
	}
	if link := h.Data("runs", "1", "src", "box", "passwd"); exists(link) {
		t.Errorf("%s is there", link)
	}
	i.Commit("Replace the link", map[string]string{"box/passwd": "x\n"})
	h.reaches("2", "planned")
}

// A stack's directory leaves the branch while its state still holds something.
func TestDirectoryLeavesTheBranch(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one") + thing("b", "one")})
	h := newHouse(t, i.box()).start()
	h.reaches("1", "planned")
	h.must("approve", "1")
	h.reaches("1", "applied")
	i.Commit("Drop it", map[string]string{"box/main.tf": ""})
	s := h.sees("the error", func(s status) bool { return s.Stacks[0].Error != "" })
	if !has(s.Stacks[0].Error, "box", "2 resources") || s.Stacks[0].Run.ID != 1 {
		t.Errorf("the stack: %+v", s.Stacks[0])
	}
}

// A plan of tens of megabytes is planned, shown whole, cut where Slack needs it, and kept when the run has ended. It is
// denied, since terraform alone takes half a minute to apply it.
func TestHugePlan(t *testing.T) {
	t.Parallel()
	need.Long(t, "it moves tens of megabytes")
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"box/main.tf": `
resource "terraform_data" "huge" {
  count = 4
  input = join("\n", [for n in range(1000) : join("", [for k in range(45) : sha512("${count.index} ${n} ${k}")])])
}
`})
	h := newHouse(t, i.box()+asking(s), slackEnv).start()
	r := h.reaches("1", "planned")
	if r.Plan.Add != 4 {
		t.Errorf("the plan: %d to create", r.Plan.Add)
	}
	text := h.must("show", "1", "--plan")
	if len(text) < 20<<20 {
		t.Errorf("the plan's text has %d bytes", len(text))
	}
	m := card(t, s, 1)
	replied(t, s, m.TS, "plan-1-")
	s.Reply(jane, ops, m.TS, "deny")
	h.reaches("1", "discarded")
	if again := h.must("show", "1", "--plan"); again != text {
		t.Errorf("after the end the plan's text has %d bytes", len(again))
	}
	if info, err := os.Stat(h.Data("sallyport.db")); err != nil || info.Size() > 32<<20 {
		t.Errorf("the store: %v, %v", info, err)
	}
}

// Without terraform the agent starts, says what is missing and what to do, and a run goes on as soon as it is there.
func TestTerraformIsMissing(t *testing.T) {
	t.Parallel()
	i, path := newInfra(t), t.TempDir()
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box(), "PATH="+path).start()
	s := h.sees("it is told", func(s status) bool { return s.problem("terraform") != nil })
	if p := s.problem("terraform"); !has(p.Error, "terraform", "not found") || !strings.Contains(p.Hint, "install terraform") {
		t.Errorf("the problem: %+v", p)
	}
	r := h.reaches("1", "errored")
	if !strings.Contains(r.Error, "terraform") || r.Hint == "" {
		t.Errorf("the run: error %q, hint %q", r.Error, r.Hint)
	}
	if !strings.Contains(h.Logged(), "looking for terraform") {
		t.Error("the log says nothing")
	}
	if err := os.Symlink(terraformPath(t), filepath.Join(path, "terraform")); err != nil {
		t.Fatal(err)
	}
	h.must("plan", "box")
	h.reaches("2", "planned")
	h.sees("the problem is gone", func(s status) bool { return s.problem("terraform") == nil })

	// A binary that is named and not there is a fault of the configuration.
	h.stop()
	h.Configure(i.box() + "terraform {\n  binary = \"/nonexistent/terraform\"\n}\n")
	h.refused(1, []string{"agent"}, "/nonexistent/terraform", "sallyport.hcl")
}
