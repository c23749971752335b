package standby_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/standby"
	"sallyport/agent/need"
	"sallyport/agent/standby/etcd"
	"sallyport/notify/golden"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// secret is the value of every secret here.
const secret = "canary-secret-value"

// files makes the files that blocks name.
func files(t *testing.T) string {
	dir := t.TempDir()
	cert, key := certificate(t)
	_, other := certificate(t)
	for _, f := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"ca.pem", cert, 0o644}, {"cert.pem", cert, 0o644}, {"key.pem", key, 0o600}, {"other-key.pem", other, 0o600},
		{"open-key.pem", key, 0o644}, {"no.pem", "hello\n", 0o644}, {"credentials/etcd", secret + "\n", 0o600},
	} {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, f.mode); err != nil { // whatever the umask says
			t.Fatal(err)
		}
	}
	return dir
}

func certificate(t *testing.T) (cert, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}))
}

// read reads one block, and says all that a person is told of it.
func read(t *testing.T, dir, body string, missingWarns bool) (*etcd.Config, string) {
	l := decode.NewReader(decode.Options{CredentialsDir: filepath.Join(dir, "credentials"), Getenv: func(string) string { return "" }, MissingCredentialsWarn: missingWarns}, dir)
	file, ok := l.Parse([]decode.Source{{Name: "sallyport.hcl", Data: []byte(body)}})
	if !ok {
		t.Fatalf("it is no configuration: %v", l.Faults())
	}
	root := l.Content(file, decode.Shape{Blocks: []hcl.BlockHeaderSchema{{Type: "standby"}}})
	c := standby.Read(l, l.Single(root.Blocks, "standby"))
	told := ""
	if l.Failed() {
		told = l.Faults().Error() + "\n"
	}
	for _, w := range l.Warnings() {
		told += "warning: " + w + "\n"
	}
	return c, strings.ReplaceAll(told, dir, "DIR")
}

const three = `endpoints = ["https://10.0.1.5:2379", "https://10.0.2.5:2379", "https://10.0.3.5:2379"]`

// A whole block is taken as it stands, and what is missing in a short one is what the reference says.
func TestRead(t *testing.T) {
	dir := files(t)
	if c, told := read(t, dir, ``, false); c != nil || told != "" {
		t.Errorf("without a block there is %+v, and this is told: %s", c, told)
	}
	c, told := read(t, dir, `standby {
  name  = "bastion-a"
  lease = "10s"
  etcd {
    `+three+`
    prefix    = "/sallyport/infra"
    ca_file   = "ca.pem"
    cert_file = "cert.pem"
    key_file  = "key.pem"
    username  = "sallyport"
    password  = credential("etcd")
  }
}`, false)
	if told != "" || c.Name != "bastion-a" || c.Lease != 10*time.Second || c.Prefix != "/sallyport/infra" || len(c.Endpoints) != 3 || c.Username != "sallyport" || c.Password.Reveal() != secret {
		t.Errorf("a whole block is %+v, and this is told: %s", c, told)
	}
	if err := c.Validate(); err != nil || !strings.Contains(c.CA, "CERTIFICATE") || !strings.Contains(c.Cert, "CERTIFICATE") || !strings.Contains(c.Key.Reveal(), "PRIVATE KEY") {
		t.Errorf("the files of a whole block were not read: %v", err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", c, *c, *c); strings.Contains(shown, secret) || strings.Contains(shown, "PRIVATE KEY") {
		t.Errorf("a secret shows: %s", shown)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	c, told = read(t, dir, "standby {\n etcd {\n"+three+"\n}\n}", false)
	if told != "" || c.Name != host || c.Lease != etcd.DefaultLease || c.Prefix != etcd.DefaultPrefix {
		t.Errorf("a short block is %+v, and this is told: %s", c, told)
	}
}

// What cannot be used is refused, with its place, and never with a secret.
func TestRefused(t *testing.T) {
	dir := files(t)
	inside := func(lines string) string { return "standby {\n  name = \"a\"\n  etcd {\n" + lines + "\n  }\n}" }
	var all strings.Builder
	for _, c := range []struct {
		name, body   string
		missingWarns bool
		taken        bool // it is a warning at most
	}{
		{name: "no etcd", body: "standby {\n}"},
		{name: "two of etcd", body: "standby {\n  etcd {\n" + three + "\n}\n  etcd {\n" + three + "\n}\n}"},
		{name: "two of standby", body: "standby {\n  etcd {\n" + three + "\n}\n}\nstandby {\n}"},
		{name: "no endpoints", body: inside("")},
		{name: "an empty list", body: inside("endpoints = []")},
		{name: "in the open to another host", body: inside(`endpoints = ["http://10.0.1.5:2379"]`)},
		{name: "in the open to this machine", body: inside(`endpoints = ["http://127.0.0.1:2379"]`), taken: true},
		{name: "both", body: inside(`endpoints = ["http://127.0.0.1:2379", "https://10.0.1.5:2379"]`)},
		{name: "no port, a path, a user, twice", body: inside(`endpoints = ["https://etcd", "https://etcd:1/x", "https://u:p@etcd:1", "https://etcd:1", "https://etcd:1"]`)},
		{name: "certificates in the open", body: inside("endpoints = [\"http://127.0.0.1:2379\"]\nca_file = \"ca.pem\"")},
		{name: "a prefix without a slash", body: inside(three + "\nprefix = \"infra\"")},
		{name: "a prefix among the keys of another", body: inside(three + "\nprefix = \"/sallyport/claims\"")},
		{name: "a lease too short", body: "standby {\n  lease = \"1s\"\n  etcd {\n" + three + "\n}\n}"},
		{name: "a lease too long", body: "standby {\n  lease = \"2m\"\n  etcd {\n" + three + "\n}\n}"},
		{name: "a lease in halves", body: "standby {\n  lease = \"2500ms\"\n  etcd {\n" + three + "\n}\n}"},
		{name: "a name with a slash", body: "standby {\n  name = \"a/b\"\n  etcd {\n" + three + "\n}\n}"},
		{name: "a certificate without a key", body: inside(three + "\ncert_file = \"cert.pem\"")},
		{name: "a key without a certificate", body: inside(three + "\nkey_file = \"key.pem\"")},
		{name: "a key that others read", body: inside(three + "\ncert_file = \"cert.pem\"\nkey_file = \"open-key.pem\"")},
		{name: "another certificate's key", body: inside(three + "\ncert_file = \"cert.pem\"\nkey_file = \"other-key.pem\"")},
		{name: "no certificate", body: inside(three + "\nca_file = \"no.pem\"")},
		{name: "no such file", body: inside(three + "\nca_file = \"nowhere.pem\"")},
		{name: "a user without a password", body: inside(three + "\nusername = \"sallyport\"")},
		{name: "a password without a user", body: inside(three + "\npassword = credential(\"etcd\")")},
		{name: "a password in the file", body: inside(three + "\nusername = \"sallyport\"\npassword = \"" + secret + "\""), taken: true},
		{name: "a password for the agent alone", body: inside(three + "\nusername = \"sallyport\"\npassword = credential(\"other\")"), missingWarns: true, taken: true},
		{name: "a word that there is none", body: inside(three + "\nusers = \"sallyport\"")},
	} {
		_, told := read(t, dir, c.body, c.missingWarns)
		if taken := !strings.Contains(strings.ReplaceAll(told, "warning: sallyport.hcl", ""), "sallyport.hcl:"); taken != c.taken {
			t.Errorf("%s: it is taken: %t; told: %s", c.name, taken, told)
		}
		if strings.Contains(told, secret) || strings.Contains(told, "PRIVATE KEY") {
			t.Errorf("%s: a secret shows: %s", c.name, told)
		}
		fmt.Fprintf(&all, "-- %s --\n%s", c.name, told)
	}
	golden.Is(t, "testdata/refused.golden", all.String())
}
