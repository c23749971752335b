package terraform

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sallyport/agent/terraform/diag"
	"sallyport/notify/redact"
)

// GitAccess is how init reads private modules: the credentials of the stack's own repository, lent for as long as an init takes.
type GitAccess struct {
	URL         string // of the repository; the token is for its scheme, host and path, and never sent elsewhere
	Username    string // default x-access-token
	Token       redact.Secret
	ModulesFrom []string // paths at that host for which the token is lent too; "*" stands for one part of a path
	CAFile      string   // PEM; replaces git's own certificates for that host

	SSHKeyFile     string // without a passphrase: nobody is there to type it. It is good for all that it may read
	KnownHostsFile string // hosts that are not in it are refused

	// LendToPreviews: token and key are lent for previews too, so that whoever opens a pull request decides which modules are
	// read with them.
	LendToPreviews bool
}

// gitLoan is what git has of the credentials during one init.
type gitLoan struct {
	vars     map[string]string
	token    *lentToken // nil: none
	key      *lentKey   // nil: none, or git has the file
	withheld bool       // there are credentials, and none of them are lent
}

// loan lends an init the credentials, by variables that make git use them.
func (g *GitAccess) loan(o *PlanOptions, env []string) (*gitLoan, error) {
	l := &gitLoan{vars: map[string]string{}}
	if g == nil {
		return l, nil
	}
	if o.User != nil {
		files, err := g.lend(o)
		if err != nil {
			return nil, err
		}
		g = files
	}
	base := g.base()
	l.withheld = o.Preview && !g.LendToPreviews && (g.SSHKeyFile != "" || base != "" && !g.Token.IsZero())
	if err := g.loanKey(l, o); err != nil {
		return nil, err
	}
	var config [][2]string
	if base != "" && !g.Token.IsZero() && !l.withheld {
		var err error
		if l.token, err = serveToken(o.User, filepath.Join(o.OutDir, "git.sock"), g); err != nil {
			l.end()
			return nil, err
		}
		config = append(config, [2]string{"credential." + base + ".helper", "cache --socket=" + shellQuote(l.token.path)},
			[2]string{"credential." + base + ".useHttpPath", "true"})
	}
	if base != "" && g.CAFile != "" {
		config = append(config, [2]string{"http." + base + "/.sslCAInfo", g.CAFile})
	}
	first, _ := strconv.Atoi(lookup(env, "GIT_CONFIG_COUNT")) // the stack may have some of its own
	for i, kv := range config {
		n := strconv.Itoa(first + i)
		l.vars["GIT_CONFIG_KEY_"+n], l.vars["GIT_CONFIG_VALUE_"+n] = kv[0], kv[1]
	}
	if len(config) > 0 {
		l.vars["GIT_CONFIG_COUNT"] = strconv.Itoa(first + len(config))
	}
	return l, nil
}

// loanKey lends the deploy key. Without a loan ssh is given none at all, rather than one that it finds by itself.
func (g *GitAccess) loanKey(l *gitLoan, o *PlanOptions) (err error) {
	const variable = "GIT_SSH_COMMAND"
	switch {
	case g.SSHKeyFile == "":
	case l.withheld:
		l.vars[variable] = g.sshCommand("-o", "IdentityAgent=none", "-o", "IdentityFile=none")
	case o.User == nil:
		l.vars[variable] = g.sshCommand("-i", g.SSHKeyFile, "-o", "IdentitiesOnly=yes")
	default:
		if l.key, err = serveKey(o.User, filepath.Join(o.OutDir, "ssh.sock"), g.SSHKeyFile); err != nil {
			return err
		}
		l.vars[variable] = g.sshCommand("-o", "IdentityAgent="+l.key.path, "-o", "IdentityFile=none")
	}
	return nil
}

// end takes everything back.
func (l *gitLoan) end() {
	if l.key != nil {
		l.key.close()
	}
	if l.token != nil {
		l.token.close()
	}
}

// explain says with a failed init what of the credentials was not lent, as far as that can be why.
func (l *gitLoan) explain(err error) error {
	var failed *diag.Error
	if !errors.As(err, &failed) || failed.Hint != diag.PrivateModule {
		return err
	}
	switch refused := l.token.refusals(); {
	case l.withheld:
		failed.Hint = "a private module could not be read: a preview gets none of the repository's credentials; lend_to_previews = true in its github block " +
			"lends them to everybody whose pull requests are planned"
	case len(refused) > 0:
		failed.Hint = "a private module could not be read: the repository's token is lent for the repository itself and for what its modules_from names; " +
			"add there " + strings.Join(refused, ", ")
	}
	return err
}

// base is the scheme and host that the token is for; empty if the repository is not read over http.
func (g *GitAccess) base() string {
	u, err := url.Parse(g.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// lend copies what the repository's credentials name and another user may not be able to read. The key itself is not
// among it.
func (g *GitAccess) lend(o *PlanOptions) (*GitAccess, error) {
	lent := *g
	for name, file := range map[string]*string{"git-ca.pem": &lent.CAFile, "known_hosts": &lent.KnownHostsFile} {
		if *file == "" {
			continue
		}
		var err error
		if *file, err = o.lendFile(*file, name); err != nil {
			return nil, fmt.Errorf("lending what git needs: %w", err)
		}
	}
	return &lent, nil
}

func (g *GitAccess) sshCommand(identity ...string) string {
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
