package store_test

import (
	"testing"

	"sallyport/store"
)

func TestBy(t *testing.T) {
	for _, tc := range []struct{ by, account, login, human string }{
		{"", "", "", ""},
		{"cli:jane", "cli:jane", "", "jane"},
		{"cli:root (logged in as jane)", "cli:root", "jane", "jane"},
		{"cli:root (logged in as DOM\\jane (ops))", "cli:root", "DOM\\jane (ops)", "DOM\\jane (ops)"},
		{"slack:U01", "slack:U01", "", ""},
		{"slack:U01 (no login)", "slack:U01 (no login)", "", ""},
		{"policy:night (logged in as jane)", "policy:night (logged in as jane)", "", ""},
	} {
		account, login := store.Account(tc.by)
		if account != tc.account || login != tc.login || store.Login(tc.by) != tc.human {
			t.Errorf("%q is %q and %q, of %q", tc.by, account, login, store.Login(tc.by))
		}
		if got := store.By(account, login); got != tc.by {
			t.Errorf("%q and %q make %q", account, login, got)
		}
	}
	unknown := store.ByNobodyKnown("cli:jane")
	if account, login := store.Account(unknown); account != "cli:jane" || login != "" || store.Login(unknown) != "" {
		t.Errorf("%q is %q and %q, of %q", unknown, account, login, store.Login(unknown))
	}
	if own := store.By("cli:jane", "jane"); own != "cli:jane" {
		t.Errorf("in one's own account one is %q", own)
	}
}
