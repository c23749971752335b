package configs_test

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/slack/slacktest"
)

// follow runs install.sh and then, one after the other, every command that it prints.
//
//go:embed testdata/follow.sh
var follow string

// The steps that install.sh prints lead to an agent that has planned the stack of the sample, when each is pasted as it stands. Only four
// things are played: the editor, who pastes the token, the host key that ssh-keyscan finds, and sudo and systemctl where they are not
// there. What systemctl does with the unit, TestUnit and systemd-analyze look at.
func TestSteps(t *testing.T) {
	t.Parallel()
	need.Long(t, "it installs, starts and upgrades agents")
	archive := open(t, "b")
	must(t, os.Mkdir(filepath.Join(archive, "configs"), 0o755))
	for _, file := range []string{"install.sh", "configs/sallyport.hcl", "configs/sallyport.service"} {
		text, err := os.ReadFile("../" + file)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(archive, file), text, 0o755))
	}
	// Not as for a release (-trimpath): what is compiled already would all be compiled again.
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", filepath.Join(archive, "sallyport"), "../agent/cmd/sallyport")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	for _, mode := range []string{"prefix", "no-systemd", "systemd"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			if mode != "prefix" {
				ownMachine(t)
			}
			followed(t, mode, archive)
		})
	}
}

// ownMachine skips where a test cannot have an /etc and users of its own.
func ownMachine(t *testing.T) {
	t.Helper()
	need.Root(t, "only root can make users")
	if out, err := exec.CommandContext(t.Context(), need.Program(t, "unshare"), "--mount", "--pid", "--fork", "true").CombinedOutput(); err != nil {
		need.Skip(t, "no namespaces", strings.TrimSpace(string(out)))
	}
	need.Program(t, "useradd")
	need.Program(t, "setpriv")
}

// open makes a directory that everybody can look into. The names of t.TempDir are too long for a socket.
func open(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", name)
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// followed does it in one mode, with the archive of a release. Below a prefix it is somebody else than root.
func followed(t *testing.T, mode, archive string) {
	t.Helper()
	need.Program(t, "ssh-keygen")
	sshd := gittest.NewSSHD(t, gittest.SSHDOptions{})
	repo := gittest.NewRepo(t, "", "infra")
	repo.Commit("Begin", map[string]string{"network/main.tf": "output \"a\" {\n  value = 1\n}\n", "network/.terraform.lock.hcl": "# none\n"})
	slack, err := slacktest.New(slacktest.Options{
		Users:    []slacktest.User{{ID: "U01JANE", DisplayName: "Jane", Email: "jane@example.com"}},
		Channels: []slacktest.Channel{{ID: "C0000OPS", Name: "ops", Member: true}},
	})
	must(t, err)
	t.Cleanup(slack.Close)

	dir := open(t, "f")
	keys, authorized := filepath.Join(filepath.Dir(sshd.KeyFile), "authorized_keys"), filepath.Join(dir, "authorized_keys")
	must(t, os.WriteFile(authorized, nil, 0o644))
	must(t, os.Remove(keys))
	must(t, os.Symlink(authorized, keys))
	stubs := filepath.Join(dir, "stubs")
	must(t, os.Mkdir(stubs, 0o755))
	for name, script := range map[string]string{
		"sudo":        `exec "$@"`,
		"ssh-keyscan": "echo '" + sshd.HostKeyLine() + "'",
		"editor": fmt.Sprintf(`exec sed -i -e 's#^  url    = .*#  url = "%s"#' -e 's#"C0123456789" .*#"C0000OPS"\n  api_url = "%s"#' -e 's#\["U01ABCDEF"\]#["U01JANE"]#' "$1"`,
			sshd.URL(repo.Bare), slack.URL()),
		"systemctl": `echo "$*" >>` + dir + `/systemctl; [ "$1" != is-active ]`,
	} {
		must(t, os.WriteFile(filepath.Join(stubs, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	script := filepath.Join(dir, "follow.sh")
	must(t, os.WriteFile(script, []byte(follow), 0o755))
	words := []string{"bash", script}
	switch {
	case mode == "prefix" && os.Geteuid() == 0:
		const nobody = 65534
		must(t, os.Chown(dir, nobody, nobody))
		must(t, os.Chown(authorized, nobody, nobody))
		words = append([]string{need.Program(t, "setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"}, words...)
	case mode != "prefix":
		words = append([]string{"unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"}, words...)
	}
	// Each agent has numbers of its own: it sweeps what its users leave in /tmp, which is everybody's.
	firstID := 20_000 + os.Getpid()%1_000*40
	if mode == "systemd" {
		firstID += 20
	}
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Env = append(os.Environ(),
		"MODE="+mode, "HOME="+dir, "DIR="+dir, "SOURCE="+archive, "BINARY="+filepath.Join(archive, "sallyport"), "TOKEN="+slack.Token(), "EDITOR=editor",
		"AUTHORIZED="+authorized,
		fmt.Sprintf("LIMIT=%d", int(patience.Limit().Seconds())), fmt.Sprintf("FIRST_ID=%d", firstID),
	)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "\neverything was followed\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
