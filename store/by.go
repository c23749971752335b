package store

import "strings"

const (
	// loggedIn stands between an account and who logged in before taking it on.
	loggedIn = " (logged in as "
	// noLogin follows an account of which nobody knows who had logged in.
	noLogin = " (no login)"
)

// By is how an account is recorded with what it did: cli:jane. One that somebody else took on (sudo, su) is recorded with the
// name of who had logged in: cli:root (logged in as jane).
func By(account, login string) string {
	if login == "" || account == "cli:"+login {
		return account
	}
	return account + loggedIn + login + ")"
}

// ByNobodyKnown is how an account is recorded of which nobody knows who had logged in, as in a service: cli:jane (no login).
func ByNobodyKnown(account string) string { return account + noLogin }

// Account takes a By apart: what somebody may follows from the account alone. The login is empty where it is the account's own,
// and where nobody knows it.
func Account(by string) (account, login string) {
	if account, ok := strings.CutSuffix(by, noLogin); ok && strings.HasPrefix(by, "cli:") {
		return account, ""
	}
	account, login, ok := strings.Cut(by, loggedIn)
	if !ok || !strings.HasPrefix(account, "cli:") {
		return by, ""
	}
	return account, strings.TrimSuffix(login, ")")
}

// Login is the name of who had logged in, for telling humans apart; empty where nobody knows, and for accounts that are not the
// command line's.
func Login(by string) string {
	account, login := Account(by)
	name, cli := strings.CutPrefix(account, "cli:")
	if !cli || strings.HasSuffix(by, noLogin) {
		return ""
	}
	if login != "" {
		return login
	}
	return name
}
