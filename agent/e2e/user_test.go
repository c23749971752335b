package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser/asusertest"
	"sallyport/agent/need"
	"sallyport/agent/repo/gittest"
)

// accounts are users of this machine that take the parts of the agent's and of terraform's.
type accounts struct{ agent, terraform *user.User }

// needAccounts finds two, of which neither is in a group of the other's, or skips: only root can become somebody else.
func needAccounts(t *testing.T) accounts {
	t.Helper()
	need.Root(t, "only root can run things as other users")
	if _, err := os.ReadFile("/proc/sys/kernel/cap_last_cap"); err != nil {
		need.Skip(t, "this kernel has no capabilities", err.Error())
	}
	var a accounts
	for name, found := range map[string]**user.User{"games": &a.agent, "nobody": &a.terraform} {
		u, err := user.Lookup(name)
		if err != nil {
			need.Skip(t, "there is no user "+name, err.Error())
		}
		*found = u
	}
	return a
}

func numbers(t *testing.T, u *user.User) (uid, gid int) {
	t.Helper()
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		t.Fatal(err)
	}
	return uid, gid
}

// secondUser is a house whose terraform runs as another user. The agent is root, or a user with the unit's capabilities.
type secondUser struct {
	*house
	name string // terraform.user
	who  accounts
	repo *gittest.Repo
	open string // a directory in which terraform's user may write
}

func newSecondUser(t *testing.T, plain bool, stacks string) *secondUser {
	t.Helper()
	who := needAccounts(t)
	return newUsers(t, plain, stacks, who, who.terraform.Username)
}

// newPool is a house whose terraform runs as one of n users, one for each run at work.
func newPool(t *testing.T, n int, stacks string) *secondUser {
	t.Helper()
	who := needAccounts(t)
	return newUsers(t, true, stacks, who, asusertest.Pool(t, n))
}

func newUsers(t *testing.T, plain bool, stacks string, who accounts, name string) *secondUser {
	t.Helper()
	u := &secondUser{name: name, who: who, repo: gittest.NewRepo(t, "", "infra")}
	agentUID, agentGID := 0, 0
	if plain {
		agentUID, agentGID = numbers(t, u.who.agent)
	}
	canary := "canary-" + "db-password-7b2f"
	u.house = newHouse(t, "", "DB_PASSWORD="+canary)
	u.open = u.Path("open")
	uid, gid := numbers(t, u.who.terraform)
	for _, step := range []error{
		os.Mkdir(u.open, 0o700), os.Chown(u.open, uid, gid), os.Chmod(u.Dir, 0o711), os.Chmod(filepath.Dir(u.binary), 0o711),
		os.MkdirAll(u.Path("own"), 0o711), os.Chown(u.Path("own"), agentUID, agentGID),
		// The repository is fetched by a process without the agent's privileges.
		os.Chmod(u.repo.Root(), 0o755), os.Chmod(filepath.Dir(u.repo.Root()), 0o755),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	secret := write(t, u.Path("secret"), canary)
	if err := os.Chown(secret, agentUID, agentGID); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`
data_dir = %q
socket   = %q
repository "infra" {
  url      = %q
  branch   = "main"
  schedule = "@every 1s"
}
terraform { user = %q }
%s`, u.Path("own", "data"), u.Path("own", "s.sock"), "file://"+u.repo.Bare, u.name, stacks)
	config := write(t, u.Path("sallyport.hcl"), strings.ReplaceAll(text, "@SECRET@", secret))
	if err := os.Chown(config, agentUID, agentGID); err != nil {
		t.Fatal(err)
	}
	if plain {
		u.as = &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: uint32(agentUID), Gid: uint32(agentGID), NoSetGroups: false},
			AmbientCaps: []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_KILL},
		}
	}
	return u
}

// What a plan reads, and what an apply runs, of terraform's user's gets at nothing of the agent's and decides nothing.

func TestSecondUserOfRoot(t *testing.T) {
	t.Parallel()
	secondUserIsKeptOut(t, false)
}

func TestSecondUserOfCapabilities(t *testing.T) {
	t.Parallel()
	secondUserIsKeptOut(t, true)
}

func secondUserIsKeptOut(t *testing.T, plain bool) {
	u := newSecondUser(t, plain, stackBlock("box", `vars = { password = file("@SECRET@") }`)+stackBlock("next")+
		stackBlock("watched", `mode = "observe"`))
	data, socket := u.Path("own", "data"), u.Path("own", "s.sock")
	// try() catches what file() says of a file that cannot be read; the first is the control.
	look := ""
	for name, path := range map[string]string{
		"public": "/etc/passwd", "store": filepath.Join(data, "sallyport.db"), "secret": u.Path("secret"), "config": u.Path("sallyport.hcl"),
		"environment": "/proc/1/environ",
	} {
		look += fmt.Sprintf("output %q { value = can(filemd5(%q)) ? \"read\" : \"denied\" }\n", name, path)
	}
	script := fmt.Sprintf(`
exec >%[1]s/said 2>&1
echo "user $(id -u) groups $(id -G)"
cat %[2]s/sallyport.db >/dev/null && echo READ-STORE
cat %[3]s %[4]s && echo READ-SECRET
ls %[2]s && echo LISTED
ls %[2]s/runs && echo LISTED-RUNS
cat %[2]s/runs/*/record.json %[2]s/runs/1/apply.jsonl && echo READ-RUN
touch %[2]s/runs/1/plan/plan.tfplan && echo WROTE-PLAN
grep -q DB_PASSWORD /proc/$(cut -d' ' -f4 /proc/$PPID/stat)/environ && echo READ-ENVIRON
env | grep -q DB_PASSWORD && echo INHERITED
%[6]s --socket %[5]s approve 2 && echo APPROVED
setsid sh -c 'trap "" HUP; %[6]s --socket %[5]s approve 2 && echo APPROVED; echo over >%[1]s/over' &
grep Cap /proc/self/status | grep -v CapBnd | grep -qv 0000000000000000 && echo PRIVILEGED
grep -q 'NoNewPrivs:.1' /proc/self/status || echo NEW-PRIVILEGES
echo done
`, u.open, data, u.Path("secret"), u.Path("sallyport.hcl"), socket, u.binary)
	u.repo.Commit("Look around", map[string]string{
		"box/main.tf": look + `
variable "password" { sensitive = true }
resource "terraform_data" "look" {
  provisioner "local-exec" {
    command = "sh ./look.sh"
  }
}
`, "box/look.sh": script, "next/main.tf": thing("next", "one"), "watched/main.tf": thing("watched", "one")})
	u.start()
	u.reaches("box", "planned")
	u.reaches("next", "planned")
	u.reaches("3", "previewed") // on a copy of the state: what nobody agreed to does not write there
	text := u.must("show", "1", "--plan")
	for _, name := range []string{"store", "secret", "config", "environment"} {
		if want := "+ " + name; !has(text, want) || !strings.Contains(lineWith(text, want), "denied") {
			t.Errorf("the plan could read the %s:\n%s", name, text)
		}
	}
	if !strings.Contains(lineWith(text, "+ public"), "read") {
		t.Errorf("the plan could not read what everybody can:\n%s", text)
	}
	// Whatever the modes say, that user decides nothing.
	uid, gid := numbers(t, u.who.terraform)
	for _, path := range []string{u.Path("own"), socket} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(u.binary, "--socket", socket, "approve", "2")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "cannot decide anything") {
		t.Errorf("terraform's user approves: %v\n%s", err, out)
	}
	if err := os.Chmod(u.Path("own"), 0o711); err != nil {
		t.Fatal(err)
	}
	u.must("approve", "1")
	u.reaches("1", "applied")
	u.appears(filepath.Join(u.open, "over"))
	said := read(t, filepath.Join(u.open, "said"))
	if !strings.Contains(said, fmt.Sprintf("user %d groups %d\n", uid, gid)) || !strings.Contains(said, "\ndone\n") {
		t.Errorf("the provisioner did not run as it should:\n%s", said)
	}
	for _, bad := range []string{"READ-", "LISTED", "WROTE", "INHERITED", "APPROVED", "PRIVILEGED", "NEW-PRIVILEGES", "canary-"} {
		if strings.Contains(said, bad) {
			t.Errorf("%s: the provisioner got through:\n%s", bad, said)
		}
	}
	if n := len(u.show("2").Decisions); n != 0 {
		t.Errorf("run 2 has %d decisions", n)
	}
	// Its state is kept, and what is the user's in the run's directory goes away with the rest.
	eventually(t, "the files of the run are removed", func() (bool, any) {
		return !exists(filepath.Join(data, "runs", "1", "src")) && !exists(filepath.Join(data, "runs", "1", "data")), nil
	})
	u.must("plan", "box")
	u.reaches("4", "no_changes")
}

// Signals reach terraform, a plan ends with its agent, and an apply goes on without, as it does without a second user.
func TestSecondUserAndDeaths(t *testing.T) {
	t.Parallel()
	need.Long(t, "it kills and starts agents")
	u := newSecondUser(t, true, stackBlock("box"))
	fifo := filepath.Join(u.open, "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	u.repo.Commit("Read what does not come", map[string]string{"box/main.tf": fmt.Sprintf("output \"x\" { value = file(%q) }\n", fifo)})
	u.launch()
	working := func() int { return len(pidsBelow(u.Path("own", "data", "runs"))) }
	eventually(t, "terraform plans", func() (bool, any) { return working() > 0, nil })
	var writer *os.File // until it is closed, the plan waits for what is written
	eventually(t, "it reads", func() (bool, any) {
		var err error
		writer, err = os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil, err
	})
	u.kill()
	eventually(t, "the plan has ended with its agent", func() (bool, any) { return working() == 0, working() })
	if err := writer.Close(); err != nil {
		t.Error(err)
	}

	u.repo.Commit("Wait", map[string]string{"box/main.tf": gated(u.open)})
	u.launch()
	u.reaches("box", "planned")
	id := strconv.Itoa(u.runs()[0].ID)
	u.must("approve", id)
	u.appears(filepath.Join(u.open, "ran"))
	u.kill()
	if working() == 0 {
		t.Fatal("the apply has ended with its agent")
	}
	u.start()
	u.reaches(id, "applying")
	u.must("cancel", id)
	if r := u.reaches(id, "canceled"); !strings.Contains(r.Error, "canceled by") {
		t.Errorf("it ended with %q", r.Error)
	}
	eventually(t, "nothing is left", func() (bool, any) { return working() == 0, working() })
}

// An image is validated and built by the second user too: the template is code of the repository's.
func TestSecondUserBuildsImages(t *testing.T) {
	t.Parallel()
	u := newSecondUser(t, true, "image \"node\" {\n  dir = \"node\"\n  template = \"node.json\"\n}\n")
	packer := u.Path("packer")
	program(t, packer, fmt.Appendf(nil, `#!/bin/sh
if [ "$1" = version ]; then echo 1,,version,1.6.6; exit; fi
echo "$1 $(id -u)" >>%[1]s/said
cat %[2]s/sallyport.db %[3]s >/dev/null && echo "$1 READ" >>%[1]s/said
case $1 in
inspect) echo 1,,template-builder,node,file; echo '1,,ui,say,  node (file)' ;;
build) echo "1,,ui,say,Build 'node' finished after 1 second."; echo 1,node,artifact,0,id,one ;;
esac
`, u.open, u.Path("own", "data"), u.Path("secret")))
	config := u.Path("sallyport.hcl")
	text := read(t, config) + fmt.Sprintf("packer {\n  binary = %q\n}\n", packer)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil { // it stays its owner's
		t.Fatal(err)
	}
	u.repo.Commit("Add a template", map[string]string{"node/node.json": "{\"builders\": [{\"type\": \"file\"}]}\n"})
	u.start()
	u.reaches("node", "planned")
	u.must("approve", u.number("node"))
	u.reaches("1", "applied")
	uid, _ := numbers(t, u.who.terraform)
	said := read(t, filepath.Join(u.open, "said"))
	if !has(said, fmt.Sprintf("validate %d\n", uid), fmt.Sprintf("build %d\n", uid)) || strings.Contains(said, "READ") || strings.Contains(said, " 0\n") {
		t.Errorf("packer did not run as it should:\n%s", said)
	}
}

// lineWith is the line of a text that contains something.
func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}
