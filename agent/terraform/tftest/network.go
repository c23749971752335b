package tftest

import (
	"archive/zip"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// NetworkMirror is a provider mirror over https on loopback: terraform downloads packages from it and unpacks them, as
// it does from the public registry.
type NetworkMirror struct {
	URL       string // with a slash at its end
	CLIConfig string // a CLI configuration that knows this mirror only
	CAFile    string // to be SSL_CERT_FILE in terraform's environment
	Downloads atomic.Int32

	server *httptest.Server
	zips   map[string]string // by file name
}

// NewNetworkMirror serves what [ProviderMirror] holds until the test ends or [NetworkMirror.Close].
func NewNetworkMirror(t testing.TB) *NetworkMirror {
	t.Helper()
	mirror := ProviderMirror(t)
	m := &NetworkMirror{zips: make(map[string]string)}
	dir := t.TempDir()
	for _, p := range providers() {
		name := p.binary() + ".zip"
		m.zips[name] = filepath.Join(dir, name)
		binary := filepath.Join(mirror, registry, p.address(), p.version, platform(), p.binary())
		if err := pack(m.zips[name], binary); err != nil {
			t.Fatalf("packing provider %s: %v", p.name, err)
		}
	}
	m.server = httptest.NewTLSServer(m)
	t.Cleanup(m.Close)
	m.URL = m.server.URL + "/"
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.server.Certificate().Raw})
	m.CAFile = writeFile(t, "ca.pem", string(cert))
	m.CLIConfig = writeFile(t, "terraform.rc", fmt.Sprintf("provider_installation {\n  network_mirror {\n    url = %q\n  }\n}\n", m.URL))
	return m
}

// Close makes the mirror unreachable: connections are refused.
func (m *NetworkMirror) Close() { m.server.Close() }

// ServeHTTP implements the provider network mirror protocol.
func (m *NetworkMirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base := path.Base(r.URL.Path)
	if file, ok := m.zips[base]; ok {
		if r.Method == http.MethodGet { // go-getter asks with HEAD first
			m.Downloads.Add(1)
		}
		http.ServeFile(w, r, file)
		return
	}
	for _, p := range providers() {
		if !strings.HasPrefix(r.URL.Path, "/"+registry+"/"+p.address()+"/") {
			continue
		}
		w.Header().Set("Content-Type", "application/json")
		switch base {
		case "index.json":
			_ = json.NewEncoder(w).Encode(map[string]any{"versions": map[string]any{p.version: struct{}{}}})
			return
		case p.version + ".json":
			_ = json.NewEncoder(w).Encode(map[string]any{"archives": map[string]any{
				platform(): map[string]string{"url": p.binary() + ".zip"},
			}})
			return
		}
	}
	http.NotFound(w, r)
}

// pack makes a provider's zip. It is stored, not deflated: tests have better things to do.
func pack(to, binary string) (err error) {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	in, err := os.Open(binary)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	z := zip.NewWriter(out)
	header := &zip.FileHeader{Name: filepath.Base(binary), Method: zip.Store}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	return z.Close()
}
