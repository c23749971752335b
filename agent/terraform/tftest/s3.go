package tftest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"sallyport/agent/need"
)

// s3Module is a server for the s3 backend that builds with a plain `go install`.
const s3Module = "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"

// S3Backend starts an S3 server that ends with the test, and returns a backend block for it and the URL of its lock, an object
// that anybody may put there. Its locks, unlike those of [Backend], tell who holds them. The first call on a machine builds the server, as [ProviderMirror] builds providers.
func S3Backend(t testing.TB) (block, lockURL string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no user cache directory for the S3 server: %v", err)
	}
	dir := filepath.Join(cache, "sallyport-test", "s3-1")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("making the directory of the S3 server: %v", err)
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	if err := lock.Lock(); err != nil {
		t.Fatalf("locking the directory of the S3 server: %v", err)
	}
	defer func() { _ = lock.Unlock() }()
	binary := filepath.Join(dir, "gofakes3")
	if _, err := os.Stat(binary); err != nil {
		cmd := exec.Command("go", "install", "-trimpath", s3Module)
		cmd.Dir = t.TempDir() // outside of any module
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			need.Skip(t, "the Go module proxy cannot be reached", fmt.Sprintf("building the S3 server: %v\n%s", err, out))
		}
	}
	address := freeAddress(t)
	server := exec.Command(binary, "-host", address, "-backend", "memory", "-initialbucket", "state", "-quiet")
	if err := server.Start(); err != nil {
		t.Fatalf("starting the S3 server: %v", err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	deadline := time.Now().Add(30 * time.Second)
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server does not answer: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
	return fmt.Sprintf(`terraform {
  backend "s3" {
    bucket                      = "state"
    key                         = "box.tfstate"
    region                      = "us-east-1"
    endpoints                   = { s3 = "http://%s" }
    access_key                  = "test"
    secret_key                  = "test"
    use_path_style              = true
    use_lockfile                = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_s3_checksum            = true
  }
}
`, address), "http://" + address + "/state/box.tfstate.tflock"
}

// freeAddress is a port of the loopback interface that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("looking for a free port: %v", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
