package store_test

import (
	"testing"

	"sallyport/store"
)

func TestBy(t *testing.T) {
	for _, tc := range []struct{ by, account, login string }{
		{"", "", ""},
		{"cli:jane", "cli:jane", ""},
		{"cli:jane (logged in)", "cli:jane", "jane"},
		{"cli:root (logged in as jane)", "cli:root", "jane"},
		{"cli:root (logged in as DOM\\jane (ops))", "cli:root", "DOM\\jane (ops)"},
		{"slack:U01", "slack:U01", ""},
		{"policy:night (logged in as jane)", "policy:night (logged in as jane)", ""},
	} {
		account, login := store.Account(tc.by)
		if account != tc.account || login != tc.login {
			t.Errorf("%q is %q and %q", tc.by, account, login)
		}
		if got := store.By(account, login); got != tc.by {
			t.Errorf("%q and %q make %q", account, login, got)
		}
	}
}
