package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/asuser/asusertest"
	"sallyport/agent/control"
	"sallyport/agent/proc"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// sharedUser lets a house's terraform run as a user that all runs share. Each plan leaves a process behind, waits while there is a
// file hold-STACK in the directory that is returned, and leaves the file beside there if it begins while there is one called alone,
// but for those of the stack bag.
func (h *house) sharedUser() (u *asuser.User, open string) {
	h.t.Helper()
	u, err := asuser.Lookup(asusertest.Pool(h.t, 1) + "1") // no user has that name with a number after it
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { // before the user is taken away
		h.stop()
		left, _ := proc.Of(u.UID)
		for _, p := range left {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	})
	open = h.t.TempDir()
	binary := filepath.Join(h.t.TempDir(), "terraform")
	script := fmt.Sprintf(`#!/bin/sh
cd %[1]s || exit 1
stack=$(basename "$OLDPWD")
if [ "$1" = plan ]; then
	(env -i PATH=$PATH setsid sh -c 'trap "" HUP TERM; exec sleep 3600' >/dev/null 2>&1 </dev/null &)
	[ "$stack" = bag ] || [ ! -e alone ] || touch beside
	touch "at-$stack"
	while [ -e "hold-$stack" ]; do sleep 0.05; done
fi
cd "$OLDPWD" && exec %[2]s "$@"
`, open, tftest.Terraform(h.t))
	for _, err := range []error{
		os.WriteFile(binary, []byte(script), 0o755), os.Chmod(binary, 0o755), os.Chmod(filepath.Dir(binary), 0o755), os.Chmod(h.Dir, 0o711),
		os.Chmod(filepath.Dir(open), 0o755), os.Chmod(open, 0o777),
	} {
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.Body += fmt.Sprintf("terraform {\n  user = %q\n  binary = %q\n  parallel = 4\n}\n", u.Name, binary)
	return u, open
}

// Where all runs share one user a pull request's plan, whose code nobody has approved, is at work while nothing else is: what it could
// change of others' files is not there. What plans leave running ends with them.
func TestPreviewIsAloneOnASharedUser(t *testing.T) {
	t.Parallel()
	r, gh := newRepository(t), atGitHub(t)
	h := newHouse(t, gh.hosted(r, "trusted")+"stacks \"*\" {}\n")
	u, open := h.sharedUser()
	mark := func(name string) string { return filepath.Join(open, name) }
	touch := func(name string) {
		t.Helper()
		if err := os.WriteFile(mark(name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	release := func(name string) {
		t.Helper()
		if err := os.Remove(mark(name)); err != nil {
			t.Fatal(err)
		}
	}
	far := func(subject string, status store.Status) {
		t.Helper()
		h.Eventually(subject+" is "+string(status), func(s control.Status) bool {
			return slices.ContainsFunc(s.Stacks, func(st control.Stack) bool {
				return st.Name == "far" && st.Run != nil && st.Run.Subject == subject && st.Run.Status == status
			})
		})
	}
	touch("hold-box")
	base := gh.pushes(r, "one of each", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1"), "far/main.tf": data("one", "1")})
	h.start()
	h.waitFor(mark("at-box"))
	h.Reaches("bag", store.Planned) // branches' plans share the user
	h.Reaches("far", store.Planned)

	touch("hold-bag")
	release("at-bag")
	gh.open(proposal{author: "jane", title: "more", head: r.propose(1, base, "more", map[string]string{"bag/main.tf": data("two", "2")})})
	h.Eventually("there is a preview", func(s control.Status) bool { return len(s.PullRequests) == 1 })
	gh.pushes(r, "another", map[string]string{"far/main.tf": data("one", "2")})
	far("another", store.Planned)
	if _, err := os.Stat(mark("at-bag")); err == nil || h.previews()[0].Status != store.Pending {
		t.Errorf("a preview is at work beside a plan: %+v", h.previews())
	}
	touch("alone")
	release("hold-box")
	h.waitFor(mark("at-bag"))
	gh.pushes(r, "yet another", map[string]string{"far/main.tf": data("one", "3")})
	far("yet another", store.Pending)
	if err := h.Client.Pause(t.Context(), control.PauseRequest{Stack: "box"}); err != nil { // the loop looks at everything once more
		t.Fatal(err)
	}
	far("yet another", store.Pending)
	release("alone")
	release("hold-bag")
	h.Eventually("the preview is planned", func(s control.Status) bool {
		return len(s.PullRequests) == 1 && s.PullRequests[0].Status == store.Previewed
	})
	far("yet another", store.Planned)
	if _, err := os.Stat(mark("beside")); err == nil {
		t.Error("a plan was at work beside a preview")
	}
	h.stop()
	left, err := proc.Of(u.UID)
	if err != nil || len(left) > 0 {
		t.Errorf("processes outlive the plans that started them: %+v, %v", left, err)
	}
}
