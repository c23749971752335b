package terraform

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sallyport/notify/redact"
)

// GitAccess is how init reads private modules: the credentials of the stack's own repository, for that host only.
type GitAccess struct {
	URL      string // of the repository; the token is for its scheme and host, and never sent elsewhere
	Username string // default x-access-token
	Token    redact.Secret
	CAFile   string // PEM; replaces git's own certificates for that host

	SSHKeyFile     string // without a passphrase: nobody is there to type it
	KnownHostsFile string // hosts that are not in it are refused
}

// environment returns the variables that make git use the credentials, and what takes their files away again.
func (g *GitAccess) environment(o *PlanOptions, env []string) (map[string]string, func(), error) {
	vars, cleanup := map[string]string{}, func() {}
	if g == nil {
		return vars, cleanup, nil
	}
	if o.User != nil {
		lent, err := g.lend(o)
		if err != nil {
			return nil, nil, err
		}
		g = lent
	}
	if g.SSHKeyFile != "" && o.User == nil {
		vars["GIT_SSH_COMMAND"] = g.sshCommand("-i", g.SSHKeyFile, "-o", "IdentitiesOnly=yes")
	} else if g.SSHKeyFile != "" {
		keys, err := serveKey(o.User, filepath.Join(o.OutDir, "ssh.sock"), g.SSHKeyFile)
		if err != nil {
			return nil, nil, err
		}
		cleanup = keys.close
		vars["GIT_SSH_COMMAND"] = g.sshCommand("-o", "IdentityAgent="+keys.path, "-o", "IdentityFile=none")
	}
	var config [][2]string
	base := g.base()
	if base != "" && !g.Token.IsZero() {
		path := filepath.Join(o.writable(), "git-credentials")
		if err := errors.Join(os.RemoveAll(path), writePrivateFor(o.User, path, []byte(g.credentials(base)))); err != nil {
			return nil, nil, fmt.Errorf("writing git's credentials: %w", err)
		}
		cleanup = func() { _ = os.Remove(path) }
		config = append(config, [2]string{"credential." + base + ".helper", "store --file=" + shellQuote(path)})
	}
	if base != "" && g.CAFile != "" {
		config = append(config, [2]string{"http." + base + "/.sslCAInfo", g.CAFile})
	}
	first, _ := strconv.Atoi(lookup(env, "GIT_CONFIG_COUNT")) // the stack may have some of its own
	for i, kv := range config {
		n := strconv.Itoa(first + i)
		vars["GIT_CONFIG_KEY_"+n], vars["GIT_CONFIG_VALUE_"+n] = kv[0], kv[1]
	}
	if len(config) > 0 {
		vars["GIT_CONFIG_COUNT"] = strconv.Itoa(first + len(config))
	}
	return vars, cleanup, nil
}

// base is the scheme and host that the token is for; empty if the repository is not read over http.
func (g *GitAccess) base() string {
	u, err := url.Parse(g.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// credentials is the content of a git-credential-store file.
func (g *GitAccess) credentials(base string) string {
	name := g.Username
	if name == "" {
		name = "x-access-token"
	}
	scheme, host, _ := strings.Cut(base, "://")
	return scheme + "://" + url.UserPassword(name, g.Token.Reveal()).String() + "@" + host + "\n"
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
