package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/terraform/binary"
	"sallyport/notify/words"
)

// terraformUser tries whether terraform can run as the second user, and whether that one is kept out of what is the agent's.
func (d *doctor) terraformUser(ctx context.Context, s *section, tool *binary.Tool) {
	if d.cfg == nil || d.cfg.Terraform.User == "" {
		return
	}
	name := d.cfg.Terraform.User
	users, err := asuser.Find(name)
	if err != nil {
		s.fail("user", hint.Of(err), "%v", err)
		return
	}
	u := users[0]
	if u.Ready() != nil {
		s.warn("user", "run the doctor as root", "%s exists; whether terraform runs as it is not tried: this user may not become another one", name)
		return
	}
	if tool != nil {
		limited, cancel := context.WithTimeout(ctx, d.o.Timeout)
		err := runAs(limited, u, tool.Path)
		cancel()
		if err != nil {
			s.fail("user", fmt.Sprintf("%s must be able to execute %s: mend the modes of its directories, or the mount", name, tool.Path), "%s cannot run terraform: %v", name, err)
			return
		}
	}
	files := agentFiles(d.cfg, d.o.CredentialsDir)
	for _, u := range users {
		limited, cancel := context.WithTimeout(ctx, d.o.Timeout)
		open, err := openTo(limited, u, files)
		cancel()
		if err != nil {
			s.warn("user", "try again; if it stays, `sudo -u "+u.Name+" sh -c id` may tell more", "whether %s can open what is the agent's could not be tried: %v", u.Name, err)
			return
		}
		if len(open) > 0 {
			s.fail("user", "mend their modes, or take "+u.Name+" out of groups: `id "+u.Name+"` tells which it is in",
				"%s can open %s: code in a plan could read secrets or approve itself", u.Name, words.List(open, maxNamed))
			return
		}
	}
	if !d.borrow(s, name, users) {
		return
	}
	if tool == nil {
		s.warn("user", "see terraform above", "%s exists; there is no terraform yet that it could run", name)
		return
	}
	if u.Exclusive {
		s.ok("user", "terraform runs as %s to %s, one for each run at work, who cannot open the store, the secrets or the socket", u.Name, users[len(users)-1].Name)
		return
	}
	s.ok("user", "terraform runs as %s, who cannot open the store, the secrets or the socket", name)
}

// borrow takes a user that no run is at work as for what the doctor tries, and tells of users that can be given to no run.
func (d *doctor) borrow(s *section, name string, users []*asuser.User) bool {
	for _, u := range users {
		if kept := outlasting(u); u.Exclusive && len(kept) > 0 {
			s.warn("user "+u.Name, "take them away: what is left there lets a process of a run live on after it", "%s has %s", u.Name, words.List(kept, maxNamed))
		}
	}
	if open := asuser.Unlocked(asuser.CommonLocks, users); len(open) > 0 {
		s.warn("users", "run install.sh again, which makes what is missing",
			"there is no %s/%d: another agent of this machine that has %s too would end the runs of this one", asuser.CommonLocks, open[0].UID, open[0].Name)
	}
	pool, err := asuser.NewPool(asuser.PoolOptions{Name: name, Users: users, Common: asuser.CommonLocks, Dir: datadir.UserLocks(d.cfg.DataDir)})
	if err == nil {
		d.turn, err = pool.Borrow("the doctor")
	}
	if err != nil {
		s.warn("user", "look at what they run: ps -o pid,user,lstart,args -u "+users[0].Name+"; status says which runs are at work, and which users are kept back",
			"each user of %s is at work or has processes left, so what they can do is not tried: %v", name, err)
		return false
	}
	d.user = d.turn.Who()
	return true
}

// outlasting is what lets a user run something by itself.
func outlasting(u *asuser.User) []string {
	var out []string
	for _, path := range []string{"/var/lib/systemd/linger/" + u.Name, "/var/spool/cron/crontabs/" + u.Name, "/var/spool/cron/" + u.Name} {
		if _, err := os.Lstat(path); err == nil {
			out = append(out, path)
		}
	}
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains("\n"+string(text), "\n"+u.Name+":") {
			out = append(out, "a range of numbers in "+file)
		}
	}
	return out
}

// runAs runs terraform as the user where a run would, if that is there already.
func runAs(ctx context.Context, u *asuser.User, path string) error {
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull}
	_, err := u.Output(cmd)
	if exit, ok := err.(*exec.ExitError); ok && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}

// agentFiles are the files and directories that nobody but the agent may open. credentials is the directory that the doctor was
// given; empty if none.
func agentFiles(cfg *config.Config, credentials string) []string {
	files := []string{
		datadir.Store(cfg.DataDir), datadir.Mirrors(cfg.DataDir), datadir.AllStateCopies(cfg.DataDir),
		datadir.Snapshots(cfg.DataDir), cfg.Socket,
	}
	for _, dir := range []string{credentials, os.Getenv("CREDENTIALS_DIRECTORY")} {
		if dir != "" {
			files = append(files, dir)
		}
	}
	for _, r := range cfg.Repositories {
		if r.SSHKeyFile != "" {
			files = append(files, r.SSHKeyFile)
		}
		if r.Site.PrivateKeyFile != "" {
			files = append(files, r.Site.PrivateKeyFile)
		}
	}
	return files
}

// openTo lists which of these files a user can open. An error says that it could not be tried, which proves nothing.
func openTo(ctx context.Context, u *asuser.User, files []string) ([]string, error) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, shell, append([]string{"-c", `for f; do if [ -r "$f" ] || [ -w "$f" ]; then echo "$f"; fi; done`, "sh"}, files...)...)
	cmd.Dir = "/"
	out, err := u.Output(cmd)
	if err != nil {
		return nil, fmt.Errorf("looking as %s: %w", u.Name, err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }), nil
}
