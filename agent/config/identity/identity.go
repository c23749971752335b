// Package identity reads who somebody is and where something is said: ids of Slack's users, groups and channels, logins, and users of the
// machine.
package identity

import (
	"net/mail"
	"regexp"
	"strings"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/naming"
)

// Slack's ids are a letter for the kind and capitals and digits. Names are never ids: whoever renames himself
// would become somebody else.
var (
	User        = naming.Spelling{Most: 31, Pattern: regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)}
	Group       = naming.Spelling{Most: 31, Pattern: regexp.MustCompile(`^S[A-Z0-9]{2,}$`)}
	ChannelID   = naming.Spelling{Most: 31, Pattern: regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`)}
	ChannelName = naming.Spelling{Most: 81, Pattern: regexp.MustCompile(`^#[^\s#@,:A-Z]+$`)}
	Login       = naming.Spelling{Most: 100, Pattern: regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$`)}
	Account     = naming.Spelling{Most: 255, Pattern: regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?$`)}
	OSUser      = naming.Spelling{Most: 256, Pattern: regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?$`)}
)

// ReadChannel reads a channel: its id or its name.
func ReadChannel(l *decode.Reader, a decode.Attributes, dst *string) {
	if l.String(a, "channel", dst) && !ChannelID.MatchString(*dst) && !ChannelName.MatchString(*dst) {
		l.Fault(a.At("channel"), "Invalid channel", `%q is neither the id of a channel ("C0123456789") nor its name ("#infra", lower-case).`, *dst)
	}
}

// ReadApprovers reads a list of people: ids of users and user groups, and e-mails.
func ReadApprovers(l *decode.Reader, a decode.Attributes, name string, dst *[]string) {
	if !l.Strings(a, name, dst) {
		return
	}
	for i, id := range *dst {
		switch {
		case User.MatchString(id), Group.MatchString(id), email(id):
		default:
			l.Fault(a.Element(name, i), "Invalid approver",
				`%q is neither the id of a user ("U01ABCDEF"; in Slack: profile, three dots, copy member ID) nor of a user group ("S01OPSTEAM") nor an e-mail. Names do not count, since people can change theirs.`, id)
		}
	}
}

// email reports whether text is an address and nothing else.
func email(text string) bool {
	addr, err := mail.ParseAddress(text)
	return err == nil && addr.Address == text && addr.Name == "" && !strings.ContainsAny(text, " \"<>")
}
