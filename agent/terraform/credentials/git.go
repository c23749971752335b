package credentials

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/private"
	"sallyport/notify/redact"
)

// Git is the credentials of a stack's own repository, with which an init reads private modules.
type Git struct {
	URL         string // of the repository; the token is for its scheme, host and path, and never sent elsewhere
	Username    string // default x-access-token
	Token       redact.Secret
	ModulesFrom []string // paths at that host for which the token is lent too; "*" stands for one part of a path
	CAFile      string   // PEM; replaces git's own certificates for that host

	SSHKeyFile     string // without a passphrase, which nobody is there to type; lent for every repository that it can read
	KnownHostsFile string // hosts that are not in it are refused

	// LendToPreviews: token and key are lent for previews too, so that whoever opens a pull request decides which modules are
	// read with them.
	LendToPreviews bool
	Site           string // the type of the block that says so: "github"
}

// A Borrower is an init that gets credentials.
type Borrower struct {
	Dir     string       // a private directory of the init's, which its user can enter
	User    *asuser.User // whom git runs as; nil: the agent's own
	Preview bool         // nobody has approved what is initialised
}

// A Loan is what git has of the credentials during one init.
type Loan struct {
	Env      map[string]string // variables of the init's environment that make git use them
	token    *lentToken        // nil: none
	key      *lentKey          // nil: none, or git has the file
	withheld bool              // there are credentials, and none of them are lent
	site     string            // whose block could say that they are
}

// Lend lends an init the credentials until [Loan.End] is called. Env is the environment that the init would have without them. A nil
// Git lends nothing.
func (g *Git) Lend(b Borrower, env []string) (*Loan, error) {
	l := &Loan{Env: map[string]string{}}
	if g == nil {
		return l, nil
	}
	if b.User != nil {
		files, err := g.copyFiles(b)
		if err != nil {
			return nil, err
		}
		g = files
	}
	base := g.base()
	l.site = g.Site
	l.withheld = b.Preview && !g.LendToPreviews && (g.SSHKeyFile != "" || base != "" && !g.Token.IsZero())
	if err := g.loanKey(l, b); err != nil {
		return nil, err
	}
	var config [][2]string
	if base != "" && !g.Token.IsZero() && !l.withheld {
		var err error
		if l.token, err = serveToken(b.User, filepath.Join(b.Dir, "git.sock"), g); err != nil {
			l.End()
			return nil, err
		}
		config = append(config, [2]string{"credential." + base + ".helper", "cache --socket=" + shellQuote(l.token.path)},
			[2]string{"credential." + base + ".useHttpPath", "true"})
	}
	if base != "" && g.CAFile != "" {
		config = append(config, [2]string{"http." + base + "/.sslCAInfo", g.CAFile})
	}
	first, _ := strconv.Atoi(environ.Lookup(env, "GIT_CONFIG_COUNT")) // the stack may have some of its own
	for i, kv := range config {
		n := strconv.Itoa(first + i)
		l.Env["GIT_CONFIG_KEY_"+n], l.Env["GIT_CONFIG_VALUE_"+n] = kv[0], kv[1]
	}
	if len(config) > 0 {
		l.Env["GIT_CONFIG_COUNT"] = strconv.Itoa(first + len(config))
	}
	return l, nil
}

// loanKey lends the deploy key. Where it is not lent, ssh is given no key at all, rather than one that it finds by itself.
func (g *Git) loanKey(l *Loan, b Borrower) (err error) {
	const variable = "GIT_SSH_COMMAND"
	switch {
	case g.SSHKeyFile == "":
	case l.withheld:
		l.Env[variable] = g.sshCommand("-o", "IdentityAgent=none", "-o", "IdentityFile=none")
	case b.User == nil:
		l.Env[variable] = g.sshCommand("-i", g.SSHKeyFile, "-o", "IdentitiesOnly=yes")
	default:
		if l.key, err = serveKey(b.User, filepath.Join(b.Dir, "ssh.sock"), g.SSHKeyFile); err != nil {
			return err
		}
		l.Env[variable] = g.sshCommand("-o", "IdentityAgent="+l.key.path, "-o", "IdentityFile=none")
	}
	return nil
}

// End takes everything back that was lent.
func (l *Loan) End() {
	if l.key != nil {
		l.key.close()
	}
	if l.token != nil {
		l.token.close()
	}
}

// Explain returns the error of a failed init with a better hint where credentials that were not lent can be the reason.
func (l *Loan) Explain(err error) error {
	var failed *diag.Error
	if !errors.As(err, &failed) || failed.Hint != diag.PrivateModule {
		return err
	}
	switch refused := l.token.refusals(); {
	case l.withheld:
		failed.Hint = "a private module could not be read: a preview gets none of the repository's credentials; lend_to_previews = true in its " + l.site + " block " +
			"lends them to everybody whose pull requests are planned"
	case len(refused) > 0:
		failed.Hint = "a private module could not be read: the repository's token is lent for the repository itself and for what its modules_from names; " +
			"add there " + strings.Join(refused, ", ")
	}
	return err
}

// base is the scheme and host that the token is for; empty if the repository is not read over http.
func (g *Git) base() string {
	u, err := url.Parse(g.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// copyFiles copies, for another user who may not be able to read them, the files of which only their paths are given. The key
// is not among them.
func (g *Git) copyFiles(b Borrower) (*Git, error) {
	lent := *g
	for name, file := range map[string]*string{"git-ca.pem": &lent.CAFile, "known_hosts": &lent.KnownHostsFile} {
		if *file == "" {
			continue
		}
		text, err := os.ReadFile(*file)
		if err == nil {
			*file, err = private.Lend(b.User, filepath.Join(b.Dir, name), text)
		}
		if err != nil {
			return nil, fmt.Errorf("lending what git needs: %w", err)
		}
	}
	return &lent, nil
}

// sshCommand is how git calls ssh, with the options that name the key.
func (g *Git) sshCommand(identity ...string) string {
	args := append([]string{"ssh", "-F", os.DevNull}, identity...)
	args = append(args, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=20")
	if g.KnownHostsFile != "" {
		args = append(args, "-o", "UserKnownHostsFile="+g.KnownHostsFile, "-o", "GlobalKnownHostsFile="+os.DevNull)
	}
	for i := range args {
		args[i] = shellQuote(args[i])
	}
	return strings.Join(args, " ")
}

// shellQuote makes a word of text for the shell through which git runs its helpers.
func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
