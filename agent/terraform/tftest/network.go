package tftest

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

	server   *httptest.Server
	packages []Package
	dir      string // of their archives
}

// Package is a provider in a [NetworkMirror].
type Package struct {
	Address string // namespace/type at the public registry
	Version string
	Program string // the file of a provider that terraform can start; empty: one that can be installed and no more
	Padding int64  // so many bytes that do not compress lie beside it, for a provider as large as those of clouds
}

// Providers are the packages of [ProviderMirror].
func Providers(t testing.TB) []Package {
	t.Helper()
	mirror := ProviderMirror(t)
	var all []Package
	for _, p := range providers() {
		program := filepath.Join(mirror, registry, p.address(), p.version, platform(), p.binary())
		all = append(all, Package{Address: p.address(), Version: p.version, Program: program})
	}
	return all
}

// archive is the file name of the package's archive.
func (p Package) archive() string {
	return strings.ReplaceAll(p.Address, "/", "_") + "_" + p.Version + ".zip"
}

// NewNetworkMirror serves packages, those of [ProviderMirror] if none are named, until the test ends or [NetworkMirror.Close].
func NewNetworkMirror(t testing.TB, packages ...Package) *NetworkMirror {
	t.Helper()
	if len(packages) == 0 {
		packages = Providers(t)
	}
	m := &NetworkMirror{packages: packages, dir: t.TempDir()}
	for _, p := range packages {
		if err := p.pack(filepath.Join(m.dir, p.archive())); err != nil {
			t.Fatalf("packing provider %s: %v", p.Address, err)
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

// Checksum is what a lock file says of the archive of a package.
func (m *NetworkMirror) Checksum(t testing.TB, p Package) string {
	t.Helper()
	sum := sha256.New()
	if err := copyFile(sum, filepath.Join(m.dir, p.archive())); err != nil {
		t.Fatalf("digesting a provider's archive: %v", err)
	}
	return "zh:" + hex.EncodeToString(sum.Sum(nil))
}

// ServeHTTP implements the provider network mirror protocol.
func (m *NetworkMirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base := path.Base(r.URL.Path)
	for _, p := range m.packages {
		if !strings.HasPrefix(r.URL.Path, "/"+registry+"/"+p.Address+"/") {
			continue
		}
		switch base {
		case p.archive():
			if r.Method == http.MethodGet { // go-getter asks with HEAD first
				m.Downloads.Add(1)
			}
			http.ServeFile(w, r, filepath.Join(m.dir, base))
			return
		case "index.json":
			versions := map[string]any{}
			for _, other := range m.packages {
				if other.Address == p.Address {
					versions[other.Version] = struct{}{}
				}
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"versions": versions})
			return
		case p.Version + ".json":
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"archives": map[string]any{
				platform(): map[string]string{"url": p.archive()},
			}})
			return
		}
	}
	http.NotFound(w, r)
}

// pack makes the package's archive. It is stored, not deflated: tests have better things to do.
func (p Package) pack(to string) (err error) {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	z := zip.NewWriter(out)
	header := &zip.FileHeader{Name: fmt.Sprintf("terraform-provider-%s_v%s", path.Base(p.Address), p.Version), Method: zip.Store}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	if p.Program == "" {
		_, err = io.WriteString(w, p.Address)
	} else {
		err = copyFile(w, p.Program)
	}
	if err != nil {
		return err
	}
	if p.Padding > 0 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "PADDING", Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := io.CopyN(w, rand.NewChaCha8([32]byte{1}), p.Padding); err != nil {
			return err
		}
	}
	return z.Close()
}

func copyFile(w io.Writer, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = io.Copy(w, in)
	return err
}
