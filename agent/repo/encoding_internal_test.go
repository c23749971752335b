package repo

import (
	"testing"

	"github.com/go-git/go-git/v5/plumbing/object"
)

func TestEncodingOfACommit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		encoding, author, subject string
		wantAuthor, wantSubject   string
	}{
		"utf-8":            {"UTF-8", "J\u00e9r\u00f4me", "Gr\u00f6\u00dfe", "J\u00e9r\u00f4me", "Gr\u00f6\u00dfe"},
		"no header":        {"", "J\u00e9r\u00f4me", "x", "J\u00e9r\u00f4me", "x"},
		"latin 1":          {"ISO-8859-1", "J\xe9r\xf4me", "Gr\xf6\xdfe", "J\u00e9r\u00f4me", "Gr\u00f6\u00dfe"},
		"cyrillic":         {"KOI8-R", "\xe9\xd7\xc1\xce", "x", "\u0418\u0432\u0430\u043d", "x"},
		"japanese":         {"Shift_JIS", "x", "\x93\xfa\x96{", "x", "\u65e5\u672c"},
		"one nobody knows": {"klingon", "Worf", "x", "Worf", "x"},
	} {
		c1 := &object.Commit{Encoding: object.MessageEncoding(c.encoding), Message: c.subject + "\n\nmore\n"}
		c1.Author.Name, c1.Committer.Name = c.author, c.author
		if got := describe(c1); got.Author != c.wantAuthor || got.Committer != c.wantAuthor || got.Subject != c.wantSubject {
			t.Errorf("%s: %q by %q and %q", name, got.Subject, got.Author, got.Committer)
		}
	}
}
