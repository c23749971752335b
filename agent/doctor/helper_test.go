package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/patience"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/slack/slacktest"
)

// bed is a machine with a configuration, a git repository and a Slack workspace, all in order until a test breaks them.
type bed struct {
	t     *testing.T
	dir   string
	repo  *gittest.Repo
	slack *slacktest.Server

	appToken string            // of Slack, if the block names one
	url      string            // of the repository
	stacks   string            // blocks of the configuration
	more     string            // further blocks
	hosted   string            // further lines of the repository block
	block    string            // the inside of the slack block, after token and api_url; empty: no slack block
	files    map[string]string // of the repository
	o        Options
}

func newBed(t *testing.T) *bed {
	t.Helper()
	dir, err := os.MkdirTemp("", "d") // the names of t.TempDir are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	sl, err := slacktest.New(slacktest.Options{
		Users: []slacktest.User{
			{ID: "U01JANE", DisplayName: "Jane", Email: "jane@example.com"}, {ID: "U01BOB", DisplayName: "Bob"},
			{ID: "U01GONE", DisplayName: "Gone", Deleted: true}, {ID: "U01GUEST", DisplayName: "Guest", Restricted: true},
		},
		Channels: []slacktest.Channel{{ID: "C0000OPS", Name: "ops", Member: true}, {ID: "C000SIDE", Name: "side"}},
		Groups:   []slacktest.Group{{ID: "S01TEAM", Users: []string{"U01JANE", "U01BOB", "U01GONE"}}, {ID: "S01NONE", Users: []string{"U01GONE"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sl.Close)
	b := &bed{
		t: t, dir: dir, slack: sl, repo: gittest.NewRepo(t, "", "infra"),
		stacks: "stack \"ghe\" {\n  dir = \"ghe\"\n}\n",
		block:  "channel = \"#ops\"\n  approvers = [\"U01JANE\", \"S01TEAM\", \"jane@example.com\"]",
		files: map[string]string{
			"ghe/main.tf":             "terraform {\n  required_version = \">= 1.1\"\n}\n",
			"ghe/.terraform.lock.hcl": "# empty\n",
			"network/main.tf":         "output \"a\" {\n  value = 1\n}\n",
		},
	}
	b.url = "file://" + b.repo.Bare
	for _, d := range []string{"data", "run"} {
		if err := os.Mkdir(b.path(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.o.owner = func() string { return "sallyport" } // as on a machine on which install.sh was
	b.o.statfs = func(_ string, st *unix.Statfs_t) error {
		*st = unix.Statfs_t{Type: 0xEF53, Bsize: 4096, Bavail: 5 << 18, Files: 1 << 20, Ffree: 1 << 19}
		return nil
	}
	b.o.Timeout = patience.Scaled(5 * time.Second)
	return b
}

func (b *bed) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bed) write(name, text string, mode os.FileMode) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), mode); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chmod(b.path(name), mode); err != nil {
		b.t.Fatal(err)
	}
}

// config is the text of the configuration.
func (b *bed) config() string {
	text := fmt.Sprintf("data_dir = %q\nsocket = %q\n\nrepository \"infra\" {\n  url = %q\n  branch = \"main\"\n%s}\n\n%s\n%s\n",
		b.path("data"), b.path("run/s.sock"), b.url, b.hosted, b.stacks, b.more)
	if b.block != "" {
		text += fmt.Sprintf("slack {\n  token = credential(\"slack\")\n  api_url = %q\n  %s\n}\n", b.slack.URL(), b.block)
	}
	return text
}

// options writes everything and returns what the doctor is run with.
func (b *bed) options() Options {
	b.t.Helper()
	if len(b.files) > 0 {
		b.repo.Commit("everything", b.files)
	}
	b.write("sallyport.hcl", b.config(), 0o644)
	if err := os.MkdirAll(b.path("credentials"), 0o700); err != nil {
		b.t.Fatal(err)
	}
	b.write("credentials/slack", b.slack.Token(), 0o600)
	if b.appToken != "" {
		b.write("credentials/app", b.appToken, 0o600)
	}
	o := b.o
	o.ConfigPath, o.Version = b.path("sallyport.hcl"), "1.0.0"
	if o.CredentialsDir == "" {
		o.CredentialsDir = b.path("credentials")
	}
	return o
}

// examine runs the doctor and returns its report, with what differs from machine to machine taken out.
func (b *bed) examine() []*Check {
	b.t.Helper()
	var out bytes.Buffer
	o := b.options()
	o.Stdout, o.JSON = &out, true
	err := Run(b.t.Context(), o)
	var r report
	if e := json.Unmarshal(out.Bytes(), &r); e != nil {
		b.t.Fatalf("%v\n%s", e, out.String())
	}
	var failed *FailedError
	if errors.As(err, &failed) != (r.Fail > 0) || failed == nil && err != nil || failed != nil && failed.Fails != r.Fail {
		b.t.Errorf("%d checks failed, and the error is %v", r.Fail, err)
	}
	if strings.Contains(out.String(), b.slack.Token()) {
		b.t.Errorf("the token is shown:\n%s", out.String())
	}
	for _, c := range r.Checks {
		c.Group, c.Text, c.Hint = b.normal(c.Group), b.normal(c.Text), b.normal(c.Hint)
	}
	return r.Checks
}

func (b *bed) normal(text string) string {
	b.t.Helper()
	me, err := user.Current()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range []struct{ pattern, with string }{
		{regexp.QuoteMeta(b.repo.Bare), "REPO"},
		{regexp.QuoteMeta(b.dir), "DIR"},
		{`belongs? to ` + regexp.QuoteMeta(me.Username) + `\b`, "belongs to USER"},
		{`is at [0-9a-f]{10}`, "is at COMMIT"},
		{`\S+/terraform is version \S+`, "TERRAFORM is version VERSION"},
		{`is satisfied by \S+`, "is satisfied by VERSION"},
		{`and there is \S+`, "and there is VERSION"},
		{`127\.0\.0\.1:\d+`, "HOST"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}

// rendered is the report for people, made of normalised checks.
func rendered(checks []*Check) string {
	var out bytes.Buffer
	r := newReport(Options{Stdout: &out})
	for i := 0; i < len(checks); {
		s := &section{title: checks[i].Group}
		for ; i < len(checks) && checks[i].Group == s.title; i++ {
			s.checks = append(s.checks, checks[i])
		}
		r.add(s)
	}
	_ = r.end() // writing into memory
	return out.String()
}
