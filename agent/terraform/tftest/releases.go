package tftest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Releases stands in for releases.hashicorp.com: it has one version of terraform, laid out and signed as there.
type Releases struct {
	URL       string
	PublicKey string       // armoured
	Downloads atomic.Int32 // of the archive

	server *httptest.Server
	files  map[string][]byte // by path
}

// NewReleases serves a version whose binary is the file given, until the test ends or [Releases.Close].
func NewReleases(t testing.TB, version, binary string) *Releases {
	t.Helper()
	r := &Releases{files: make(map[string][]byte)}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	r.URL = r.server.URL
	if err := r.fill(version, binary); err != nil {
		t.Fatalf("making a release of terraform: %v", err)
	}
	return r
}

// Close makes the site unreachable: connections are refused.
func (r *Releases) Close() { r.server.Close() }

// Spoil changes the archive, whose checksum is signed already.
func (r *Releases) Spoil() {
	for name := range r.files {
		if path.Ext(name) == ".zip" {
			r.files[name] = append(r.files[name], 0)
		}
	}
}

func (r *Releases) fill(version, binary string) error {
	key, err := openpgp.NewEntity("Stand-in", "", "releases@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		return err
	}
	var public bytes.Buffer
	w, err := armor.Encode(&public, openpgp.PublicKeyType, nil)
	if err != nil {
		return err
	}
	if err := key.Serialize(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	r.PublicKey = public.String()

	data, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	archive, err := packed(data)
	if err != nil {
		return err
	}
	dir, base := "/terraform/"+version+"/", "terraform_"+version
	zipped, sums := fmt.Sprintf("%s_%s.zip", base, platform()), base+"_SHA256SUMS"
	r.files[dir+zipped] = archive
	r.files[dir+sums] = fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(archive), zipped)
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, key, bytes.NewReader(r.files[dir+sums]), nil); err != nil {
		return err
	}
	r.files[dir+sums+".sig"] = signature.Bytes()
	r.files[dir+"index.json"], err = json.Marshal(map[string]any{
		"name": "terraform", "version": version, "shasums": sums, "shasums_signature": sums + ".sig",
		"builds": []map[string]string{{"name": "terraform", "version": version, "os": runtime.GOOS, "arch": runtime.GOARCH,
			"filename": zipped, "url": r.URL + dir + zipped}},
	})
	return err
}

// packed is a zip archive with a binary in it.
func packed(binary []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "terraform", Method: zip.Store}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ServeHTTP is the site.
func (r *Releases) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	data, ok := r.files[req.URL.Path]
	if !ok {
		http.NotFound(w, req)
		return
	}
	kind := map[string]string{".json": "application/json", ".zip": "application/zip"}[path.Ext(req.URL.Path)]
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	if req.Method == http.MethodGet {
		_, _ = w.Write(data)
		if kind == "application/zip" {
			r.Downloads.Add(1)
		}
	}
}
