package doctor

import (
	"slices"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/peercred"
)

// Warning is something about this machine that works and should be mended.
type Warning struct{ Name, Text, Hint string }

// String is the warning with what to do, on one line.
func (w Warning) String() string {
	if w.Hint == "" {
		return w.Text
	}
	return w.Text + "; " + w.Hint
}

// User says what is wrong with terraform.user on this machine.
func User(name string) error {
	_, err := asuser.Find(name)
	return err
}

// Machine is what a configuration meets on this machine, as far as that can be seen without starting or asking anything: check says it
// as well as the doctor. path is where programs are looked up. That terraform.user cannot be used is a fault; see [User].
func Machine(c *config.Config, path string) (found []Warning) {
	if name := c.Terraform.User; name != "" {
		switch users, err := asuser.Find(name); {
		case err != nil:
			found = append(found, Warning{"user", err.Error(), "the agent does not start on this machine"})
		case !users[0].Exclusive:
			found = append(found, Warning{"users", asuser.SharedWarning(name), asuser.MakeHint(name)})
		}
	}
	if text := loginWarning(c, peercred.Self().LoginUser, peercred.LoginsAreKnown("/proc")); text != "" {
		found = append(found, Warning{"logins", text, ""})
	}
	if err := c.CheckPrograms(path); err != nil {
		found = append(found, Warning{"programs", err.Error(), "mend it if the agent's PATH finds them there too: it does not start then"})
	}
	return found
}

// loginWarning is said where it matters which human a vote from a shell is, and the kernel does not know who has logged in: in this
// shell (login is empty), or anywhere on the machine (it is known of nobody).
func loginWarning(c *config.Config, login string, known bool) string {
	named := slices.ContainsFunc(c.People, func(p config.Person) bool { return p.OS != "" })
	tells := func(s *config.Stack) bool { return s.Approvals > 1 || !s.AllowSelfApproval }
	if login != "" && known || !c.CLIApprovals || !named || !slices.ContainsFunc(c.Stacks, tells) &&
		!slices.ContainsFunc(c.StackGlobs, func(g *config.StackGlob) bool { return tells(&g.Stack) }) {
		return ""
	}
	if !known {
		return "no process of this machine has a login uid, as in a container or without pam_loginuid: a person block goes by the account, so that " +
			"whoever may take on another's account (sudo, su) can be two people"
	}
	return "this shell has no login uid (/proc/self/loginuid), as a service has none: a person block ties a vote only to who " +
		"has logged in, so one from a shell like this never adds to those of others"
}
