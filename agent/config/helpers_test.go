package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// canary is the value of every secret of the tests; it must not turn up anywhere.
const canary = "canary-secret-value"

// world is a directory with all files that the test configurations name as @DIR@/....
type world struct {
	dir  string
	opts LoadOptions
}

// signers is a file of allowed signers.
const signers = "jane@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{dir: t.TempDir()}
	w.file(t, "deploy_key", "key\n", 0o600)
	w.file(t, "open_key", canary, 0o644)
	w.file(t, "secret", canary+"\n", 0o600)
	w.file(t, "empty", "\n", 0o600)
	w.file(t, "known_hosts", "git.example.com ssh-ed25519 AAAA\n", 0o644)
	w.file(t, "signers", signers, 0o644)
	w.file(t, "writable", "git.example.com ssh-ed25519 AAAA\n", 0o664)
	w.file(t, "terraform", "#!/bin/sh\n", 0o755)
	w.file(t, "credentials/slack-bot-token", "xoxb-"+canary+"\n", 0o600)
	w.file(t, "credentials/slack-app-token", "xapp-1-"+canary+"\n", 0o600)
	w.file(t, "credentials/passphrase", canary+"-phrase", 0o600)
	w.file(t, "credentials/two-lines", canary+"\n"+canary, 0o600)
	w.file(t, "credentials/empty", "", 0o600)
	cert, key := certificate(t)
	w.file(t, "ca.pem", string(cert), 0o644)
	w.file(t, "key.pem", string(key), 0o600)
	w.opts = LoadOptions{
		CredentialsDir: filepath.Join(w.dir, "credentials"),
		Getenv:         func(name string) string { return map[string]string{"CANARY": canary}[name] },
	}
	return w
}

func (w world) file(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask says
		t.Fatal(err)
	}
	return path
}

// config writes a configuration, with @DIR@ resolved.
func (w world) config(t *testing.T, name, text string) string {
	t.Helper()
	return w.file(t, name, strings.ReplaceAll(text, "@DIR@", w.dir), 0o644)
}

// load loads a configuration that must be right.
func (w world) load(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := Load(w.config(t, "sallyport.hcl", text), w.opts)
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	return cfg
}

// faults loads a configuration that must be wrong.
func (w world) faults(t *testing.T, path string) *Faults {
	t.Helper()
	_, err := Load(path, w.opts)
	var faults *Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want faults", err)
	}
	return faults
}

// render is what a person sees, without the directory of the test.
func (w world) render(t *testing.T, f *Faults) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Render(&b, false, 0); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), w.dir, "@DIR@")
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}
