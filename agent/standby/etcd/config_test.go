package etcd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/agent/standby/etcd"
	"sallyport/notify/redact"
)

func good() etcd.Config {
	return etcd.Config{
		Endpoints: []string{"http://127.0.0.1:2379", "http://[::1]:2379", "http://localhost:1"},
		Prefix:    "/sallyport/infra", Name: "bastion-a", Lease: etcd.DefaultLease,
	}
}

// pair makes a certificate and its key.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func TestValidate(t *testing.T) {
	t.Parallel()
	cert, key := pair(t)
	_, other := pair(t)
	tests := []struct {
		name  string
		spoil func(c *etcd.Config)
		want  string // empty: good
	}{
		{"on this machine", func(*etcd.Config) {}, ""},
		{"with certificates", func(c *etcd.Config) {
			c.Endpoints, c.CA, c.Cert, c.Key = []string{"https://10.0.1.5:2379"}, cert, cert, redact.NewSecret(key)
		}, ""},
		{"a user", func(c *etcd.Config) { c.Username, c.Password = "agent", redact.NewSecret("hunter2") }, ""},
		{"no endpoint", func(c *etcd.Config) { c.Endpoints = nil }, "no endpoint is given"},
		{"plain to another host", func(c *etcd.Config) { c.Endpoints = []string{"http://10.0.1.5:2379"} }, "not encrypted and not on this machine"},
		{"plain to a name that begins like this machine", func(c *etcd.Config) { c.Endpoints = []string{"http://localhost.evil.example:2379"} }, "not encrypted"},
		{"some plain", func(c *etcd.Config) { c.Endpoints = append(c.Endpoints, "https://10.0.1.5:2379") }, "some endpoints are encrypted and some are not"},
		{"no port", func(c *etcd.Config) { c.Endpoints = []string{"https://10.0.1.5"} }, "an endpoint is like https://10.0.1.5:2379"},
		{"no scheme", func(c *etcd.Config) { c.Endpoints = []string{"10.0.1.5:2379"} }, "an endpoint is not an address"},
		{"a path", func(c *etcd.Config) { c.Endpoints = []string{"https://10.0.1.5:2379/x"} }, "an endpoint is like"},
		{"a password in the address", func(c *etcd.Config) { c.Endpoints = []string{"https://u:hunter2@10.0.1.5:2379"} }, "username and password have attributes of their own"},
		{"a password in what is no address", func(c *etcd.Config) { c.Endpoints = []string{"https://u:hunter2@10.0.1.5:port"} }, "an endpoint is not an address"},
		{"a certificate without a key", func(c *etcd.Config) { c.Endpoints, c.Cert = []string{"https://10.0.1.5:2379"}, cert }, "belong together"},
		{"a key of another certificate", func(c *etcd.Config) {
			c.Endpoints, c.Cert, c.Key = []string{"https://10.0.1.5:2379"}, cert, redact.NewSecret(other)
		}, "reading the client's certificate and key"},
		{"an authority that is none", func(c *etcd.Config) { c.Endpoints, c.CA = []string{"https://10.0.1.5:2379"}, "/etc/ca.pem" }, "not in PEM"},
		{"certificates without encryption", func(c *etcd.Config) { c.CA = cert }, "the endpoints are not encrypted"},
		{"a user without a password", func(c *etcd.Config) { c.Username = "agent" }, "one of them is missing"},
		{"a password without a user", func(c *etcd.Config) { c.Password = redact.NewSecret("hunter2") }, "one of them is missing"},
		{"no prefix", func(c *etcd.Config) { c.Prefix = "" }, "the prefix must be like"},
		{"a prefix that ends in a slash", func(c *etcd.Config) { c.Prefix = "/sallyport/" }, "the prefix must be like"},
		{"a prefix without a slash", func(c *etcd.Config) { c.Prefix = "sallyport" }, "the prefix must be like"},
		{"a prefix in another life's keys", func(c *etcd.Config) { c.Prefix = "/sallyport/log/x" }, `another life would have its own "log"`},
		{"a long prefix", func(c *etcd.Config) { c.Prefix = "/" + strings.Repeat("x", 200) }, "at most 200 bytes"},
		{"a name with a slash", func(c *etcd.Config) { c.Name = "a/b" }, "a member's name"},
		{"a lease that is too short", func(c *etcd.Config) { c.Lease = time.Second }, "the lease must be 2s to 1m0s, not 1s"},
		{"a lease that is too long", func(c *etcd.Config) { c.Lease = time.Hour }, "the lease must be"},
		{"a lease of half seconds", func(c *etcd.Config) { c.Lease = 2500 * time.Millisecond }, "whole seconds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good()
			tt.spoil(&c)
			err := c.Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Fatalf("got %v, want %q", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Fatalf("a secret is in the error: %v", err)
			}
			if tt.want == "" {
				return
			}
			if _, err := etcd.Dial(context.Background(), c); err == nil {
				t.Error("a client was made of what is not valid")
			}
		})
	}
}

// Secrets leave through Encode only, and come back whole.
func TestSecretsGoThroughThePipeOnly(t *testing.T) {
	t.Parallel()
	c := good()
	c.Username, c.Password = "agent", redact.NewSecret("hunter2")
	plain, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(plain), fmt.Sprint(c), fmt.Sprintf("%#v %+v", c, &c)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the password prints: %s", text)
		}
	}
	raw, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := etcd.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if back.Password.Reveal() != "hunter2" || back.Prefix != c.Prefix || back.Lease != c.Lease || !slices.Equal(back.Endpoints, c.Endpoints) {
		t.Errorf("got %+v back", back)
	}
	for _, bad := range []string{"", "{}", `{"password":7}`, strings.ReplaceAll(string(raw), "http:", "file:")} {
		if _, err := etcd.Decode([]byte(bad)); err == nil {
			t.Errorf("%s was taken for a configuration", bad)
		}
	}
}

func TestKeysKeepTheirOrderAndTheirLife(t *testing.T) {
	t.Parallel()
	k := good().Keys()
	numbers := []string{k.Log(9), k.Log(10), k.Log(1 << 62)}
	if !slices.IsSorted(numbers) {
		t.Errorf("etcd would hand these out in another order: %q", numbers)
	}
	for _, key := range []string{
		k.Life(), k.Leader(), k.Head(), k.Log(1), k.Chunk(1, 2, 3), k.Snapshot(1), k.Piece(1, 2, 3), k.Member("a"), k.Claim(7), k.Alive(7), k.Result(7), k.Stop(7),
	} {
		if !strings.HasPrefix(key, k.All()) {
			t.Errorf("%s does not lie in its life", key)
		}
		if err := etcd.Prefix(key); err == nil {
			t.Errorf("%s could be the prefix of another life", key)
		}
	}
}

// Nobody answers at port 1: without a user that is found out by the first call, with one before the client is there.
func TestDialDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	c := good()
	c.Endpoints = []string{"http://127.0.0.1:1"}
	client, err := etcd.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	c.Username, c.Password = "agent", redact.NewSecret("hunter2")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := etcd.Dial(ctx, c); err == nil {
		t.Error("a client was made though nobody was asked to let it in")
	}
}
