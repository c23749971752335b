package store

import "strings"

// loggedIn stands between an account and who logged in before taking it on.
const (
	loggedIn = " (logged in"
	as       = " as "
)

// By is how an account is recorded with what it did: cli:jane (logged in). One that somebody else took on (sudo, su) is recorded
// with the name of who had logged in: cli:root (logged in as jane). Without a login name nobody knows who had.
func By(account, login string) string {
	switch {
	case login == "":
		return account
	case account == "cli:"+login:
		return account + loggedIn + ")"
	}
	return account + loggedIn + as + login + ")"
}

// Account takes a By apart. What somebody may follows from the account alone; which human it is, for counting votes, from the
// login name, which is empty where there is none.
func Account(by string) (account, login string) {
	account, login, ok := strings.Cut(by, loggedIn)
	name, cli := strings.CutPrefix(account, "cli:")
	if !ok || !cli {
		return by, ""
	}
	if login == ")" {
		return account, name
	}
	return account, strings.TrimSuffix(strings.TrimPrefix(login, as), ")")
}
