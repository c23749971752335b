package agent_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"sallyport/agent/control"
	"sallyport/store"
)

// sshSigner signs commits as git does with gpg.format = ssh.
type sshSigner struct{ ssh.Signer }

func (s sshSigner) Sign(message io.Reader) ([]byte, error) {
	sig, err := sshsig.Sign(message, s.Signer, sshsig.HashSHA512, "git")
	if err != nil {
		return nil, err
	}
	return sshsig.Armor(sig), nil
}

// newSigner makes a key and the file that trusts it.
func newSigner(t *testing.T) (s sshSigner, file string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if s.Signer, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "allowed_signers")
	line := "jane@example.com " + string(ssh.MarshalAuthorizedKey(s.PublicKey()))
	if err := os.WriteFile(file, []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	return s, file
}

// signedBox is [box] with signers.
func signedBox(r *repository, file string) string {
	return strings.Replace(box(r, ""), "schedule = ", fmt.Sprintf("require_signed {\n    allowed_signers = %q\n  }\n  schedule = ", file), 1)
}

// heldFor waits until the branch is held and its error says why.
func heldFor(h *house, tip string, why ...string) {
	h.t.Helper()
	h.Eventually("held: "+strings.Join(why, ", "), func(s control.Status) bool {
		r := s.Repositories[0]
		for _, part := range why {
			if !strings.Contains(r.Error, part) {
				return false
			}
		}
		return r.HeldHead == tip
	})
}

// saidOnce waits until something with all these parts was said, and wants it to be said once.
func (h *house) saidOnce(parts ...string) {
	h.t.Helper()
	n := 0
	h.Eventually(fmt.Sprintf("it is said: %q", parts), func(control.Status) bool {
		n = 0
		for _, one := range h.Told() {
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(one, part) }) {
				n++
			}
		}
		return n > 0
	})
	if n != 1 {
		h.t.Errorf("%q was said %d times", parts, n)
	}
}

func TestUnsignedCommitsAreHeld(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	signer, file := newSigner(t)
	stranger, _ := newSigner(t)
	r.sign = signer
	first := r.commit("Signed", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, signedBox(r, file)).start()
	h.Reaches("1", store.Planned)
	for _, bad := range []struct {
		sign sshSigner
		why  string
	}{{sshSigner{}, "it is not signed"}, {stranger, "not among the trusted ones"}} {
		r.sign = nil
		if bad.sign.Signer != nil {
			r.sign = bad.sign
		}
		r.reset(first)
		r.commit("Smuggled", map[string]string{"box/main.tf": data("a", "smuggled")})
		// One that is signed does not carry those before it.
		r.sign = signer
		tip := r.commit("On top", map[string]string{"box/main.tf": data("a", "top")})
		heldFor(h, tip, "Smuggled", bad.why)
		h.saidOnce("is held at "+tip[:10], bad.why) // of this head: a poll may also have come between the two commits
		err := h.Client.Accept(context.Background(), control.AcceptRequest{Repository: "infra", Commit: tip})
		if err == nil || !strings.Contains(err.Error(), bad.why) {
			t.Errorf("accept: %v", err)
		}
	}
	if run := h.Reaches("1", store.Planned); run.Commit != first {
		t.Errorf("run 1 is at %s", run.Commit)
	}
	r.reset(first)
	good := r.commit("Good", map[string]string{"box/main.tf": data("a", "good")})
	if run := h.Reaches("2", store.Planned); run.Commit != good {
		t.Errorf("run 2 is at %s, want %s", run.Commit, good)
	}
	h.Eventually("nothing is held", func(s control.Status) bool { return s.Repositories[0].HeldHead == "" && s.Repositories[0].Error == "" })
}

// A requirement that is new is about what waits already, and a rewritten history that a person takes is asked for it too.
func TestTrustThatIsNewInTheConfiguration(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	signer, file := newSigner(t)
	base := r.commit("Applied", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	tip := r.commit("Waits", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	h.stop()
	h.Body = signedBox(r, file)
	h.start()
	heldFor(h, tip, "Waits", "not signed")
	h.MustDecide("2", "approve")
	h.Until("2", "held", func(r control.Run) bool {
		return r.Status == store.Approved && strings.Contains(r.Held, "known to be trusted")
	})
	r.sign = signer
	r.reset(base)
	other := r.commit("Instead", map[string]string{"box/main.tf": data("a", "three")})
	heldFor(h, other, "rewritten", "loses "+tip[:10]+" by Jane (Waits)")
	// Of this head: a poll may also have come between the two, and told of the other one.
	h.saidOnce("sallyport accept infra " + other[:10] + "\nThe branch would lose " + tip[:10] + " by Jane (Waits)")
	if err := h.Client.Accept(context.Background(), control.AcceptRequest{Repository: "infra", Commit: other}); err != nil {
		t.Fatal(err)
	}
	if run := h.Reaches("3", store.Planned); run.Commit != other {
		t.Errorf("run 3 is at %s", run.Commit)
	}
	h.Reaches("2", store.Superseded)
}

// An old date must not hide a commit: the search for what is new reads 20,000 commits of the history that is known before it
// comes to that time, gives up, and has not seen it.
func TestAnOldDateHidesNoCommit(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	signer, file := newSigner(t)
	var history strings.Builder
	for i := range 20_100 {
		fmt.Fprintf(&history, "commit refs/heads/main\ncommitter Jane <jane@example.com> %d +0000\ndata 1\nx\n", 1_500_000_000+i)
	}
	load := exec.Command("git", "-C", r.dir, "fast-import", "--quiet")
	load.Stdin = strings.NewReader(history.String())
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r.sign = signer
	r.commit("Signed", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, signedBox(r, file)).start()
	h.Reaches("1", store.Planned)
	now := r.when
	r.sign, r.when = nil, time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	r.commit("Smuggled", map[string]string{"box/main.tf": data("a", "smuggled")})
	r.sign, r.when = signer, now
	tip := r.commit("On top", map[string]string{"box/other.tf": "# signed\n"})
	heldFor(h, tip, "too long, or its dates too far apart")
}

// The first tip is held; another above it, signed, must not bring it in.
func TestWhatWasHeldFirstComesInBelowNothing(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	signer, file := newSigner(t)
	root := r.commit("Before", map[string]string{"box/main.tf": data("a", "zero")})
	first := r.commit("Smuggled", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, signedBox(r, file)).start()
	heldFor(h, first, "Smuggled", "not signed")
	r.sign = signer
	heldFor(h, r.commit("On top", map[string]string{"box/main.tf": data("a", "two")}), "Smuggled", "not signed")
	heldFor(h, r.commit("And again", map[string]string{"box/main.tf": data("a", "three")}), "Smuggled", "not signed")
	r.reset(root)
	good := r.commit("Good", map[string]string{"box/main.tf": data("a", "four")})
	if run := h.Reaches("1", store.Planned); run.Commit != good {
		t.Errorf("run 1 is at %s, want %s", run.Commit, good)
	}
}
