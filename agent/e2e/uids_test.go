package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
	"sallyport/agent/proc"
)

// The attacks of code that runs while a plan is made, on runs with users of their own. The code is a script of the repository's,
// which the terraform of these tests runs before it plans, as a provider or an external data source could.

// atPlan is that terraform, and open a directory in which all of its users may write.
func atPlan(t *testing.T, u *secondUser) (open string) {
	t.Helper()
	binary := wrapper(t, `if [ "$1" = plan ] && [ -e at-plan.sh ]; then . ./at-plan.sh; fi`)
	open = u.Path("everybody")
	for _, step := range []error{
		os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Chmod(filepath.Dir(binary), 0o755), os.Chmod(filepath.Dir(filepath.Dir(binary)), 0o755),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	config := u.Path("sallyport.hcl")
	text := strings.Replace(read(t, config), "terraform { user", fmt.Sprintf("terraform {\n  binary = %q\n  user", binary), 1)
	text = strings.Replace(text, fmt.Sprintf("user = %q }", u.name), fmt.Sprintf("user = %q\n}", u.name), 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil { // it stays its owner's
		t.Fatal(err)
	}
	return open
}

// users are the house's, as the agent finds them.
func (u *secondUser) users() []*asuser.User {
	u.t.Helper()
	users, err := asuser.Find(u.name)
	if err != nil {
		u.t.Fatal(err)
	}
	return users
}

// living are the processes of all of them.
func (u *secondUser) living() (out []proc.Process) {
	u.t.Helper()
	for _, user := range u.users() {
		list, err := proc.Of(user.UID)
		if err != nil {
			u.t.Fatal(err)
		}
		out = append(out, list...)
	}
	return out
}

// script is a resource whose creation runs a script of its stack's.
func script(name string) string {
	return fmt.Sprintf("resource \"terraform_data\" %q {\n  provisioner \"local-exec\" {\n    command = \"sh ./deploy.sh\"\n  }\n}\n", name)
}

// A plan rewrites the script of a run that waits for its approval, or leaves a process behind that does so later, reads what others
// have, and leaves things for the next run. Nothing of it comes to anything, and what the approved plan itself made is there.
func TestPlanCannotChangeWhatWasApproved(t *testing.T) {
	t.Parallel()
	u := newPool(t, 3, stackBlock("victim", `apply_env = { TOKEN = env("DB_PASSWORD") }`)+stackBlock("evil"))
	open, data := atPlan(t, u), u.Path("own", "data")
	u.repo.Commit("Add a good one", map[string]string{
		"victim/main.tf":    script("good"),
		"victim/deploy.sh":  fmt.Sprintf("echo good $(id -u) $(cat made-by-plan) $TOKEN >>%s/said; touch $TF_DATA_DIR/x && echo WROTE-DATA >>%s/said; true", open, open),
		"victim/at-plan.sh": "id -u >made-by-plan; touch $TF_DATA_DIR/x && echo WROTE-DATA >>" + open + "/said; true",
		"evil/main.tf":      thing("evil", "one"),
		"evil/at-plan.sh": fmt.Sprintf(`
spoil() {
	for dir in %[1]s/runs/*/ %[1]s/runs/1/ %[1]s/runs/2/ %[1]s/runs/3/; do
		[ "$(pwd -P)" = "${dir}src/evil" ] && continue
		echo "echo EVIL >>%[2]s/said" >"${dir}src/victim/deploy.sh" && echo WROTE >>%[2]s/said
		ls "${dir}" "${dir}plan" && echo LISTED >>%[2]s/said
	done
	cat %[1]s/state/victim/terraform.tfstate && echo READ-STATE >>%[2]s/said
	touch %[1]s/cache/providers/x && echo WROTE-CACHE >>%[2]s/said
	touch $TF_DATA_DIR/x && echo WROTE-DATA >>%[2]s/said
	ls %[1]s/cache/stacks && echo LISTED-KEPT >>%[2]s/said
	tr '\0' '\n' </proc/*/environ | grep -h DB_PASSWORD && echo READ-ENVIRON >>%[2]s/said
}
spoil >/dev/null 2>&1
cp at-plan.sh /tmp/left-by-evil-$(id -u); chmod 0777 /tmp/left-by-evil-$(id -u)
echo $(id -u) >>%[2]s/evil
(trap '' HUP TERM; env -i PATH=$PATH setsid sh -c 'trap "" HUP TERM; while :; do for f in %[1]s/runs/*/src/victim/deploy.sh; do echo "echo EVIL >>%[2]s/said" >$f; done; sleep 0.02; done' >/dev/null 2>&1 </dev/null &)
true
`, data, open),
	})
	u.start()
	u.reaches("victim", "planned")
	u.reaches("evil", "planned")
	// Once more, so that every user has had its turn.
	for range 3 {
		u.must("plan", "evil")
		eventually(t, "it is planned", func() (bool, any) {
			runs := u.runs()
			return runs[0].Stack == "evil" && runs[0].Status == "planned", runs
		})
	}
	if left := u.living(); len(left) > 0 {
		t.Errorf("processes outlive their plan: %+v", left)
	}
	evil := strings.Fields(read(t, filepath.Join(open, "evil")))
	for _, uid := range evil {
		if exists("/tmp/left-by-evil-" + uid) {
			t.Errorf("files of user %s outlive their plan", uid)
		}
	}
	var victim int
	for _, r := range u.runs() {
		if r.Stack == "victim" {
			victim = r.ID
		}
	}
	u.must("approve", strconv.Itoa(victim))
	u.reaches(strconv.Itoa(victim), "applied")
	said := read(t, filepath.Join(open, "said"))
	words := strings.Fields(said)
	if len(words) != 4 || words[0] != "good" || words[3] != "canary-db-password-7b2f" {
		t.Errorf("what was approved did not run as it should:\n%s", said)
	}
	if uid, err := strconv.Atoi(words[1]); err != nil || uid == 0 || fmt.Sprint(uid) == u.who.agent.Uid {
		t.Errorf("the apply ran as %s", words[1])
	}
	if _, err := strconv.Atoi(words[2]); err != nil {
		t.Errorf("what the plan made is not there: %s", said)
	}
	eventually(t, "nothing is left", func() (bool, any) { left := u.living(); return len(left) == 0, left })
	u.must("plan", "victim")
	eventually(t, "its state is there", func() (bool, any) {
		r := u.runs()[0]
		return r.Stack == "victim" && r.Status == "no_changes", r
	})
	// What is planned changes nothing of the state either.
	state := filepath.Join(data, "state", "victim", "terraform.tfstate")
	before := read(t, state)
	u.repo.Commit("Spoil the state", map[string]string{"victim/at-plan.sh": "echo evil >>" + state})
	eventually(t, "its plan is refused", func() (bool, any) {
		r := u.runs()[0]
		return r.Stack == "victim" && r.Status == "errored" && strings.Contains(r.Error, "has changed its state (terraform.tfstate)"), r
	})
	if after := read(t, state); after != before {
		t.Errorf("the state is another one: %s", after)
	}
}

// The agent is killed while code that a plan runs has written the state: the next one has the state that was there.
func TestAStateIsPutBackAfterADeath(t *testing.T) {
	t.Parallel()
	u := newPool(t, 1, stackBlock("box"))
	open := atPlan(t, u)
	state := filepath.Join(u.Path("own", "data"), "state", "box", "terraform.tfstate")
	u.repo.Commit("Add", map[string]string{"box/main.tf": thing("box", "one")})
	u.launch()
	u.reaches("box", "planned")
	u.must("approve", "1")
	u.reaches("1", "applied")
	before := read(t, state)
	u.repo.Commit("Spoil the state", map[string]string{"box/at-plan.sh": fmt.Sprintf(
		"if [ ! -e %[1]s/written ]; then echo '{}' >%[2]s; touch %[1]s/written; while :; do sleep 1; done; fi", open, state)})
	u.appears(filepath.Join(open, "written"))
	if now := read(t, state); now == before {
		t.Fatal("nothing was written: the test shows nothing")
	}
	u.kill()
	u.start()
	eventually(t, "it is planned on the state that was there", func() (bool, any) {
		r := u.runs()[0]
		return r.ID == 2 && r.Status == "no_changes", r
	})
	if now := read(t, state); now != before {
		t.Errorf("the state is another one: %s", now)
	}
	if left, err := filepath.Glob(u.Path("own", "data", "quarantine", "state-box-*", "terraform.tfstate")); err != nil || len(left) != 1 || read(t, left[0]) != "{}\n" {
		t.Errorf("what stood there is kept in %q, %v", left, err)
	}
}

// Whoever gets at the files of a waiting run all the same is found out before the apply.
func TestChangedFilesAreNotApplied(t *testing.T) {
	t.Parallel()
	u := newPool(t, 2, stackBlock("box"))
	open := atPlan(t, u)
	u.repo.Commit("Add", map[string]string{"box/main.tf": script("box"), "box/deploy.sh": "echo good >>" + open + "/said\n"})
	u.start()
	u.reaches("box", "planned")
	file := u.Path("own", "data", "runs", "1", "src", "box", "deploy.sh")
	if err := os.WriteFile(file, []byte("echo EVIL >>"+open+"/said\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u.must("approve", "1")
	if r := u.reaches("1", "errored"); !strings.Contains(r.Error, "are not what they were") || r.Hint == "" {
		t.Errorf("it ended with %q, hint %q", r.Error, r.Hint)
	}
	if exists(filepath.Join(open, "said")) {
		t.Error("something was applied")
	}
}

// An agent that is killed leaves a plan's processes, which the next one ends, and an apply's, which it does not; the apply keeps its
// user until nothing of it lives, and with only one user everything else waits for that.
func TestUsersAcrossDeaths(t *testing.T) {
	t.Parallel()
	need.Long(t, "it kills and starts agents")
	u := newPool(t, 1, stackBlock("box")+stackBlock("next"))
	open := atPlan(t, u)
	fifo := filepath.Join(open, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	daemon := "(env -i PATH=$PATH setsid sh -c 'echo $$ >%[1]s/%[2]s; while [ ! -e %[1]s/go-%[2]s ]; do sleep 0.05; done' >/dev/null 2>&1 </dev/null &)"
	u.repo.Commit("Add", map[string]string{
		"box/main.tf":    script("box"),
		"box/at-plan.sh": fmt.Sprintf("if [ ! -e %[1]s/planning ]; then touch %[1]s/planning; "+daemon+"; cat %[3]s; fi", open, "daemon", fifo),
		"box/deploy.sh":  fmt.Sprintf(daemon+"; touch %[1]s/applying; until [ -e %[1]s/go-apply ]; do sleep 0.05; done", open, "left"),
	})
	u.launch()
	u.written(filepath.Join(open, "daemon"))
	u.kill()
	if left := u.living(); len(left) == 0 {
		t.Fatal("what the plan has left ended with the agent by itself: the test shows nothing")
	}
	u.start()
	u.reaches("box", "planned")
	if left := u.living(); len(left) > 0 {
		t.Errorf("the next agent leaves %+v", left)
	}
	u.must("approve", "1")
	u.appears(filepath.Join(open, "applying"))
	u.kill()
	u.start()
	if r := u.reaches("1", "applying"); r.Error != "" {
		t.Errorf("%+v", r)
	}
	write(t, filepath.Join(open, "go-apply"), "")
	u.reaches("1", "applied")
	if left := u.living(); len(left) == 0 {
		t.Error("a command that an apply left was ended")
	}
	u.repo.Commit("Add another", map[string]string{"next/main.tf": thing("next", "one")})
	write(t, filepath.Join(open, "go-left"), "")
	u.reaches("next", "planned")
	if left := u.living(); len(left) > 0 {
		t.Errorf("left are %+v", left)
	}
}
