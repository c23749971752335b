package store

import "strings"

// loggedIn stands between an account and who logged in before taking it on.
const loggedIn = " (logged in as "

// By is how an account is recorded with what it did: cli:jane. One that somebody else took on (sudo, su) is recorded with the
// name of who had logged in: cli:root (logged in as jane).
func By(account, login string) string {
	if login == "" {
		return account
	}
	return account + loggedIn + login + ")"
}

// Account takes a By apart. What somebody may follows from the account alone; which human it is, for counting votes, from the
// login name, which is empty where there is none.
func Account(by string) (account, login string) {
	account, login, ok := strings.Cut(by, loggedIn)
	if !ok || !strings.HasPrefix(account, "cli:") {
		return by, ""
	}
	return account, strings.TrimSuffix(login, ")")
}
