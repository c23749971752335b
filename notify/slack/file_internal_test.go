package slack

import (
	"strings"
	"testing"
)

// What Slack names as a file's address leads to Slack, or it is none.
func TestFileLink(t *testing.T) {
	t.Parallel()
	const own = "https://slack.com/api/"
	for _, c := range []struct {
		name, api, link string
		taken           bool
	}{
		{"a workspace's", own, "https://home.slack.com/files/U0SALLY/F1/plan.txt", true},
		{"an organisation's", own, "https://home.enterprise.slack.com/files/U0SALLY/F1/plan.txt", true},
		{"a government's", own, "https://home.slack-gov.com/files/U0SALLY/F1/plan.txt", true},
		{"letters", own, "https://Home.Slack.COM/files/U0SALLY/F1/plan.txt", true},
		{"the API's own host", "https://chat.example:8443/api/", "https://chat.example:8443/files/F1", true},
		{"another port of it", "https://chat.example:8443/api/", "https://chat.example/files/F1", false},
		{"Slack's, by way of another API", "http://127.0.0.1:7/api/", "https://home.slack.com/files/F1", true},
		{"none", own, "", false},
		{"another host", own, "https://home.example/files/F1", false},
		{"a host that ends alike", own, "https://notslack.com/files/F1", false},
		{"a host that begins alike", own, "https://home.slack.com.example/files/F1", false},
		{"somebody's name in front", own, "https://home.slack.com@evil.example/files/F1", false},
		{"a name at Slack", own, "https://evil.example@home.slack.com/files/F1", false},
		{"a port at Slack", own, "https://home.slack.com:444/files/F1", false},
		{"in clear", own, "http://home.slack.com/files/F1", false},
		{"no scheme", own, "//home.slack.com/files/F1", false},
		{"markup", own, "https://home.slack.com/files/F1|<!here>", false},
		{"two lines", own, "https://home.slack.com/files/F1\nx", false},
		{"too long", own, "https://home.slack.com/files/" + strings.Repeat("x", 600), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := ""
			if c.taken {
				want = c.link
			}
			if got := (&Client{opts: Options{APIURL: c.api}}).fileLink(c.link); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// An answer that is odd names no address, and is no error: the file is there.
func TestLinkInOddAnswers(t *testing.T) {
	t.Parallel()
	const good = `{"id":"F1","permalink":"https://home.slack.com/files/F1"}`
	for name, c := range map[string]struct{ answer, want string }{
		"ours among others":     {`{"files":[{"id":"F0","permalink":"https://home.slack.com/files/F0"},"odd",` + good + `]}`, "https://home.slack.com/files/F1"},
		"only somebody else's":  {`{"files":[{"id":"F0","permalink":"https://home.slack.com/files/F0"}]}`, ""},
		"an address of numbers": {`{"files":[{"id":"F1","permalink":7}]}`, ""},
		"no list":               {`{"files":` + good + `}`, ""},
		"no JSON":               {`<html>`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := &Client{opts: Options{APIURL: defaultAPIURL}}
			if got := client.linkIn([]byte(c.answer), "F1"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
