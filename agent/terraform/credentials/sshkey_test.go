package credentials

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// A key that is lent signs, for as long as it is lent, and can be neither read nor replaced.
func TestLentKey(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "k") // a socket's path has a limit
	ok(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	ok(t, err)
	file := filepath.Join(dir, "key")
	ok(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	lent, err := serveKey(nil, filepath.Join(dir, "s"), file)
	ok(t, err)
	c, err := net.Dial("unix", lent.path)
	ok(t, err)
	t.Cleanup(func() { _ = c.Close() })
	client := agent.NewClient(c)
	keys, err := client.List()
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %v, error %v", keys, err)
	}
	sig, err := client.Sign(keys[0], []byte("hello"))
	ok(t, err)
	verifier, err := ssh.NewPublicKey(public)
	ok(t, err)
	ok(t, verifier.Verify([]byte("hello"), sig))
	if client.Add(agent.AddedKey{PrivateKey: private}) == nil || client.RemoveAll() == nil || client.Lock([]byte("x")) == nil {
		t.Error("the keys can be changed")
	}
	lent.close()
	if _, err := net.Dial("unix", lent.path); err == nil {
		t.Error("it is lent for ever")
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
