package cloud

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Verb is the hidden verb with which the mirror's script starts this program as the provider.
const Verb = "demo-cloud"

// Source is the provider's address. A name below .invalid belongs to nobody.
const Source = "sallyport.invalid/demo/cloud"

const (
	providerVersion = "1.0.0"
	program         = "terraform-provider-cloud_v" + providerVersion
	protocol        = 6
	// The cookie with which terraform starts a provider.
	cookie      = "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
	certificate = "PLUGIN_CLIENT_CERT="
	// Terraform connects at once; nobody waits for longer for one that has died meanwhile.
	connectPatience = 10 * time.Second
	goodbyePatience = time.Second
)

// Install puts the provider into a mirror, and returns what a lock file says about it. executable is this program.
func (c Cloud) Install(mirror, executable string) (lock string, err error) {
	dir := filepath.Join(mirror, filepath.FromSlash(Source), providerVersion, runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s %s %s\n", shellQuote(executable), Verb, shellQuote(c.dir))
	if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o700); err != nil {
		return "", err
	}
	// A package's hash is that of the list of its files, as those of Go's modules are.
	list := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(script)), program)
	sum := sha256.Sum256([]byte(list))
	return fmt.Sprintf("provider %q {\n  version = %q\n  hashes = [\n    %q,\n  ]\n}\n", Source, providerVersion,
		"h1:"+base64.StdEncoding.EncodeToString(sum[:])), nil
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Main serves the provider to the terraform that has started this process, and returns the exit code. args is the cloud's directory.
func Main(args, environ []string, stdout, stderr io.Writer) int {
	if err := serve(args, environ, stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "sallyport: %s: %v\n", Verb, err)
		return 1
	}
	return 0
}

var errNotStarted = errors.New("this is a part of sallyport demo that terraform starts, and nothing to be started by hand")

func serve(args, environ []string, stdout io.Writer) error {
	var client string
	started := false
	for _, entry := range environ {
		started = started || entry == cookie
		if pem, ok := strings.CutPrefix(entry, certificate); ok {
			client = pem
		}
	}
	if !started || client == "" || len(args) != 1 {
		return errNotStarted
	}
	c, err := open(args[0])
	if err != nil {
		return err
	}
	config, own, err := secure([]byte(client))
	if err != nil {
		return err
	}
	socket := filepath.Join(c.dir, fmt.Sprintf(".%d", os.Getpid()))
	l, err := net.Listen("unix", socket) // removes it when it closes
	if err != nil {
		return err
	}
	p := &served{calls: c.calls(), over: make(chan struct{})}
	server := &http.Server{
		Handler: p, TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0), ConnState: p.connection, ReadHeaderTimeout: connectPatience,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(l, "", "") }()
	if _, err := fmt.Fprintf(stdout, "1|%d|unix|%s|grpc|%s\n", protocol, socket, base64.RawStdEncoding.EncodeToString(own)); err != nil {
		return errors.Join(err, server.Close())
	}
	nobody := time.AfterFunc(connectPatience, p.alone)
	defer nobody.Stop()
	select {
	case err := <-failed:
		return err
	case <-p.over:
	}
	p.work.Lock() // what is under way ends, and nothing begins any more
	ctx, cancel := context.WithTimeout(context.Background(), goodbyePatience)
	defer cancel()
	_ = server.Shutdown(ctx) // what is left ends with the process
	return nil
}

// served is the provider at work.
type served struct {
	calls map[string]call
	work  sync.RWMutex // held while something is asked
	end   sync.Once
	over  chan struct{} // closed when terraform says so, or is gone

	mu          sync.Mutex
	connections int
	ever        bool
}

func (p *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.work.RLock()
	defer p.work.RUnlock()
	if path.Base(r.URL.Path) == "Shutdown" {
		answer(w, r, map[string]call{"Shutdown": nothing})
		p.finish()
		return
	}
	answer(w, r, p.calls)
}

func (p *served) finish() { p.end.Do(func() { close(p.over) }) }

// connection notes who is there: the last to go is terraform, however it ended.
func (p *served) connection(_ net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		p.connections++
		p.ever = true
	case http.StateClosed, http.StateHijacked:
		if p.connections--; p.connections == 0 {
			p.finish()
		}
	}
}

// alone ends it if nobody came.
func (p *served) alone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ever {
		p.finish()
	}
}

// secure is how terraform and this process know each other: each has a certificate for this one conversation. own is ours.
func secure(client []byte) (config *tls.Config, own []byte, err error) {
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(bytes.TrimSpace(client)) {
		return nil, nil, errNotStarted
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, nil, err
	}
	const host = "localhost" // the name that terraform expects
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	own, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{own}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS13,
	}, own, nil
}
