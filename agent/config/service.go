package config

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

const (
	defaultParallel = 2
	defaultAPIURL   = "https://slack.com/api/"
	defaultPoll     = 5 * time.Second
	leastPoll       = 100 * time.Millisecond
)

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

// terraform reads the terraform block.
func (l *loader) terraform(b *hcl.Block) Terraform {
	a := attributes{own: l.content(b.Body, terraformShape()).Attributes, header: b.DefRange}
	t := Terraform{Parallel: defaultParallel}
	l.whole(a, "parallel", &t.Parallel)
	var tool Tool
	l.tool(a, &tool)
	t.Engine, t.Version, t.Binary = tool.Engine, tool.Version, tool.Binary
	if l.str(a, "user", &t.User) && (!osUser.MatchString(t.User) || t.User == "root") {
		l.fault(a.at("user"), "Invalid user", "user takes the name of a user of this machine that is not root, not %q.", t.User)
	}
	if l.path(a, "cli_config_file", &t.CLIConfigFile) {
		if _, err := l.trustFile(t.CLIConfigFile); err != nil {
			l.fault(a.at("cli_config_file"), "Unusable file", "cli_config_file: %s.", err)
		}
	}
	l.providerMirror(a, &t)
	return t
}

// slack reads the slack block.
func (l *loader) slack(b *hcl.Block) *Slack {
	a := attributes{own: l.content(b.Body, slackShape()).Attributes, header: b.DefRange}
	s := &Slack{Poll: defaultPoll, APIURL: defaultAPIURL}
	l.headerSecret(a, "token", &s.Token)
	l.channel(a, &s.Channel)
	l.approvers(a, "approvers", &s.Approvers)
	l.duration(a, "poll", &s.Poll, leastPoll)
	l.schedule(a, "daily", &s.Daily)
	var raw string
	if l.str(a, "api_url", &raw) {
		api, err := parseAPIURL(raw)
		if err != nil {
			l.fault(a.at("api_url"), "Invalid URL", "api_url cannot be used: %s.", err)
		} else {
			s.APIURL = api
		}
	}
	return s
}

// channel reads a channel: its id or its name.
func (l *loader) channel(a attributes, dst *string) {
	if l.str(a, "channel", dst) && !channelID.MatchString(*dst) && !channel.MatchString(*dst) {
		l.fault(a.at("channel"), "Invalid channel", `%q is neither the id of a channel ("C0123456789") nor its name ("#infra", lower-case).`, *dst)
	}
}

// approvers reads a list of people: ids of users and user groups, and e-mails.
func (l *loader) approvers(a attributes, name string, dst *[]string) {
	if !l.strs(a, name, dst) {
		return
	}
	for i, id := range *dst {
		switch {
		case userID.MatchString(id), groupID.MatchString(id), email(id):
		default:
			l.fault(a.element(name, i), "Invalid approver",
				`%q is neither the id of a user ("U01ABCDEF"; in Slack: profile, three dots, copy member ID) nor of a user group ("S01OPSTEAM") nor an e-mail. Names do not count, since people can change theirs.`, id)
		}
	}
}

// email reports whether text is an address and nothing else.
func email(text string) bool {
	addr, err := mail.ParseAddress(text)
	return err == nil && addr.Address == text && addr.Name == "" && !strings.ContainsAny(text, " \"<>")
}

// people reads the person blocks. One identity that two people share would let one of them vote twice.
func (l *loader) people(cfg *Config, blocks hcl.Blocks) {
	names, taken := map[string]hcl.Range{}, map[string]hcl.Range{}
	for _, b := range blocks {
		if !l.label(b, names) {
			continue
		}
		a := attributes{own: l.content(b.Body, personShape()).Attributes, header: b.DefRange}
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
			if !l.str(a, id.attr, id.dst) {
				continue
			}
			if !id.form.MatchString(*id.dst) {
				l.fault(a.at(id.attr), "Invalid identity", "%s takes %s, not %q.", id.attr, id.wants, *id.dst)
				continue
			}
			key := id.attr + ":" + *id.dst
			if id.fold {
				key = strings.ToLower(key)
			}
			if first, dup := taken[key]; dup {
				l.fault(a.at(id.attr), "Duplicate identity", "%s = %q is another person's already, at %s.", id.attr, *id.dst, place(first))
				continue
			}
			taken[key] = a.at(id.attr)
		}
		if p.Slack == "" && p.GitHub == "" && p.OS == "" {
			l.warn(b.DefRange, "person %q has neither slack nor github nor os, so it changes nothing", p.Name)
		}
		cfg.People = append(cfg.People, p)
	}
}
