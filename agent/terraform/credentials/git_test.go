package credentials

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
	"sallyport/agent/terraform/environ"
	"sallyport/notify/redact"
)

func TestGitAccess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "it's here, behind a path that is longer than what the kernel takes for the address of a socket, as a data_dir may well be")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	g := &Git{URL: "https://ghe.example.com:8443/ops/infra.git", Token: redact.NewSecret("p@ss/word"), CAFile: "/ca.pem",
		SSHKeyFile: "/key file", KnownHostsFile: "/known"}
	loan, err := g.Lend(Borrower{Dir: dir}, []string{"GIT_CONFIG_COUNT=2"})
	if err != nil {
		t.Fatal(err)
	}
	const host = "https://ghe.example.com:8443"
	want := map[string]string{
		"GIT_CONFIG_COUNT": "5",
		"GIT_CONFIG_KEY_2": "credential." + host + ".helper", "GIT_CONFIG_VALUE_2": "cache --socket=" + shellQuote(filepath.Join(dir, "git.sock")),
		"GIT_CONFIG_KEY_3": "credential." + host + ".useHttpPath", "GIT_CONFIG_VALUE_3": "true",
		"GIT_CONFIG_KEY_4": "http." + host + "/.sslCAInfo", "GIT_CONFIG_VALUE_4": "/ca.pem",
		"GIT_SSH_COMMAND": "ssh -F /dev/null -i '/key file' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes" +
			" -o ConnectTimeout=20 -o UserKnownHostsFile=/known -o GlobalKnownHostsFile=/dev/null",
	}
	if diff := cmp.Diff(want, loan.Env); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	ask := func(verb, url string) string {
		cmd := exec.Command("git", "credential", verb)
		cmd.Stdin = strings.NewReader("url=" + url + "\n\n")
		env := []string{"PATH=" + os.Getenv("PATH"), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_CONFIG_KEY_0=a.b", "GIT_CONFIG_VALUE_0=x", "GIT_CONFIG_KEY_1=a.c", "GIT_CONFIG_VALUE_1=x"}
		cmd.Env = environ.With(env, loan.Env)
		out, _ := cmd.Output() // git fails where nobody knows a password
		return string(out)
	}
	const known = "username=x-access-token\npassword=p@ss/word\n"
	for _, url := range []string{host + "/ops/infra.git", host + "/ops/infra"} {
		if got := ask("fill", url); !strings.Contains(got, known) {
			t.Errorf("git does not know the token for %s:\n%s", url, got)
		}
	}
	for _, url := range []string{
		"https://other.example.com/ops/infra.git", host + "/ops/secret.git", host, host + "/ops/infra.git/../secret.git", host + "/ops/infra.git%2f..%2fsecret.git",
		"https://someone@ghe.example.com:8443/ops/infra.git", "http://ghe.example.com:8443/ops/infra.git",
	} {
		if got := ask("fill", url); strings.Contains(got, "p@ss") {
			t.Errorf("git gives the token to %s:\n%s", url, got)
		}
	}
	ask("reject", host+"/ops/infra.git") // what git wants forgotten, or kept, changes nothing
	if got := ask("fill", host+"/ops/infra.git"); !strings.Contains(got, known) {
		t.Errorf("after git wanted it forgotten:\n%s", got)
	}
	loan.token.uid.Add(1) // somebody else's process
	if got := ask("fill", host+"/ops/infra.git"); strings.Contains(got, "p@ss") {
		t.Errorf("another user gets the token:\n%s", got)
	}
	loan.End()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	for _, none := range []*Git{nil, {}, {URL: "ssh://git@host/x", Token: redact.NewSecret("x")}, {URL: "file:///x", CAFile: "/ca"}} {
		loan, err := none.Lend(Borrower{Dir: dir}, nil)
		if err != nil || len(loan.Env) > 0 {
			t.Fatalf("%+v: %v, %v", none, loan, err)
		}
		loan.End()
	}
}

// TestTheTokenIsLentToOneUser: of all users of the machine only the one that this run's git is answered.
func TestTheTokenIsLentToOneUser(t *testing.T) {
	t.Parallel()
	need.Root(t, "only root can become somebody else")
	tmp, err := os.MkdirTemp("", "lent") // not below what only this user may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	run, other := &asuser.User{UID: 54321, GID: 54321}, &asuser.User{UID: 54322, GID: 54321}
	out := filepath.Join(tmp, "out")
	if err := errors.Join(os.Chmod(tmp, 0o711), os.Mkdir(out, 0o700), run.Enter(out)); err != nil {
		t.Fatal(err)
	}
	g := &Git{URL: "https://ghe.example.com/ops/infra.git", Token: redact.NewSecret("s3cr3t")}
	loan, err := g.Lend(Borrower{Dir: out, User: run}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer loan.End()
	for _, c := range []struct {
		name     string
		uid, gid int
		want     bool
	}{
		{"the run's", run.UID, run.GID, true},
		{"another run's", other.UID, 54322, false},
		{"another of the same group, who can connect", other.UID, run.GID, false},
	} {
		cmd := exec.Command("git", "credential", "fill")
		cmd.Dir, cmd.Stdin = "/", strings.NewReader("url="+g.URL+"\n\n")
		cmd.Env = environ.With([]string{"PATH=" + os.Getenv("PATH"), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"}, loan.Env)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(c.uid), Gid: uint32(c.gid)}}
		got, err := cmd.Output() // git fails where nobody knows a password
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if strings.Contains(string(got), "s3cr3t") != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestPreviewsGetNoKey(t *testing.T) {
	t.Parallel()
	g := &Git{URL: "ssh://git@host/ops/infra.git", SSHKeyFile: "/key", KnownHostsFile: "/known"}
	for _, c := range []struct {
		name string
		lend bool
		want bool
	}{{"not lent", false, false}, {"lent", true, true}} {
		g.LendToPreviews = c.lend
		loan, err := g.Lend(Borrower{Dir: t.TempDir(), Preview: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		command := loan.Env["GIT_SSH_COMMAND"]
		if got := strings.Contains(command, "-i /key"); got != c.want || got == strings.Contains(command, "IdentityFile=none -o") {
			t.Errorf("%s: %s", c.name, command)
		}
		loan.End()
	}
}

// TestWhatTheTokenIsLentFor: one path, in the forms that servers know, and what modules_from adds to it.
func TestWhatTheTokenIsLentFor(t *testing.T) {
	t.Parallel()
	modules := []string{"ops/modules", "group/*/tf", "open/*", "_git/x.git"}
	for _, c := range []struct {
		asked string
		want  bool
	}{
		{"ops/infra.git", true}, {"ops/infra", true}, {"ops/infra.git/", true}, {"/ops/infra.git", true},
		{"ops/modules", true}, {"ops/modules.git", true}, {"_git/x", true}, {"_git/x.git", true},
		{"group/sub/tf.git", true}, {"group/tf.git", false}, {"group/a/b/tf", false},
		{"open/a", true}, {"open/a.git", true}, {"open/.git", true}, {"open", false}, {"open/a/b", false},
		{"", false}, {"/", false}, {".git", false}, {"ops", false}, {"ops/infra2.git", false}, {"ops/infra.git.git", false}, {"OPS/INFRA", false},
		{"ops/infra.git/info/lfs", false}, {"ops/infra.git/../secret.git", false}, {"ops//infra.git", false}, {"./ops/infra.git", false},
		{"open/..", false}, {"open/.", false}, {"open/../ops/secret", false}, {"open/%2e%2e%2fsecret", false}, {"open/a?b", false}, {"open/a#b", false},
		{"open/a\\..\\b", false}, {"open/a;b", false}, {"open/a b", false}, {"open/a\x7f", false}, {"open/a\x00", false},
	} {
		g := &Git{URL: "https://ghe.example.com/ops/infra.git", ModulesFrom: modules}
		if got := g.lendsFor(c.asked); got != c.want {
			t.Errorf("%q: lent %v", c.asked, got)
		}
	}
}
