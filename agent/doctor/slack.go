package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/notify/slack"
)

// slack tries everything that the agent needs of Slack, without posting anything.
func (d *doctor) slack(ctx context.Context) []*section {
	s := d.section("slack")
	c := d.cfg.Slack
	if c == nil {
		s.warn("configured", "see the slack block of the sample configuration",
			"there is no slack block: notices go to the log, and decisions come from the command line")
		approvals(s, d.cfg, nil)
		return []*section{s}
	}
	if c.Token.IsZero() {
		s.warn("token", "run the doctor where the credentials are, or name a copy of them with --credentials DIR",
			"it cannot be read here, so nothing of Slack is tried")
		return []*section{s}
	}
	client, err := slack.New(slack.Options{Token: c.Token, AppToken: c.AppToken, APIURL: c.APIURL, Timeout: d.o.Timeout})
	if err != nil {
		s.fail("token", "", "%v", err)
		return []*section{s}
	}
	self, err := client.Identify(ctx)
	if err != nil {
		s.fail("token", hint.Of(err), "%v", err)
		return []*section{s} // nothing else can be asked
	}
	s.ok("token", "it is @%s's of the workspace %s (%s)", self.User, self.Team, self.TeamID)
	scopes := generalScopes(d.cfg)
	for _, name := range channels(d.cfg) {
		scopes = append(scopes, channel(ctx, client, s, name)...)
	}
	wanted(s, self, scopes)
	if !c.AppToken.IsZero() {
		d.slackSocket(ctx, s, client)
	}
	people := people{section: d.section("approvers"), eligible: map[string][]string{}}
	people.ask(ctx, client, self, entries(d.cfg))
	approvals(s, d.cfg, people.eligible)
	return []*section{s, people.section}
}

// scope is a right that the app needs.
type scope struct{ name, why string }

// generalScopes are needed whatever the channels are.
func generalScopes(cfg *config.Config) []scope {
	all := []scope{
		{"chat:write", "to post"},
		{"files:write", "to attach plans"},
		{"users:read", "to see whether an approver is an active member"},
	}
	for _, entry := range entries(cfg) {
		switch {
		case strings.Contains(entry, "@"):
			all = append(all, scope{"users:read.email", "to find " + entry})
		case isGroup(entry):
			all = append(all, scope{"usergroups:read", "to read the user group " + entry})
		}
	}
	return all
}

// wanted compares the scopes of the token with those that are needed.
func wanted(s *section, self slack.Identity, scopes []scope) {
	if len(self.Scopes) == 0 {
		s.warn("scopes", "", "Slack does not say which scopes the token has")
		return
	}
	missing := map[string]bool{}
	for _, sc := range scopes {
		if slices.Contains(self.Scopes, sc.name) || missing[sc.name] {
			continue
		}
		missing[sc.name] = true
		s.fail("scopes", fmt.Sprintf("add the bot scope %s to the Slack app (OAuth & Permissions) and install it again", sc.name),
			"%s is missing, %s", sc.name, sc.why)
	}
	if len(missing) == 0 {
		s.ok("scopes", "the token has all that it needs")
	}
}

// channels are those that the configuration names, each once.
func channels(cfg *config.Config) []string {
	all := []string{cfg.Slack.Channel}
	for _, st := range allStacks(cfg) {
		if st.Channel != "" && !slices.Contains(all, st.Channel) {
			all = append(all, st.Channel)
		}
	}
	return all
}

// channel tries one channel and returns the scopes that channels of its kind need.
func channel(ctx context.Context, client *slack.Client, s *section, name string) []scope {
	check := "channel " + name
	ch, err := client.ResolveChannel(ctx, name)
	if err != nil {
		s.fail(check, hint.Of(err), "%v", err)
		return nil
	}
	kind := "channels"
	if ch.Private {
		kind = "groups"
	}
	scopes := []scope{
		{kind + ":read", "to see whether the bot is in #" + ch.Name},
		{kind + ":history", "to read replies in #" + ch.Name},
	}
	switch {
	case ch.Archived:
		s.fail(check, "unarchive it, or name another one", "#%s (%s) is archived", ch.Name, ch.ID)
		return scopes
	case !ch.Member:
		s.fail(check, "invite it; write in the channel:\n/invite @sallyport", "the bot is not in #%s (%s)", ch.Name, ch.ID)
		return scopes
	}
	s.ok(check, "the bot is in #%s (%s)", ch.Name, ch.ID)
	if ch.Shared {
		s.warn(check, "use a channel of this workspace alone", "#%s is shared with another workspace, whose members read every plan", ch.Name)
	}
	readable(ctx, client, s, ch)
	return scopes
}

// readable tries to read the channel and its newest thread, as the agent does to hear decisions.
func readable(ctx context.Context, client *slack.Client, s *section, ch slack.Channel) {
	check := "replies in #" + ch.Name
	newest, any, err := client.Latest(ctx, ch.ID)
	if err != nil {
		s.fail(check, hint.Of(err), "%v", err)
		return
	}
	if !any {
		s.ok(check, "the channel can be read, and is empty")
		return
	}
	thread := newest.ThreadTS
	if thread == "" {
		thread = newest.TS
	}
	if _, err := client.Replies(ctx, ch.ID, thread, newest.TS); err != nil {
		s.fail(check, hint.Of(err), "%v", err)
		return
	}
	s.ok(check, "messages and threads can be read")
}

// allStacks are the stacks and, for what their patterns say, one for each pattern.
func allStacks(cfg *config.Config) []*config.Stack {
	all := slices.Clone(cfg.Stacks)
	for _, g := range cfg.StackGlobs {
		st := g.Stack
		st.Name = g.Glob
		all = append(all, &st)
	}
	return all
}
