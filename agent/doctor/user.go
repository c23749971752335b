package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sallyport/agent/asuser"
	"sallyport/agent/control"
	"sallyport/agent/terraform"
)

// terraformUser tries whether terraform can run as the second user, and whether that one is kept out of what is the agent's.
func (d *doctor) terraformUser(ctx context.Context, s *section, tool *terraform.Tool) {
	if d.cfg == nil || d.cfg.Terraform.User == "" {
		return
	}
	name := d.cfg.Terraform.User
	u, err := asuser.Lookup(name)
	if err != nil {
		s.fail("user", hintOf(err), "%v", err)
		return
	}
	if u.Ready() != nil {
		s.warn("user", "run the doctor as root", "%s exists; whether terraform runs as it is not tried: this user may not become another one", name)
		return
	}
	if tool != nil {
		if err := d.runAs(ctx, u, tool.Path); err != nil {
			s.fail("user", fmt.Sprintf("%s must be able to execute %s: mend the modes of its directories, or the mount", name, tool.Path), "%s cannot run terraform: %v", name, err)
			return
		}
	}
	open := d.openTo(ctx, u)
	if len(open) > 0 {
		s.fail("user", "mend their modes, or take "+name+" out of groups: `id "+name+"` tells which it is in",
			"%s can open %s: code in a plan could read secrets or approve itself", name, listed(open))
		return
	}
	d.user = u
	if tool == nil {
		s.warn("user", "see terraform above", "%s exists; there is no terraform yet that it could run", name)
		return
	}
	s.ok("user", "terraform runs as %s, who cannot open the store, the secrets or the socket", name)
}

// runAs runs terraform as the user where a run would, if that is there already.
func (d *doctor) runAs(ctx context.Context, u *asuser.User, path string) error {
	limited, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, path, "version")
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull}
	_, err := u.Output(cmd)
	if exit, ok := err.(*exec.ExitError); ok && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}

// openTo lists what is the agent's and the user can open.
func (d *doctor) openTo(ctx context.Context, u *asuser.User) []string {
	files := []string{
		control.StorePath(d.cfg.DataDir), filepath.Join(d.cfg.DataDir, "repos"), filepath.Join(d.cfg.DataDir, "states"),
		filepath.Join(d.cfg.DataDir, "snapshots"), d.cfg.Socket,
	}
	for _, dir := range []string{d.o.CredentialsDir, os.Getenv("CREDENTIALS_DIRECTORY")} {
		if dir != "" {
			files = append(files, dir)
		}
	}
	for _, r := range d.cfg.Repositories {
		if r.SSHKeyFile != "" {
			files = append(files, r.SSHKeyFile)
		}
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, shell, append([]string{"-c", `for f; do if [ -r "$f" ] || [ -w "$f" ]; then echo "$f"; fi; done`, "sh"}, files...)...)
	cmd.Dir = "/"
	out, err := u.Output(cmd)
	if err != nil {
		return nil // said of terraform, which is started the same way
	}
	return strings.Fields(string(out))
}
