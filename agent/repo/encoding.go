package repo

import (
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/text/encoding/htmlindex"
)

// decoderOf makes UTF-8 of a commit's texts, which its header may say are in another encoding (i18n.commitEncoding): bytes that are
// taken for UTF-8 are not the name of whoever made it. Of an encoding that nobody knows the bytes are left as they are.
func decoderOf(c *object.Commit) func(string) string {
	as := func(s string) string { return s }
	if c.Encoding == "" || c.Encoding == "UTF-8" {
		return as
	}
	encoding, err := htmlindex.Get(string(c.Encoding))
	if err != nil {
		return as
	}
	return func(s string) string {
		text, err := encoding.NewDecoder().String(s)
		if err != nil {
			return s
		}
		return text
	}
}
