package trust_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"sallyport/agent/need"
	"sallyport/agent/trust"
)

var now = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const commit = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor Jane <jane@example.com> 1746515289 +0000\n" +
	"committer Jane <jane@example.com> 1746515289 +0000\n\nA commit\n\ngpgsig in the message is none\n"

// with puts a signature where git does.
func with(signature string) string {
	head, body, _ := strings.Cut(commit, "\n\n")
	return head + "\ngpgsig " + strings.ReplaceAll(strings.TrimSuffix(signature, "\n"), "\n", "\n ") + "\n\n" + body
}

// pgpKey makes an OpenPGP key that is valid for a time from when it was made; 0: for ever.
func pgpKey(t *testing.T, made time.Time, lifetime time.Duration) (*openpgp.Entity, string) {
	t.Helper()
	e, err := openpgp.NewEntity("Jane", "", "jane@example.com", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made }, KeyLifetimeSecs: uint32(lifetime.Seconds()),
	})
	must(t, err)
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	must(t, err)
	must(t, e.Serialize(w))
	must(t, w.Close())
	return e, b.String()
}

func pgpSign(t *testing.T, e *openpgp.Entity, at time.Time, text string) string {
	t.Helper()
	var b bytes.Buffer
	must(t, openpgp.ArmoredDetachSign(&b, e, strings.NewReader(text), &packet.Config{Time: func() time.Time { return at }}))
	return b.String() + "\n"
}

func sshKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	s, err := ssh.NewSignerFromKey(private)
	must(t, err)
	return s, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

func sshSign(t *testing.T, s ssh.Signer, namespace, text string) string {
	t.Helper()
	sig, err := sshsig.Sign(strings.NewReader(text), s, sshsig.HashSHA512, namespace)
	must(t, err)
	return string(sshsig.Armor(sig))
}

func TestSigner(t *testing.T) {
	year := 365 * 24 * time.Hour
	jane, janeKey := pgpKey(t, now.Add(-time.Hour), 0)
	mallory, _ := pgpKey(t, now.Add(-time.Hour), 0)
	old, oldKey := pgpKey(t, now.Add(-2*year), year)
	signer, line := sshKey(t)
	stranger, _ := sshKey(t)
	pgp := trust.Files{OpenPGP: janeKey + oldKey}
	signers := func(options string) trust.Files {
		return trust.Files{AllowedSigners: "# people\n\njane@example.com " + options + line + "\n"}
	}
	for name, c := range map[string]struct {
		files  trust.Files
		commit string
		want   error // nil: trusted
	}{
		"unsigned":                     {pgp, commit, trust.ErrUnsigned},
		"openpgp":                      {pgp, with(pgpSign(t, jane, now.Add(-time.Minute), commit)), nil},
		"openpgp, unknown key":         {pgp, with(pgpSign(t, mallory, now.Add(-time.Minute), commit)), trust.ErrUnknownKey},
		"openpgp, expired key":         {pgp, with(pgpSign(t, old, now.Add(-2*year+time.Hour), commit)), trust.ErrExpired},
		"openpgp, of something else":   {pgp, with(pgpSign(t, jane, now.Add(-time.Minute), commit+"more")), trust.ErrBad},
		"openpgp, only ssh is trusted": {signers(""), with(pgpSign(t, jane, now.Add(-time.Minute), commit)), trust.ErrUnknownKey},
		"ssh":                          {signers(""), with(sshSign(t, signer, "git", commit)), nil},
		"ssh, unknown key":             {signers(""), with(sshSign(t, stranger, "git", commit)), trust.ErrUnknownKey},
		"ssh, of a file":               {signers(""), with(sshSign(t, signer, "file", commit)), trust.ErrBad},
		"ssh, of something else":       {signers(""), with(sshSign(t, signer, "git", commit+"more")), trust.ErrBad},
		"ssh, key has expired":         {signers(`valid-before="20260101Z" `), with(sshSign(t, signer, "git", commit)), trust.ErrExpired},
		"ssh, key is not valid yet":    {signers(`valid-after="20270101" `), with(sshSign(t, signer, "git", commit)), trust.ErrExpired},
		"ssh, key is valid":            {signers(`valid-after="20260101",valid-before="202701010000" `), with(sshSign(t, signer, "git", commit)), nil},
		"ssh, namespace of git":        {signers(`namespaces="file,git" `), with(sshSign(t, signer, "git", commit)), nil},
		"ssh, both kinds are trusted": {trust.Files{OpenPGP: janeKey, AllowedSigners: signers("").AllowedSigners},
			with(sshSign(t, signer, "git", commit)), nil},
		"of no known kind":             {pgp, with("-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----"), trust.ErrUnknownKey},
		"not a signature":              {pgp, with("-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----"), trust.ErrBad},
		"two signatures":               {pgp, strings.Replace(with(pgpSign(t, jane, now, commit)), "\n\nA commit", "\ngpgsig x\n\nA commit", 1), trust.ErrBad},
		"a signature in the message":   {pgp, commit + "\ngpgsig " + pgpSign(t, jane, now, commit), trust.ErrUnsigned},
		"a header after it was signed": {pgp, strings.Replace(with(pgpSign(t, jane, now, commit)), "\n\nA commit", "\nencoding x\n\nA commit", 1), trust.ErrBad},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := trust.Parse(c.files)
			must(t, err)
			who, err := keys.Signer([]byte(c.commit), now)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("signer %q, error %v, want %v", who, err, c.want)
			}
			if err == nil && !strings.Contains(who, "jane@example.com") {
				t.Errorf("signed by %q", who)
			}
		})
	}
}

func TestBadKeys(t *testing.T) {
	_, line := sshKey(t)
	for name, f := range map[string]trust.Files{
		"none":                  {},
		"no OpenPGP":            {OpenPGP: "hello"},
		"no key in the line":    {AllowedSigners: "jane@example.com hello"},
		"only comments":         {AllowedSigners: "# nobody\n"},
		"for files only":        {AllowedSigners: `jane@example.com namespaces="file" ` + line},
		"an authority":          {AllowedSigners: "jane@example.com cert-authority " + line},
		"an option of tomorrow": {AllowedSigners: `jane@example.com only-on-mondays ` + line},
		"no time":               {AllowedSigners: `jane@example.com valid-before="tomorrow" ` + line},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := trust.Parse(f); err == nil {
				t.Error("they were taken")
			}
		})
	}
}

// What git, gpg and ssh-keygen really make.
func TestRealSignatures(t *testing.T) {
	for _, tool := range []string{"git", "gpg", "ssh-keygen"} {
		need.Program(t, tool)
	}
	dir, err := os.MkdirTemp("", "trust") // gpg-agent's socket wants a short path
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	env := append(os.Environ(), "GNUPGHOME="+dir, "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Jane", "GIT_AUTHOR_EMAIL=jane@example.com", "GIT_COMMITTER_NAME=Jane", "GIT_COMMITTER_EMAIL=jane@example.com")
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, env
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, &said)
		}
		return string(out)
	}
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", dir, "--kill", "gpg-agent").Run() })
	run("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "jane@example.com", "ed25519", "sign", "1y")
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key")
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	must(t, err)
	keys, err := trust.Parse(trust.Files{OpenPGP: run("gpg", "--export", "--armor"), AllowedSigners: "jane@example.com " + string(public)})
	must(t, err)
	run("git", "init", "-q", "repo")
	for format, key := range map[string]string{"openpgp": "jane@example.com", "ssh": filepath.Join(dir, "key")} {
		run("git", "-C", "repo", "-c", "gpg.format="+format, "-c", "user.signingkey="+key, "commit", "-q", "-S", "--allow-empty", "-m", "signed\n\nwith "+format)
		raw := run("git", "-C", "repo", "cat-file", "commit", "HEAD")
		if who, err := keys.Signer([]byte(raw), time.Now()); err != nil || !strings.Contains(who, "jane@example.com") {
			t.Errorf("%s: signed by %q, error %v\n%s", format, who, err, raw)
		}
		if _, err := keys.Signer([]byte(raw), time.Now().Add(3*365*24*time.Hour)); format == "openpgp" && !errors.Is(err, trust.ErrExpired) {
			t.Errorf("%s, after the key has expired: %v", format, err)
		}
		if _, err := keys.Signer([]byte(strings.Replace(raw, "with ", "with more ", 1)), time.Now()); !errors.Is(err, trust.ErrBad) {
			t.Errorf("%s, edited: %v", format, err)
		}
	}
}
