package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/trust"
	"sallyport/notify"
	"sallyport/store"
)

// Requirements is a digest of what a repository's commits must have; empty if nothing.
func Requirements(r *config.Repository) string {
	if r.Signed == (trust.Files{}) && !r.RequireReview {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %t", r.Signed.OpenPGP, r.Signed.AllowedSigners, r.RequireReview))
	return hex.EncodeToString(sum[:8])
}

// Untrusted holds a run until the commits up to its repository's head are known to be trusted: a requirement that is new in the
// configuration is about what waits already, too. What is applied is not asked about: bringing it back adds nothing.
func Untrusted(run *store.Run, r *config.Repository, known *store.RepositoryState, st *store.StackState) Reason {
	if r == nil || Requirements(r) == "" || run.Kind == store.KindPullRequest {
		return Reason{}
	}
	if known.Trust == Requirements(r) || st.AppliedCommit == run.Commit {
		return Reason{}
	}
	why := "waits until the commits of " + run.Repository + " are known to be trusted"
	if held := notify.HeldText(known); held != "" {
		why += ": " + held
	}
	return Reason{Why: strings.TrimSpace(why), Hint: "see sallyport status"}
}
