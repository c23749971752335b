package config

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/calendar"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/remote"
	"sallyport/agent/config/shape"
)

const leastPoll = 100 * time.Millisecond

// Slack's ids are a letter for the kind and capitals and digits. Names are never ids: whoever renames himself
// would become somebody else.
var (
	userID    = spelling{31, regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)}
	groupID   = spelling{31, regexp.MustCompile(`^S[A-Z0-9]{2,}$`)}
	channelID = spelling{31, regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`)}
	channel   = spelling{81, regexp.MustCompile(`^#[^\s#@,:A-Z]+$`)}
	login     = spelling{100, regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$`)}
	osUser    = spelling{256, regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?$`)}
)

// spelling is how something is written. The length is not part of the pattern: a count of 254 in it takes a millisecond
// to compile, at the start of every call of the program.
type spelling struct {
	most    int // letters
	pattern *regexp.Regexp
}

// MatchString reports whether a name is written like that.
func (s spelling) MatchString(name string) bool {
	return utf8.RuneCountInString(name) <= s.most && s.pattern.MatchString(name)
}

// readTerraform reads the terraform block.
func readTerraform(l *decode.Reader, b *hcl.Block) Terraform {
	a := l.Block(b, shape.Terraform())
	t := Terraform{}
	l.Whole(a, "parallel", &t.Parallel)
	var tool Tool
	readTool(l, a, &tool)
	t.Engine, t.Version, t.Binary = tool.Engine, tool.Version, tool.Binary
	if l.String(a, "user", &t.User) {
		if !osUser.MatchString(t.User) || t.User == "root" {
			l.Fault(a.At("user"), "Invalid user", "user takes the name of a user of this machine that is not root, not %q.", t.User)
		} else if err := decode.CheckUser(l, t.User); err != nil {
			l.Fault(a.At("user"), "Unusable user", "%v.", err)
		}
	}
	if l.Path(a, "cli_config_file", &t.CLIConfigFile) {
		if _, err := l.TrustFile(t.CLIConfigFile); err != nil {
			l.Fault(a.At("cli_config_file"), "Unusable file", "cli_config_file: %s.", err)
		}
	}
	readProviderMirror(l, a, &t)
	return t
}

// readSlack reads the slack block.
func readSlack(l *decode.Reader, b *hcl.Block) *Slack {
	a := l.Block(b, shape.Slack())
	s := &Slack{}
	a.Preset("api_url", &s.APIURL)
	l.HeaderSecret(a, "token", &s.Token)
	readChannel(l, a, &s.Channel)
	readApprovers(l, a, "approvers", &s.Approvers)
	l.Duration(a, "poll", &s.Poll, leastPoll)
	calendar.ReadSchedule(l, a, "daily", &s.Daily)
	var raw string
	if l.String(a, "api_url", &raw) {
		api, err := remote.ParseAPI(raw)
		if err != nil {
			l.Fault(a.At("api_url"), "Invalid URL", "api_url cannot be used: %s.", err)
		} else {
			s.APIURL = api
		}
	}
	return s
}

// readChannel reads a channel: its id or its name.
func readChannel(l *decode.Reader, a decode.Attributes, dst *string) {
	if l.String(a, "channel", dst) && !channelID.MatchString(*dst) && !channel.MatchString(*dst) {
		l.Fault(a.At("channel"), "Invalid channel", `%q is neither the id of a channel ("C0123456789") nor its name ("#infra", lower-case).`, *dst)
	}
}

// readApprovers reads a list of people: ids of users and user groups, and e-mails.
func readApprovers(l *decode.Reader, a decode.Attributes, name string, dst *[]string) {
	if !l.Strings(a, name, dst) {
		return
	}
	for i, id := range *dst {
		switch {
		case userID.MatchString(id), groupID.MatchString(id), email(id):
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

// readPeople reads the person blocks. One identity that two people share would let one of them vote twice.
func readPeople(l *decode.Reader, cfg *Config, blocks hcl.Blocks) {
	names, taken := map[string]hcl.Range{}, map[string]hcl.Range{}
	for _, b := range blocks {
		if !checkLabel(l, b, names) {
			continue
		}
		a := l.Block(b, shape.Person())
		p := Person{Name: b.Labels[0]}
		for _, id := range []struct {
			attr  string
			dst   *string
			form  spelling
			fold  bool
			wants string
		}{
			{"slack", &p.Slack, userID, false, `the id of a user ("U01ABCDEF")`},
			{"github", &p.GitHub, login, true, "the login of an account"},
			{"os", &p.OS, osUser, false, "the name of a user of this machine"},
		} {
			if !l.String(a, id.attr, id.dst) {
				continue
			}
			if !id.form.MatchString(*id.dst) {
				l.Fault(a.At(id.attr), "Invalid identity", "%s takes %s, not %q.", id.attr, id.wants, *id.dst)
				continue
			}
			key := id.attr + ":" + *id.dst
			if id.fold {
				key = strings.ToLower(key)
			}
			if first, dup := taken[key]; dup {
				l.Fault(a.At(id.attr), "Duplicate identity", "%s = %q is another person's already, at %s.", id.attr, *id.dst, decode.Place(first))
				continue
			}
			taken[key] = a.At(id.attr)
		}
		if p.Slack == "" && p.GitHub == "" && p.OS == "" {
			l.Warn(b.DefRange, "person %q has neither slack nor github nor os, so it changes nothing", p.Name)
		}
		cfg.People = append(cfg.People, p)
	}
}
