package cache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/diag"
)

// What one init was told of providers counts for another: as long as it is no older than the wish for a plan, for the same question,
// asked of the same sources, and if nobody else could have written it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const partial = "provider \"registry.terraform.io/hashicorp/local\" {\n  version = \"1.4.0\"\n  hashes = [\"zh:1\"]\n}\n"
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, lock    string
		first, second func(*standIn)
		asked         string // by the second
	}{
		{name: "another stack of the same commit", asked: "store"},
		{name: "wished for after that was asked", second: func(s *standIn) { s.in.Asked = start.Add(time.Second) }, asked: "registry"},
		{name: "wished for long before", second: func(s *standIn) { s.now = start.Add(time.Hour) }, asked: "registry"},
		{name: "the clock was set back", second: func(s *standIn) { s.now, s.in.Asked = start.Add(-time.Hour), start.Add(-2*time.Hour) }, asked: "registry"},
		{name: "another mirror", second: func(s *standIn) { s.rc("provider_installation {}") }, asked: "registry"},
		{name: "another terraform", second: func(s *standIn) { s.in.Tool.Digest = "d2" }, asked: "registry"},
		{name: "OpenTofu, whose registry is another", second: func(s *standIn) { s.in.Tool.OpenTofu = true }, asked: "registry"},
		{name: "another version is wanted", second: func(s *standIn) {
			s.write("terraform {\n  required_providers {\n    local = {\n      version = \"< 1\"\n    }\n  }\n}\n")
		}, asked: "registry"},
		{name: "a module can want another version", second: func(s *standIn) { s.write("module \"m\" {\n  source = \"acme/m/x\"\n}\n") }, asked: "registry"},
		{name: "told to a preview", first: func(s *standIn) { s.in.Preview = true }, asked: "registry"},
		{name: "told to a preview and asked by one", first: func(s *standIn) { s.in.Preview = true }, second: func(s *standIn) { s.in.Preview = true }, asked: "registry"},
		{name: "asked by a preview", second: func(s *standIn) { s.in.Preview = true }, asked: "store"},
		{name: "told to a user who others are too", first: func(s *standIn) { s.in.User = me() }, asked: "registry"},
		{name: "told to a user of its own", first: func(s *standIn) { s.in.User = me(); s.in.User.Exclusive = true }, asked: "store"},
		{name: "the package is not what was said of it", second: func(s *standIn) { s.refuses = &diag.Error{Output: "Error: Failed to install provider"} }, asked: "store registry"},
		{name: "terraform does not want that version", second: func(s *standIn) { s.refuses = &diag.Error{Output: "Error: it does not match"} }, asked: "store registry"},
		{name: "an entry without a checksum of this machine's", lock: partial, asked: "store"},
		{name: "that entry, wished for later", lock: partial, second: func(s *standIn) { s.in.Asked = start.Add(time.Second) }, asked: "store"},
		{name: "that entry, of another mirror", lock: partial, second: func(s *standIn) { s.rc("provider_installation {}") }, asked: "store registry"},
		{name: "another entry of the same version", lock: partial, second: func(s *standIn) {
			ok(s.t, os.WriteFile(filepath.Join(s.in.WorkDir, LockFile), []byte(strings.Replace(partial, "zh:1", "zh:2", 1)), 0o600))
		}, asked: "store registry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cache := New(filepath.Join(t.TempDir(), "cache"))
			ready := func(stack string, change func(*standIn)) *standIn {
				s := newInit(t, c.lock)
				s.now, s.in.Stack, s.in.Asked, s.checks = start, stack, start, c.lock != ""
				s.in.Now = func() time.Time { return s.now }
				s.rc("")
				if change != nil {
					change(s)
				}
				return s
			}
			ok(t, ready("first", c.first).begin(t.Context(), cache))
			s := ready("second", c.second)
			before, err := s.in.ReadLock()
			ok(t, err)
			if err := s.begin(t.Context(), cache); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.asked, " "); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			if strings.Contains(c.asked, "registry") && string(s.found) != string(before) {
				t.Errorf("the registry was asked with this lock file:\n%s\nthe commit's is:\n%s", s.found, before)
			}
			if lock, err := s.in.ReadLock(); err != nil || !strings.Contains(string(lock), "h1:") {
				t.Errorf("the lock file afterwards: %v\n%s", err, lock)
			}
		})
	}
}

// me is this test's user as another one.
func me() *asuser.User { return &asuser.User{Name: "me", UID: os.Geteuid(), GID: os.Getegid()} }

func (s *standIn) write(text string) {
	ok(s.t, os.WriteFile(filepath.Join(s.in.WorkDir, "main.tf"), []byte(text), 0o600))
}

// rc gives the init another configuration of terraform's command line.
func (s *standIn) rc(text string) {
	s.in.CLIConfigFile = filepath.Join(filepath.Dir(s.in.WorkDir), "terraform.rc")
	ok(s.t, os.WriteFile(s.in.CLIConfigFile, []byte(text), 0o600))
}

// A lock file is put together as terraform writes it, and nothing is made of one that is not understood.
func TestLockFileInPieces(t *testing.T) {
	t.Parallel()
	const lock = "# head\n\nprovider \"a.example/x/y\" {\n  version = \"1.0.0\"\n}\n\nprovider \"b.example/x/y\" {\n  version = \"2.0.0\"\n}\n"
	head, entries, err := splitLock([]byte(lock))
	ok(t, err)
	if got := string(joinLock(head, entries)); got != lock || len(entries) != 2 {
		t.Errorf("%d entries:\n%s", len(entries), got)
	}
	for _, text := range []string{lock + lock, lock + "x = 1\n", lock + "module \"m\" {\n}\n", "provider {"} {
		if _, entries, err := splitLock([]byte(text)); err == nil {
			t.Errorf("made %d entries of\n%s", len(entries), text)
		}
	}
	var k answers
	if got := k.recall(&Init{}, []byte(lock), needs{}); got != nil {
		t.Errorf("knew something that nobody had told:\n%s", got)
	}
}
