// Package people says what the accounts are called that asked, decided and paused.
//
// The store, the history and JSON name whoever did something by account: slack:U01ABC, cli:jane, policy:recreate. An account is
// what counts and what never changes. People read names, and where a text leaves for them is the one place where the one becomes
// the other: [Names.Plain] for the shell, the log and comments of pull requests, [Names.At] for Slack. What was typed in Slack
// has mentions, channels and links in it, in Slack's markup; they become plain words in the same way.
//
// Nothing of this mentions anybody: "@jane" in a plain text of Slack's rings no phone, whoever wrote it. And nothing of it is
// asked while something waits: who is not known is shown by id.
package people

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"sallyport/store"
)

// Names tells what an account is called: slack:U01 (a person), slack:S01 (a user group), slack:C01 (a channel), cli:jane,
// github:jane, gitlab:jane.doe. The answer is empty where nobody knows. A nil Names knows nobody.
type Names func(account string) string

// Known are names by account.
func Known(names map[string]string) Names {
	return func(account string) string { return names[account] }
}

const (
	slackID = `[UWSC][A-Z0-9]{1,20}`
	cliName = `cli:[A-Za-z0-9_]+(?:[.@+-]+[A-Za-z0-9_]+)*\$?(?: \(logged in as [^()\n]{1,80}\)| \(no login\))?`
	site    = `(?:github:[A-Za-z0-9][A-Za-z0-9-]*|(?:gitlab|gitea):[A-Za-z0-9_]+(?:[.-]+[A-Za-z0-9_]+)*)`
	policy  = `policy:[A-Za-z0-9_][A-Za-z0-9_.-]*[A-Za-z0-9_]`
)

// Compiled when they are needed: this program starts several times in each run, mostly with nobody to name.
var (
	// inText is an account among words. One inside of quotes or of an address is somebody's text and stays what it is: an
	// approval has to name addresses letter by letter.
	inText = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(^|[\s(])(slack:` + slackID + `\b|` + cliName + `|` + site + `|` + policy + `)`)
	})
	// markup is what Slack makes of mentions, groups, channels, calls for everybody and links that people type.
	markup = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`<(?:([@#])([UWCG][A-Z0-9]{1,20})|(!subteam)\^(S[A-Z0-9]{1,20})|!(here|channel|everyone)|((?:https?://|mailto:|tel:)[^<>|]*))(?:\|([^<>]*))?>`)
	})
	// anywhere finds accounts in JSON, where quotes surround them.
	anywhere = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(?:slack:` + slackID + `\b|` + cliName + `|` + site + `)|(?:<|\\u003c)(?:@|#|!subteam\^)([UWSCG][A-Z0-9]{1,20})\b|login":"([^"]+)"`)
	})
)

// Of is what people call who did something, given as it is recorded: an account, with who had logged in where that is another
// one. "root (logged in as jane)" is jane where a person block says who that is.
func (n Names) Of(by string) string {
	account, login := store.Account(by)
	if name := n.of(account); name != "" && login == "" {
		return name
	}
	place, id, ok := strings.Cut(account, ":")
	switch {
	case !ok:
		return by
	case place == "policy":
		return account // as it is called everywhere: policy:recreate
	case login == "":
		return id + strings.TrimPrefix(by, account)
	}
	if name := n.of("cli:" + login); name != "" && id == "root" {
		return name
	}
	return store.By(id, login)
}

func (n Names) of(account string) string {
	if n == nil {
		return ""
	}
	return n(account)
}

// Plain is a text with names in the place of accounts.
func (n Names) Plain(text string) string { return n.in(text, "") }

// At is [Names.Plain] for Slack, where @ stands before the name of whoever has an account there.
func (n Names) At(text string) string { return n.in(text, "@") }

func (n Names) in(text, at string) string {
	if strings.Contains(text, ":") {
		text = inText().ReplaceAllStringFunc(text, func(found string) string {
			by := strings.TrimLeft(found, " \t\r\n\v\f(")
			lead := strings.TrimSuffix(found, by)
			name := n.Of(by)
			if strings.HasPrefix(by, "slack:") && n.of(by) != "" {
				name = at + name
			}
			return lead + name
		})
	}
	if !strings.Contains(text, "<") {
		return text
	}
	return markup().ReplaceAllStringFunc(text, func(found string) string {
		m := markup().FindStringSubmatch(found)
		sign, id, group, groupID, all, link, label := m[1], m[2], m[3], m[4], m[5], m[6], strings.TrimLeft(m[7], "@#")
		switch {
		case link != "" && label != "":
			return label
		case link != "":
			return strings.TrimPrefix(strings.TrimPrefix(link, "mailto:"), "tel:")
		case all != "":
			return all // no @ before these, even though nothing would come of it
		case group != "":
			id, sign = groupID, "@"
		}
		name := n.of("slack:" + id)
		if name == "" {
			name = label
		}
		switch {
		case name == "":
			return id
		case sign == "#":
			return "#" + strings.TrimPrefix(name, "#")
		}
		return at + name
	})
}

// In are the names of the accounts that an answer speaks of, by account; empty, never nil. Who is not known is not among them.
func (n Names) In(answer any) (map[string]string, error) {
	b, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("looking for people in an answer: %w", err)
	}
	found := map[string]string{}
	for _, m := range mentioned(b) {
		accounts := []string{string(m[0])}
		if len(m[1]) > 0 {
			accounts[0] = "slack:" + string(m[1])
		} else if len(m[2]) > 0 { // who had logged in stands beside the account
			accounts[0] = "cli:" + string(m[2])
		} else if account, login := store.Account(accounts[0]); login != "" {
			accounts = []string{account, "cli:" + login}
		} else {
			accounts[0] = account
		}
		for _, a := range accounts {
			if name := n.of(a); name != "" {
				found[a] = name
			}
		}
	}
	return found, nil
}

// mentioned are the places of JSON where [anywhere] finds somebody. Most of an answer speaks of nobody (numbers, times, addresses
// of resources), and the regular expression takes more for those than all else takes that makes an answer; so it looks
// only at members that may. A quote inside of a string has a backslash before it, so the cuts are between members.
func mentioned(b []byte) (found [][][]byte) {
	for member := range bytes.SplitSeq(b, []byte(`,"`)) {
		if mayMention(member) {
			found = append(found, anywhere().FindAllSubmatch(member, -1)...)
		}
	}
	return found
}

// mayMention reports whether there is a letter before a colon, as in slack:U01 and in no time of day, or the beginning of Slack's
// markup, or a login.
func mayMention(member []byte) bool {
	for rest, at := member, 0; ; rest = rest[at+1:] {
		if at = bytes.IndexByte(rest, ':'); at < 0 {
			break
		}
		if at > 0 && 'a' <= rest[at-1] && rest[at-1] <= 'z' {
			return true
		}
	}
	return bytes.IndexByte(member, '<') >= 0 || bytes.Contains(member, []byte(`\u003c`)) || bytes.Contains(member, []byte(`login":"`))
}
