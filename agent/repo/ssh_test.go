package repo_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/redact"
)

func TestSSHRefusals(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts sshd for each of many cases")
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	s := gittest.NewSSHD(t, gittest.SSHDOptions{})
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	strange := filepath.Join(dir, "strange")
	gittest.NewKey(t, strange)
	changed := strings.Join(strings.Fields(s.HostKeyLine())[:2], " ") + " " + publicKeyOf(t, strange)
	encrypted := filepath.Join(dir, "encrypted")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", "open sesame", "-f", encrypted)
	ecdsa := filepath.Join(dir, "ecdsa")
	run(t, "ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", ecdsa)
	otherKind := strings.Fields(s.HostKeyLine())[0] + " " + strings.Join(strings.Fields(read(t, ecdsa+".pub"))[:2], " ")

	for name, c := range map[string]struct {
		o    repo.Options
		want error
		hint string
	}{
		"unknown host":            {repo.Options{KnownHostsFile: file("empty", "")}, repo.ErrHostKey, s.HostKeyLine()},
		"no known_hosts file":     {repo.Options{KnownHostsFile: filepath.Join(dir, "absent")}, repo.ErrHostKey, s.HostKeyLine()},
		"changed host key":        {repo.Options{KnownHostsFile: file("changed", changed+"\n")}, repo.ErrHostKey, "man in the middle"},
		"key of another kind":     {repo.Options{KnownHostsFile: file("kind", otherKind+"\n")}, repo.ErrHostKey, "man in the middle"},
		"bad known_hosts":         {repo.Options{KnownHostsFile: file("bad", "host ssh-ed25519 AAAA!\n")}, nil, "mend the line"},
		"key is not accepted":     {repo.Options{SSHKeyFile: strange}, repo.ErrAuth, "deploy key"},
		"key file missing":        {repo.Options{SSHKeyFile: filepath.Join(dir, "absent")}, os.ErrNotExist, "private key"},
		"public key":              {repo.Options{SSHKeyFile: encrypted + ".pub"}, nil, ".pub"},
		"encrypted, no password":  {repo.Options{SSHKeyFile: encrypted}, nil, "passphrase"},
		"encrypted, wrong":        {repo.Options{SSHKeyFile: encrypted, SSHPassphrase: redact.NewSecret(token)}, nil, "passphrase"},
		"encrypted, not let in":   {repo.Options{SSHKeyFile: encrypted, SSHPassphrase: redact.NewSecret("open sesame")}, repo.ErrAuth, "deploy key"},
		"no repository over ssh":  {repo.Options{URL: s.URL(filepath.Join(dir, "nothere.git"))}, repo.ErrNotFound, "deploy key"},
		"quote in path, no shell": {repo.Options{URL: s.URL(filepath.Join(dir, "x'; touch "+dir+"/owned; '!"))}, repo.ErrNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.o.URL == "" {
				c.o.URL = s.URL(g.Bare)
			}
			if c.o.SSHKeyFile == "" {
				c.o.SSHKeyFile = s.KeyFile
			}
			if c.o.KnownHostsFile == "" {
				c.o.KnownHostsFile = s.KnownHostsFile
			}
			r := open(t, c.o)
			_, err := r.Poll(t.Context())
			wantError(t, err, c.want, c.hint)
			wantError(t, r.Fetch(t.Context(), head), c.want, c.hint)
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "owned")); err == nil {
		t.Error("the path was run by a shell")
	}
}

func TestSSHPathIsQuoted(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "it's a! dir")
	must(t, os.Mkdir(root, 0o755))
	g := gittest.NewRepo(t, root, "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	s := gittest.NewSSHD(t, gittest.SSHDOptions{})
	r := open(t, repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile})
	wantTip(t, r, head)
}

func TestSSHAgent(t *testing.T) {
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	s := gittest.NewSSHD(t, gittest.SSHDOptions{})
	key, err := ssh.ParseRawPrivateKey([]byte(read(t, s.KeyFile)))
	must(t, err)
	ring := agent.NewKeyring()
	must(t, ring.Add(agent.AddedKey{PrivateKey: key}))
	socket := filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", socket)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	o := repo.Options{URL: s.URL(g.Bare), KnownHostsFile: s.KnownHostsFile}
	t.Setenv("SSH_AUTH_SOCK", socket)
	wantTip(t, open(t, o), head)
	t.Setenv("SSH_AUTH_SOCK", "")
	_, err = open(t, o).Poll(t.Context())
	wantError(t, err, repo.ErrAuth, "key_file")
}

// publicKeyOf returns the base64 part of a private key's public half.
func publicKeyOf(tb testing.TB, file string) string {
	tb.Helper()
	out, err := exec.Command("ssh-keygen", "-y", "-f", file).Output()
	must(tb, err)
	return strings.Fields(string(out))[1]
}
