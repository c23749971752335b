package slack_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/notify/redact"
	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
)

func TestIdentify(t *testing.T) {
	s := workspace(t, nil)
	id := must[slack.Identity](t)(client(t, s, nil).Identify(deadline(t)))
	want := slack.Identity{
		TeamID: "T01HOME", Team: "home", UserID: "U0SALLY", User: "sallyport", BotID: "B0SALLY", URL: "https://home.slack.com/",
		Scopes: slacktest.AllScopes(),
	}
	if d := cmp.Diff(want, id); d != "" {
		t.Error(d)
	}
}

func TestResolveChannel(t *testing.T) {
	s := workspace(t, func(o *slacktest.Options) { o.PageLimit = 2 })
	c := client(t, s, nil)
	tests := map[string]struct {
		name string
		want slack.Channel
		code string
	}{
		"by id":                   {ops, slack.Channel{ID: ops, Name: "ops", Member: true}, ""},
		"by name":                 {"#ops", slack.Channel{ID: ops, Name: "ops", Member: true}, ""},
		"by bare name":            {"Ops", slack.Channel{ID: ops, Name: "ops", Member: true}, ""},
		"without the bot":         {"#quiet", slack.Channel{ID: "C000QUIET", Name: "quiet"}, ""},
		"private":                 {"#vault", slack.Channel{ID: "C00VAULT1", Name: "vault", Member: true, Private: true}, ""},
		"archived":                {"#old", slack.Channel{ID: "C000OLD01", Name: "old", Member: true, Archived: true}, ""},
		"shared":                  {"C00SHARE1", slack.Channel{ID: "C00SHARE1", Name: "shared", Member: true, Shared: true}, ""},
		"name used twice":         {"#twice", slack.Channel{ID: "C00TWICE2", Name: "twice", Member: true}, ""},
		"private, not invited":    {"#secret", slack.Channel{}, "channel_not_found"},
		"private id, no member":   {"C00SECRET", slack.Channel{}, "channel_not_found"},
		"unknown id":              {"C0UNKNOWN1", slack.Channel{}, "channel_not_found"},
		"unknown name":            {"#nowhere", slack.Channel{}, "channel_not_found"},
		"name that begins with C": {"CATS", slack.Channel{}, "channel_not_found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := c.ResolveChannel(deadline(t), tt.name)
			if tt.code == "" {
				if d := cmp.Diff(tt.want, must[slack.Channel](t)(got, err)); d != "" {
					t.Error(d)
				}
				return
			}
			var e *slack.Error
			if !errors.As(err, &e) || e.Code != tt.code || !slack.Permanent(err) || !strings.Contains(e.UserHint(), "/invite") {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	t.Run("one of the scopes is enough", func(t *testing.T) {
		s.DropScopes("channels:read")
		if got := must[slack.Channel](t)(c.ResolveChannel(deadline(t), "#vault")); got.ID != "C00VAULT1" {
			t.Errorf("got %v", got)
		}
		_, err := c.ResolveChannel(deadline(t), "#ops")
		var e *slack.Error
		if !errors.As(err, &e) || e.Code != "missing_scope" || e.Needed != "channels:read" {
			t.Errorf("got %v", err)
		}
	})
}

func TestUsers(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	u := must[slack.User](t)(c.User(deadline(t), jane))
	if d := cmp.Diff(slack.User{ID: jane, TeamID: "T01HOME", Name: "Jane", Email: "jane@example.com"}, u); d != "" {
		t.Error(d)
	}
	if !u.Active() || u.Why() != "" {
		t.Error("jane is a full member")
	}
	for _, id := range []string{"U03GONE", "U04GUEST", "U05GUEST", "U06BOT", "U07ELSE", "U08FLOW"} {
		if u := must[slack.User](t)(c.User(deadline(t), id)); u.Active() || u.Why() == "" {
			t.Errorf("%s counts as an active member", id)
		}
	}
	if (slack.User{ID: "USLACKBOT"}).Active() || (slack.User{}).Active() {
		t.Error("slackbot or nobody counts as a member")
	}
	s.ChangeUser(jane, func(u *slacktest.User) { u.Deleted = true })
	if must[slack.User](t)(c.User(deadline(t), jane)).Active() {
		t.Error("an old record was used")
	}
	if got := must[slack.User](t)(c.User(deadline(t), bob)); got.Name != "bob" {
		t.Errorf("got %q", got.Name)
	}
}

func TestEmailsAndGroups(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	if u := must[slack.User](t)(c.UserByEmail(deadline(t), "Jane@Example.com")); u.ID != jane {
		t.Errorf("got %v", u)
	}
	if got := must[[]string](t)(c.GroupMembers(deadline(t), "S01OPS")); !slices.Equal(got, []string{jane, bob}) {
		t.Errorf("got %v", got)
	}
	_, err := c.UserByEmail(deadline(t), "nobody@example.com")
	wantError(t, err, "users_not_found", "check the id or e-mail")
	_, err = c.GroupMembers(deadline(t), "S0NONE")
	wantError(t, err, "no_such_subteam", "begins with S")
	s.DropScopes("users:read.email", "usergroups:read")
	_, err = c.UserByEmail(deadline(t), "jane@example.com")
	wantError(t, err, "missing_scope", "users:read.email")
	_, err = c.GroupMembers(deadline(t), "S01OPS")
	wantError(t, err, "missing_scope", "usergroups:read")
}

func wantError(t *testing.T, err error, code, hint string) {
	t.Helper()
	var e *slack.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if e.Code != code || !strings.Contains(e.Hint, hint) || !slack.Permanent(err) || slack.Unknown(err) {
		t.Errorf("got code %q, hint %q, permanent %v, unknown %v: %v", e.Code, e.Hint, slack.Permanent(err), slack.Unknown(err), err)
	}
}

func TestTokenTroubles(t *testing.T) {
	for _, code := range []string{"token_revoked", "account_inactive", "token_expired"} {
		s := workspace(t, nil)
		s.Revoke(code)
		_, err := client(t, s, nil).Identify(deadline(t))
		wantError(t, err, code, "install")
	}
	s := workspace(t, nil)
	c := client(t, s, func(o *slack.Options) { o.Token = redact.NewSecret("xoxb-wrong-token") })
	_, err := c.History(deadline(t), ops, "")
	wantError(t, err, "invalid_auth", "xoxb-")
	if strings.Contains(err.Error(), "wrong") {
		t.Errorf("the token is in %v", err)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]slack.Options{
		"no token":   {},
		"bad scheme": {Token: redact.NewSecret("x"), APIURL: "ftp://x/"},
		"no host":    {Token: redact.NewSecret("x"), APIURL: "https:///api/"},
	} {
		if _, err := slack.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s := workspace(t, nil)
	c := client(t, s, func(o *slack.Options) { o.APIURL = strings.TrimSuffix(o.APIURL, "/") })
	if _, err := c.Identify(deadline(t)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Identify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
