package repository

import (
	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
	"sallyport/agent/trust"
)

// readTrust reads what a commit must have to be planned by itself.
func readTrust(l *decode.Reader, a decode.Attributes, blocks hcl.Blocks, r *Repository) {
	if l.Bool(a, "require_review", &r.RequireReview) && r.RequireReview && !r.Site.ShowsChanges() {
		l.Fault(a.At("require_review"), "Missing github block", "require_review asks the site about pull requests and reviews: add a github block to the repository, or one of gitlab or gitea.")
	}
	b := l.Single(blocks, "require_signed")
	if b == nil {
		return
	}
	keys := l.Block(b, shape.RequireSigned())
	readable := true
	for name, dst := range map[string]*string{"openpgp_keys": &r.Signed.OpenPGP, "allowed_signers": &r.Signed.AllowedSigners} {
		var path string
		if !l.Path(keys, name, &path) {
			continue
		}
		text, err := l.TrustFile(path)
		if err == nil {
			*dst = string(text)
			_, err = trust.Parse(filesOf(name, *dst))
		}
		if err != nil {
			readable = false
			l.Fault(keys.At(name), "Unusable file", "%s: %s.", name, err)
		}
	}
	if readable && r.Signed == (trust.Files{}) {
		l.Fault(b.DefRange, "No keys", "require_signed needs openpgp_keys, a file of public keys (gpg --export), or allowed_signers, a file as ssh-keygen and git read it, or both.")
	}
}

func filesOf(name, text string) trust.Files {
	if name == "openpgp_keys" {
		return trust.Files{OpenPGP: text}
	}
	return trust.Files{AllowedSigners: text}
}
