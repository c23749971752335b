package doctor

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/agent/terraform/tftest"
	"sallyport/notify/golden"
	"sallyport/notify/slack/slacktest"
)

// The doctor starts itself again to become terraform's user.
func TestMain(m *testing.M) {
	if asuser.Asked(os.Environ()) {
		need.Exit(asuser.Main(os.Environ(), os.Args[1:]))
	}
	if len(os.Args) > 1 && os.Args[1] == repo.Verb {
		need.Exit(repo.Main(os.Args[2:]))
	}
	os.Exit(need.Main(m, need.Terraform, tftest.Lean))
}

func TestReports(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*bed){
		"well":       func(*bed) {},
		"first-day":  firstDay,
		"much-wrong": muchWrong,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			change(b)
			golden.Is(t, filepath.Join("testdata", name+".golden"), rendered(b.examine()))
		})
	}
}

// firstDay is a machine on which nothing was started yet, with no Slack.
func firstDay(b *bed) {
	b.block = ""
	for _, d := range []string{"data", "run"} {
		if err := os.Remove(b.path(d)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// muchWrong has a fault nearly everywhere; each must be found.
func muchWrong(b *bed) {
	if err := os.Chmod(b.path("data"), 0o777); err != nil {
		b.t.Fatal(err)
	}
	b.o.statfs = func(_ string, st *unix.Statfs_t) error {
		*st = unix.Statfs_t{Type: 0x6969, Bsize: 4096, Bavail: 1000, Flags: unix.ST_NOEXEC}
		return nil
	}
	b.files["new/main.tf"] = "terraform {\n  required_version = \">= 9.1\"\n  cloud {}\n}\nmodule \"m\" {\n  source = \"git::https://git.example/m\"\n}\n"
	b.stacks += "stack \"new\" {\n  dir = \"new\"\n  var_files = [\"prod.tfvars\"]\n  approvals = 5\n  channel = \"#side\"\n}\n" +
		"stack \"gone\" {\n  dir = \"nowhere\"\n}\nstacks \"services/*\" {\n  label = \"PROD\"\n}\n"
	b.block = "channel = \"#ops\"\n  approvers = [\"U01GONE\", \"U01GUEST\", \"S01NONE\", \"S01TEAM\", \"nobody@example.com\", \"U01NOBODY\"]"
	b.slack.ChangeChannel("C0000OPS", func(c *slacktest.Channel) { c.Shared = true })
	b.slack.DropScopes("files:write")
}

// broken is one thing that a test breaks, and the check that must tell: its level, its name, words of its text and of its
// hint. What is not to fail must leave everything else unfailed, too.
type broken struct {
	change func(*bed)
	level  Level
	check  string
	text   string
	hint   string
}

func TestSlackChecks(t *testing.T) {
	t.Parallel()
	tryAll(t, map[string]broken{
		"revoked token": {func(b *bed) { b.slack.Revoke("token_revoked") }, Fail, "token", "token_revoked", "install the Slack app again"},
		"missing scope": {func(b *bed) { b.slack.DropScopes("channels:history") }, Fail, "scopes", "channels:history is missing, to read replies in #ops", "add the bot scope"},
		"not in the channel": {func(b *bed) {
			b.slack.ChangeChannel("C0000OPS", func(c *slacktest.Channel) { c.Member = false })
		}, Fail, "channel #ops", "the bot is not in #ops", "/invite @sallyport"},
		"archived channel": {func(b *bed) {
			b.slack.ChangeChannel("C0000OPS", func(c *slacktest.Channel) { c.Archived = true })
		}, Fail, "channel #ops", "is archived", "unarchive"},
		"no such channel": {func(b *bed) { b.block = strings.ReplaceAll(b.block, "#ops", "#opps") }, Fail, "channel #opps", "channel_not_found", "/invite"},
		"shared channel": {func(b *bed) {
			b.slack.ChangeChannel("C0000OPS", func(c *slacktest.Channel) { c.Shared = true })
		}, Warn, "channel #ops", "shared with another workspace", "of this workspace alone"},
		"deactivated approver": {func(b *bed) { b.block = strings.ReplaceAll(b.block, `"S01TEAM"`, `"U01GONE"`) },
			Fail, "U01GONE", "Gone (U01GONE) cannot approve: the account is deactivated", "take the entry out"},
		"member of a group deactivated": {func(*bed) {}, Warn, "S01TEAM", "cannot approve: Gone (U01GONE)", ""},
		"unknown approver":              {func(b *bed) { b.block = strings.ReplaceAll(b.block, `"S01TEAM"`, `"U01NOBODY"`) }, Fail, "U01NOBODY", "user_not_found", "check the id"},
		"credentials elsewhere":         {func(b *bed) { b.o.CredentialsDir = b.path("run") }, Warn, "token", "cannot be read here", "--credentials DIR"},
		"more approvals than people": {func(b *bed) { b.stacks = strings.ReplaceAll(b.stacks, "\n}", "\n  approvals = 4\n}") },
			Fail, "approvals of ghe", "it needs 4, from different people, and 2 can approve", "name more"},
		"approvals only with the command line": {func(b *bed) {
			b.stacks = strings.ReplaceAll(b.stacks, "\n}", "\n  approvals = 3\n}")
			b.more = "person \"joe\" {\n  os = \"joe\"\n}\n"
		},
			Warn, "approvals of ghe", "2 can approve in Slack", "name more"},
		"two accounts of one person": {func(b *bed) {
			b.stacks = strings.ReplaceAll(b.stacks, "\n}", "\n  approvals = 2\n}")
			b.more = "cli_approvals = false\nperson \"jane\" {\n  slack = \"U01JANE\"\n}\n"
			b.block = strings.ReplaceAll(b.block, `"S01TEAM", `, "")
		}, Fail, "approvals of ghe", "it needs 2, from different people, and 1 can approve", ""},
	})
}

func TestGitAndTerraformChecks(t *testing.T) {
	t.Parallel()
	tryAll(t, map[string]broken{
		"branch gone":          {func(b *bed) { b.repo.GitBare("branch", "-m", "main", "trunk"); b.repo.Git("branch", "-m", "trunk") }, Fail, "poll", "branch not found", "trunk"},
		"no such repository":   {func(b *bed) { b.url += "x" }, Fail, "poll", "not found", "check the path in url"},
		"empty repository":     {func(b *bed) { b.files = nil }, Fail, "poll", "repository is empty", "push a first commit"},
		"directory not pushed": {func(b *bed) { b.stacks = strings.ReplaceAll(b.stacks, `dir = "ghe"`, `dir = "gh"`) }, Fail, "directory", "gh holds no terraform files", "there are: ghe, network"},
		"file that leads nowhere": {func(b *bed) { b.files["ghe/x.tf"], b.files["docs/old.tf"] = "-> ../gone/x.tf", "-> ../gone/x.tf" },
			Fail, "files", "ghe/x.tf is a symlink to ../gone/x.tf, which is not in the repository", "mend these files"},
		"no lock file": {func(b *bed) { delete(b.files, "ghe/.terraform.lock.hcl") }, Warn, "lock file", "is not committed", "terraform init"},
		"remote backend": {func(b *bed) { b.files["ghe/b.tf"] = "terraform {\n  backend \"remote\" {}\n}\n" },
			Fail, "state", "the remote backend do not work", "use another backend"},
		"terraform too old": {func(b *bed) { b.files["ghe/main.tf"] = "terraform {\n  required_version = \"> 7\"\n}\n" },
			Fail, "required_version", "the stack wants terraform > 7", "set terraform { version }"},
		"pinned and not installed": {func(b *bed) { b.more = "terraform {\n  version = \"1.9.8\"\n}\n" }, Warn, "binary", "1.9.8 is not installed yet", "releases.hashicorp.com"},
	})
}

// With an app token the socket is tried: what is missing is named, the token, its scope or Socket Mode.
func TestSlackSocketChecks(t *testing.T) {
	t.Parallel()
	with := func(change func(*slacktest.App)) func(*bed) {
		return func(b *bed) {
			b.block += "\n  app_token = credential(\"app\")"
			b.appToken = b.slack.Live.Token()
			b.slack.Live.Change(change)
		}
	}
	tryAll(t, map[string]broken{
		"all is well":         {with(func(*slacktest.App) {}), OK, "socket", "the app token (connections:write) and Socket Mode are in order", ""},
		"what nobody can ask": {with(func(*slacktest.App) {}), OK, "interactivity", "Slack tells nobody", ""},
		"Socket Mode is off":  {with(func(a *slacktest.App) { a.NoSocketMode = true }), Fail, "socket", "Socket Mode is turned off", "turn Socket Mode on"},
		"a scope is missing":  {with(func(a *slacktest.App) { a.Scopes = []string{"authorizations:read"} }), Fail, "socket", "missing_scope: connections:write", "connections:write"},
		"a revoked token":     {with(func(a *slacktest.App) { a.TokenCode = "token_revoked" }), Fail, "socket", "token_revoked", "generate one"},
		"another app's token": {with(func(a *slacktest.App) { a.Token = "xapp-2" }), Fail, "socket", "invalid_auth", "generate one"},
	})
}

// The second user is tried for real: by root, as it is tried on a bastion.
func TestTerraformUserChecks(t *testing.T) {
	t.Parallel()
	need.Root(t, "only root can try what another user can do")
	if _, err := user.Lookup("nobody"); err != nil {
		need.Skip(t, "there is no user nobody", err.Error())
	}
	as := func(name string) string { return "terraform {\n  user = \"" + name + "\"\n}\n" }
	through := func(b *bed) {
		b.more = as("nobody")
		must(b, os.Chmod(b.dir, 0o755))
		must(b, os.Chmod(b.path("data"), 0o711))
	}
	tryAll(t, map[string]broken{
		"no such user": {func(b *bed) { b.more = as("sallyport-none") }, Fail, "user", "sallyport-none", "useradd --system"},
		"well":         {through, OK, "user", "terraform runs as nobody, who cannot open the store", ""},
		"init as it":   {through, OK, "init", "terraform has its providers", ""},
		"store open to it": {func(b *bed) {
			through(b)
			b.write("data/sallyport.db", "", 0o644)
		}, Fail, "user", "nobody can open ", "mend their modes"},
		"terraform out of its reach": {func(b *bed) {
			through(b)
			must(b, os.Mkdir(b.path("own"), 0o700))
			b.write("own/terraform", "#!/bin/sh\nexec terraform \"$@\"\n", 0o755)
			b.more = "terraform {\n  user = \"nobody\"\n  binary = \"" + b.path("own/terraform") + "\"\n}\n"
		}, Fail, "user", "nobody cannot run terraform", "mend the modes"},
	})
}

func TestMachineChecks(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it makes an installation for each thing that can be wrong")
	tryAll(t, map[string]broken{
		"data others can read":        {func(b *bed) { must(b, os.Chmod(b.path("data"), 0o755)) }, Warn, "mode", "0755: others may look", "chmod 0711"},
		"data others can write":       {func(b *bed) { must(b, os.Chmod(b.path("data"), 0o770)) }, Fail, "mode", "0770: others may write", "chmod 0711"},
		"data as install.sh makes it": {func(b *bed) { must(b, os.Chmod(b.path("data"), installedMode(b))) }, OK, "mode", "0711", ""},
		"a store that others can write": {func(b *bed) {
			b.write("data/sallyport.db", "", 0o666)
			must(b, os.Chmod(b.path("data/sallyport.db"), 0o666))
		},
			Fail, "mode", "sallyport.db may be written by group or others (mode 0666)", "does not start"},
		"data is a file": {func(b *bed) {
			must(b, os.Remove(b.path("data")))
			b.write("data", "", 0o600)
		}, Fail, "exists", "is not a directory", "move it away"},
		"socket directory for everybody": {func(b *bed) { must(b, os.Chmod(b.path("run"), 0o777)) }, Fail, "directory", "may be written by everybody", "chmod o-w"},
		"no agent":                       {func(*bed) {}, Warn, "running", "no agent answers", "systemctl start sallyport"},
		"in memory":                      {func(b *bed) { b.disk(unix.Statfs_t{Type: 0x01021994, Bsize: 4096, Bavail: 1 << 30}) }, Warn, "file system", "in memory", "to a disk"},
		"little room":                    {func(b *bed) { b.disk(unix.Statfs_t{Bsize: 4096, Bavail: 1 << 18}) }, Warn, "space", "1.0 GiB are free", ""},
		"no room":                        {func(b *bed) { b.disk(unix.Statfs_t{Bsize: 4096, Bavail: 100}) }, Fail, "space", "400 KiB are free", "make room"},
		"no inodes":                      {func(b *bed) { b.disk(unix.Statfs_t{Bsize: 4096, Bavail: 1 << 30, Files: 1 << 20, Ffree: 3}) }, Fail, "space", "3 inodes", "df -i"},
	})
}

func tryAll(t *testing.T, all map[string]broken) {
	t.Helper()
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			c.change(b)
			checks := b.examine()
			found := false
			for _, have := range checks {
				if have.Level == c.level && have.Name == c.check && strings.Contains(have.Text, c.text) && strings.Contains(have.Hint, c.hint) {
					found = true
				}
			}
			if !found {
				t.Errorf("no %s of %q with %q and %q in:\n%s", c.level, c.check, c.text, c.hint, rendered(checks))
			}
			if c.level != Fail && strings.Contains(rendered(checks), "\n  fail") {
				t.Errorf("something failed:\n%s", rendered(checks))
			}
		})
	}
}

func (b *bed) disk(st unix.Statfs_t) {
	b.o.statfs = func(_ string, out *unix.Statfs_t) error {
		*out = st
		return nil
	}
}

func must(b *bed, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestForeignFiles runs as another user would see it: an agent that was once started by root left its files.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	need.Root(t, "only root can give files away")
	b := newBed(t)
	b.write("data/sallyport.db", "", 0o600)
	must(b, os.Chown(b.path("data"), 65534, 65534))
	text := rendered(b.examine())
	for _, want := range []string{
		"sallyport.db in it belongs to USER, and the directory to", "chown -R ",
		"root may do everything, so the rights of", "sudo -u ",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

// TestSilentServers meets a git server and a Slack that accept and never answer. Everything else is told all the same.
func TestSilentServers(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.url = "http://" + gittest.NewBlackHole(t) + "/infra.git"
	b.slack.Fail("", 100, slacktest.Fault{Kind: slacktest.Hang})
	b.o.Timeout = 300 * time.Millisecond
	begin := time.Now()
	text := rendered(b.examine())
	if took := time.Since(begin); took > patience.Scaled(20*time.Second) {
		t.Errorf("it took %s", took)
	}
	for _, want := range []string{"fail  poll: ", "no answer in", "fail  token: ", "ok    binary: ", "ok    mode: "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	b.slack.Unhang()
}

// TestHostKey prints the very line that has to go into known_hosts; with it the server is trusted.
func TestHostKey(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.repo.Commit("everything", b.files)
	b.files = nil
	server := gittest.NewSSHD(t, gittest.SSHDOptions{})
	b.url = server.URL(b.repo.Bare)
	b.write("known_hosts", "", 0o600)
	b.more = ""
	ssh := "  ssh {\n    key_file = \"" + server.KeyFile + "\"\n    known_hosts_file = \"" + b.path("known_hosts") + "\"\n  }\n"
	config := strings.Replace(b.config(), "  branch = \"main\"\n", "  branch = \"main\"\n"+ssh, 1)
	run := func() string {
		o := b.options()
		b.write("sallyport.hcl", config, 0o644)
		var out bytes.Buffer
		o.Stdout = &out
		var failed *FailedError
		if err := Run(t.Context(), o); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return out.String()
	}
	text := run()
	line := ""
	for l := range strings.Lines(text) {
		if strings.Contains(l, " ssh-") || strings.Contains(l, " ecdsa-") {
			line = strings.TrimSpace(l)
		}
	}
	if line == "" || !strings.Contains(strings.Join(strings.Fields(text), " "), "add this line to "+b.path("known_hosts")) {
		t.Fatalf("no line to add in:\n%s", text)
	}
	b.write("known_hosts", line+"\n", 0o600)
	if text := run(); !strings.Contains(text, "ok    poll: ") {
		t.Errorf("with the line in place:\n%s", text)
	}
}

// TestBadConfiguration shows the faults with their lines, and looks at what can be looked at.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := b.options()
	b.write("sallyport.hcl", b.config()+"\nstack \"x\" {\n  dirr = \"x\"\n}\nnonsense = 1\n", 0o644)
	var out bytes.Buffer
	o.Stdout = &out
	err := Run(t.Context(), o)
	var failed *FailedError
	if !errors.As(err, &failed) || failed.Fails < 2 {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{`dirr = "x"`, "nonsense = 1", "ok    space: ", "ok    binary: ", "agent at "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	out.Reset()
	o.ConfigPath = b.path("nothing.hcl")
	if err := Run(t.Context(), o); !errors.As(err, &failed) || !strings.Contains(out.String(), "--config FILE") {
		t.Errorf("error %v\n%s", err, out.String())
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := b.options()
	o.Stdout = &bytes.Buffer{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// installedMode is that of the data directory which install.sh makes. Doctor must not ask for another on a fresh install.
func installedMode(b *bed) os.FileMode {
	b.t.Helper()
	script, err := os.ReadFile("../../install.sh")
	must(b, err)
	m := regexp.MustCompile(`directory (0[0-7]{3}) "\$user" "\$group" /var/lib/sallyport`).FindSubmatch(script)
	if m == nil {
		b.t.Fatal("install.sh makes no data directory")
	}
	mode, err := strconv.ParseUint(string(m[1]), 8, 32)
	must(b, err)
	return os.FileMode(mode)
}
