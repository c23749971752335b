package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo/gittest"
)

// Each repository fails in a way of its own: the status says which and what to do, and the good one beside them works.
func TestRepositoryFaults(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add", map[string]string{"good/main.tf": thing("a", "one")})
	empty := gittest.NewRepo(t, i.Root(), "empty")
	badToken := write(t, filepath.Join(t.TempDir(), "token"), "not-the-token-at-all")
	d := gittest.NewSSHD(t, gittest.SSHDOptions{})
	knowsNobody := write(t, filepath.Join(t.TempDir(), "known_hosts"), "other.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7rgIcz3Xg8pZ6kmBYtX8bQ7RvGSDqAsI0cCiEg8hmT\n")

	body := i.blockAt("good", i.server.URL(i.Name)) + i.blockAt("empty", i.server.URL(empty.Name)) +
		strings.Replace(i.blockAt("branch", i.server.URL(i.Name)), `"main"`, `"nosuch"`, 1) +
		i.blockAt("missing", i.server.URL("missing.git")) +
		strings.Replace(i.blockAt("token", i.server.URL(i.Name)), i.tokenFile, badToken, 1) +
		strings.Replace(i.blockAt("certificate", i.server.URL(i.Name)), i.server.CAFile, otherCA(t), 1) +
		i.blockAt("refused", "https://127.0.0.1:1/infra.git") +
		fmt.Sprintf("repository \"hostkey\" {\n  url = %q\n  branch = \"main\"\n  schedule = \"@every 1s\"\n  ssh {\n    key_file = %q\n    known_hosts_file = %q\n  }\n}\n",
			d.URL(i.Bare), d.KeyFile, knowsNobody)
	wants := map[string][2]string{
		"empty":       {"repository is empty", "push a first commit"},
		"branch":      {"branch not found", "main"},
		"missing":     {"repository not found", "check the path"},
		"token":       {"access refused", "token"},
		"certificate": {"certificate", "ca_file"},
		"refused":     {"connection refused", ""},
		"hostkey":     {"host key", strings.Fields(d.HostKeyLine())[2]},
	}
	for name := range wants {
		body += fmt.Sprintf("stack %q {\n  repository = %q\n  dir = \"box\"\n}\n", "of-"+name, name)
	}
	h := newHouse(t, body+"stack \"good\" {\n  repository = \"good\"\n  dir = \"good\"\n}\n").start()
	h.reaches("good", "planned")
	s := h.sees("every fault", func(s status) bool {
		n := 0
		for _, r := range s.Repositories {
			if r.Error != "" {
				n++
			}
		}
		return n == len(wants)
	})
	for _, r := range s.Repositories {
		want := wants[r.Name]
		if r.Name != "good" && !(has(r.Error, want[0]) && has(r.Hint, want[1])) {
			t.Errorf("%s: error %q, hint %q, want %q", r.Name, r.Error, r.Hint, want)
		}
		if r.Name != "good" && !strings.Contains(h.Logged(), "repository="+r.Name) {
			t.Errorf("the log does not name %s", r.Name)
		}
	}
	h.must("approve", h.number("good"))
	h.reaches("1", "applied")
	empty.Commit("The first", map[string]string{"box/main.tf": thing("a", "one")})
	h.reaches("of-empty", "planned")
}

// otherCA is a PEM file of an authority that has nothing to do with any server of the test.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return write(t, filepath.Join(t.TempDir(), "ca.pem"), string(block))
}

// The branch goes away and comes back: what waits goes on waiting, and nothing is lost.
func TestBranchGoneAndBack(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	head := i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box()).start()
	h.reaches("1", "planned")
	i.GitBare("branch", "-m", "main", "trunk")
	s := h.sees("the branch is gone", func(s status) bool { return strings.Contains(s.Repositories[0].Error, "branch not found") })
	if s.Repositories[0].Head != head || s.Stacks[0].Run.Status != "planned" {
		t.Errorf("something was lost: %+v", s)
	}
	i.GitBare("branch", "-m", "trunk", "main")
	h.sees("it is back", func(s status) bool { return s.Repositories[0].Error == "" })
	h.must("approve", "1")
	h.reaches("1", "applied")
}

// A force-pushed branch is held, told once, and taken when a person accepts exactly that commit.
func TestForcePush(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	first := i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	second := i.Commit("Second", map[string]string{"box/main.tf": thing("a", "two")})
	h := newHouse(t, i.box()+asking(s), slackEnv).start()
	h.reaches("1", "planned")
	i.Git("reset", "-q", "--hard", first)
	other := i.Commit("Another second", map[string]string{"box/main.tf": thing("a", "three")})
	got := h.sees("it is held", func(s status) bool { return has(s.Repositories[0].Error, "rewritten", other[:8]) })
	if got.Repositories[0].Head != second || got.Stacks[0].Run.ID != 1 || got.Stacks[0].Run.Status != "planned" {
		t.Errorf("the held head counts as seen: %+v", got)
	}
	posted(t, s, "rewritten", "sallyport accept infra "+other[:8])
	h.refused(1, []string{"accept", "infra", first})
	h.must("accept", "infra", other[:12])
	h.reaches("1", "superseded")
	if r := h.reaches("2", "planned"); r.Commit != other {
		t.Errorf("the next run: %+v", r)
	}
	n := 0
	for _, m := range s.Messages(ops) {
		if strings.Contains(m.Text, "does not descend") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("it was told %d times", n)
	}
}

// A server that accepts and never answers, and one that stalls in the middle of a pack, cost one failed poll each and
// hold up nobody else.
func TestServersThatHang(t *testing.T) {
	t.Parallel()
	need.Long(t, "it waits for the deadlines of git")
	i := newInfra(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one"), "big": noise(2000)})
	stalling := gittest.NewProxy(t, i.server.Addr)
	stalling.Stall(32 << 10) // after the handshake and the refs, in the pack
	body := i.blockAt("infra", i.server.URL(i.Name)) + i.blockAt("hole", "https://"+gittest.NewBlackHole(t)+"/infra.git") +
		i.blockAt("stall", "https://"+stalling.Addr+"/"+i.Name) +
		"stack \"box\" {\n  repository = \"infra\"\n  dir = \"box\"\n}\n" +
		"stack \"far\" {\n  repository = \"hole\"\n  dir = \"box\"\n}\n" +
		"stack \"half\" {\n  repository = \"stall\"\n  dir = \"box\"\n}\n"
	h := newHouse(t, body).start()
	r := h.reaches("box", "planned")
	h.must("approve", h.number("box"))
	h.reaches(fmt.Sprint(r.ID), "applied")
	h.seesWithin(patience.Scaled(2*time.Minute), "both are given up", func(st status) bool {
		given := 0
		for _, r := range st.Repositories {
			if r.Name != "infra" && r.Error != "" {
				given++
			}
		}
		return given == 2
	})
	stalling.Heal()
	h.reaches("half", "planned")
}

// noise is text that does not compress to nothing: 64 bytes for each line.
func noise(lines int) string {
	var b strings.Builder
	for n := range lines {
		fmt.Fprintf(&b, "%x\n", sha256.Sum256(fmt.Append(nil, n)))
	}
	return b.String()
}
