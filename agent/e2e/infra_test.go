package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"sallyport/agent/repo/gittest"
)

// gitToken is the password of the git server; it must never be seen anywhere.
const gitToken = "canary-git-token-4f8e1d"

// infra is an infrastructure repository behind git http-backend, with TLS by an authority of its own and a token.
type infra struct {
	*gittest.Repo
	t         *testing.T
	server    *gittest.HTTP
	tokenFile string
	down      atomic.Bool // the server hangs up on everybody
}

func newInfra(t *testing.T) *infra {
	t.Helper()
	whole(t) // before repository and server are made
	i := &infra{Repo: gittest.NewRepo(t, "", "infra"), t: t}
	i.server = gittest.NewHTTP(t, i.Root(), gittest.HTTPOptions{Token: gitToken, Before: func(http.ResponseWriter, *http.Request) bool {
		if i.down.Load() {
			panic(http.ErrAbortHandler)
		}
		return true
	}})
	i.tokenFile = write(t, filepath.Join(t.TempDir(), "token"), gitToken+"\n")
	return i
}

// block is the repository's block of a configuration.
func (i *infra) block() string { return i.blockAt("infra", i.server.URL(i.Name)) }

func (i *infra) blockAt(name, url string) string {
	return fmt.Sprintf(`
repository %q {
  url      = %q
  branch   = "main"
  schedule = "@every 1s"
  token    = file(%q)
  ca_file  = %q
}
`, name, url, i.tokenFile, i.server.CAFile)
}

// box is a configuration with one stack "box" in the directory of that name.
func (i *infra) box(attributes ...string) string { return i.block() + stackBlock("box", attributes...) }

func stackBlock(name string, attributes ...string) string {
	return fmt.Sprintf("stack %q {\n  dir = %q\n  %s\n}\n", name, name, strings.Join(attributes, "\n  "))
}

// thing is a terraform_data resource, which needs no provider from anywhere.
func thing(name, input string) string {
	return fmt.Sprintf("resource \"terraform_data\" %q {\n  input = %q\n}\n", name, input)
}

// gated is a resource whose creation writes a line to DIR/ran and then waits for the file DIR/go.
func gated(dir string, attributes ...string) string {
	return fmt.Sprintf(`
resource "terraform_data" "gated" {
  %[2]s
  provisioner "local-exec" {
    command = "echo ran >> %[1]s/ran; until [ -e %[1]s/go ]; do sleep 0.05; done"
  }
}
`, dir, strings.Join(attributes, "\n  "))
}

// open opens the gate of a gated resource.
func open(t *testing.T, gate string) {
	t.Helper()
	write(t, filepath.Join(gate, "go"), "")
}

// times is how many lines a file has; none if it is not there.
func times(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n")
}

// wrapper is a terraform { binary } that runs a shell line before the real one; the line sees terraform's arguments.
func wrapper(t *testing.T, line string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "terraform")
	script := "#!/bin/sh\n" + line + "\nexec " + terraformPath(t) + " \"$@\"\n"
	program(t, file, []byte(script))
	return file
}

// program writes a file that is run. No other test may start a process meanwhile: it would hold the file open for writing until
// its own exec, and running the file in that moment fails with "text file busy".
func program(t *testing.T, file string, content []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, content, 0o755); err != nil {
		t.Fatal(err)
	}
}
