package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/terraform/diag"
)

const tag = "git::https://git.example/m.git?ref=v1.2.0"

// callOf is a root module that calls one from elsewhere.
func callOf(source, more string) string {
	return fmt.Sprintf("terraform {\n  backend \"s3\" {}\n}\nmodule \"m\" {\n  source = %q\n%s}\n", source, more)
}

// bring is what an init brings beside a provider: a module's clone, terraform's list, and its record of the backend.
func (s *standIn) bring(source, text, refs string) {
	modules := filepath.Join(s.in.DataDir, "modules")
	list := fmt.Sprintf(`{"Modules":[{"Key":"","Source":"","Dir":"."},{"Key":"m","Source":%q,"Dir":%q},{"Key":"l","Source":"./l","Dir":"l"}]}`, source, modules+"/m")
	for name, text := range map[string]string{"modules/m/main.tf": text, "modules/m/.git/packed-refs": refs, "modules/modules.json": list, backendRecord: "{}"} {
		at := filepath.Join(s.in.DataDir, name)
		ok(s.t, errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)))
	}
}

// What an init has brought is used again only if another one would bring the same.
func TestReuse(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const tagged, packed = "abc refs/tags/v1.2.0\nabc refs/remotes/origin/main\n", "locals {}\n"
	type world struct {
		root, lock, brought, refs string
		change                    func(s *standIn, c *Cache) // before the second
		first                     func(s *standIn)
		reused                    bool
	}
	for name, w := range map[string]world{
		"the same":                            {reused: true},
		"another commit, of another provider": {change: func(s *standIn, _ *Cache) { s.in.Commit = "d"; s.file("b.tf", "resource \"x_y\" \"a\" {}\n") }},
		"another commit, of that provider":    {first: func(s *standIn) { s.file("a.tf", "resource \"x_y\" \"a\" {}\n") }, change: func(s *standIn, _ *Cache) { s.in.Commit = "d"; s.file("b.tf", "data \"x_z\" \"a\" {}\n") }, reused: true},
		"a provider's own version changes":    {change: func(s *standIn, _ *Cache) { s.file("b.tf", "provider \"local\" {\n  version = \"1\"\n}\n") }},
		"another commit, another value":       {root: callOf(tag, "  size = 1\n"), change: func(s *standIn, _ *Cache) { s.in.Commit = "d"; s.write(callOf(tag, "  size = 2\n")) }, reused: true},
		"a commit of git":                     {root: callOf("git::https://git.example/m.git?ref="+strings.Repeat("a", 40), ""), refs: "none", reused: true},
		"a branch":                            {root: callOf("git::https://git.example/m.git?ref=main", "")},
		"no ref":                              {root: callOf("git::https://git.example/m.git", "")},
		"a branch named like a version":       {refs: "abc refs/remotes/origin/v1.2.0\n"},
		"a tag and a branch of that name":     {refs: tagged + "abc refs/remotes/origin/v1.2.0\n"},
		"a module that calls a branch":        {brought: "module \"n\" {\n  source = \"git::https://git.example/n.git\"\n}\n"},
		"a module that calls an exact one":    {brought: "module \"n\" {\n  source = \"acme/n/aws\"\n  version = \"1.0.0\"\n}\n", reused: true},
		"a module's version changes":          {change: func(s *standIn, _ *Cache) { s.write(callOf(strings.Replace(tag, "1.2", "1.3", 1), "")) }},
		"the backend changes":                 {change: func(s *standIn, _ *Cache) { s.write(strings.Replace(callOf(tag, ""), "s3", "gcs", 1)) }},
		"the committed lock file changes":     {change: func(s *standIn, _ *Cache) { s.lock(strings.Replace(pinned, "h1:1", "h1:2", 1)) }},
		"the committed lock file is removed":  {change: func(s *standIn, _ *Cache) { ok(s.t, os.Remove(filepath.Join(s.in.WorkDir, LockFile))) }},
		"no lock file":                        {lock: "none"},
		"the environment changes":             {change: func(s *standIn, _ *Cache) { s.in.Same = "else" }},
		"not wanted":                          {first: func(s *standIn) { s.in.Same = "" }},
		"not wanted any more":                 {change: func(s *standIn, _ *Cache) { s.in.Same = "" }},
		"another mirror":                      {change: func(s *standIn, _ *Cache) { s.rc("x {}") }},
		"another terraform":                   {change: func(s *standIn, _ *Cache) { s.in.Tool.Digest = "d2" }},
		"OpenTofu":                            {first: func(s *standIn) { s.in.Tool.OpenTofu = true }, change: func(s *standIn, _ *Cache) { s.in.Tool.OpenTofu = true }},
		"another stack":                       {change: func(s *standIn, _ *Cache) { s.in.Stack = "other" }},
		"a preview remembers nothing":         {first: func(s *standIn) { s.in.Preview = true }},
		"a preview is given nothing":          {change: func(s *standIn, _ *Cache) { s.in.Preview = true }},
		"a user who others are too":           {first: func(s *standIn) { s.in.User = me() }},
		"a user of its own":                   {first: func(s *standIn) { s.in.User = me(); s.in.User.Exclusive = true }, reused: true},
		"a day later":                         {change: func(s *standIn, _ *Cache) { s.now = start.Add(25 * time.Hour) }},
		"the clock was set back":              {change: func(s *standIn, _ *Cache) { s.now = start.Add(-time.Minute) }},
		"what is kept was changed": {change: func(s *standIn, c *Cache) {
			ok(s.t, os.WriteFile(filepath.Join(c.stackDir("box"), keptModules, "m", "main.tf"), []byte("locals {\n}\n"), 0o600))
		}},
		"a link was put into what is kept": {change: func(s *standIn, c *Cache) {
			ok(s.t, os.Symlink("/etc", filepath.Join(c.stackDir("box"), keptModules, "m", "etc")))
		}},
		"what is kept is gone":   {change: func(s *standIn, c *Cache) { ok(s.t, os.RemoveAll(c.stackDir("box"))) }},
		"the package is gone":    {change: func(s *standIn, c *Cache) { ok(s.t, os.RemoveAll(c.providers())) }},
		"it was forgotten":       {change: func(_ *standIn, c *Cache) { c.Forget("box") }},
		"the agent began again":  {change: func(_ *standIn, c *Cache) { c.ready = nil }},
		"a file of JSON":         {first: func(s *standIn) { s.file("x.tf.json", `{"module": {}}`) }},
		"a file that is no HCL":  {first: func(s *standIn) { s.file("x.tf", "{") }},
		"a source in a variable": {root: "module \"m\" {\n  source = var.x\n}\n"},
		"a module of the checkout that calls a branch": {root: callOf(tag, "") + "module \"l\" {\n  source = \"./l\"\n}\n", first: func(s *standIn) {
			s.file("l/main.tf", "module \"n\" {\n  source = \"git::https://git.example/n.git\"\n}\n")
		}},
		"a module outside of the checkout": {root: callOf(tag, "") + "module \"l\" {\n  source = \"../../l\"\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := New(filepath.Join(t.TempDir(), "cache"))
			root, lock := w.root, w.lock
			if root == "" {
				root = callOf(tag, "")
			}
			refs := map[string]string{"": tagged, "none": ""}
			ready := func() *standIn {
				s := newInit(t, map[string]string{"": pinned, "none": ""}[lock])
				s.now, s.in.Same = start, "same"
				s.in.Now = func() time.Time { return s.now }
				s.rc("")
				s.write(root)
				if w.first != nil {
					w.first(s)
				}
				return s
			}
			s := ready()
			brought, refsOf := w.brought, refs[w.refs]
			if brought == "" {
				brought = packed
			}
			if _, named := refs[w.refs]; !named {
				refsOf = w.refs
			}
			source, _ := literalSource(root)
			s.bring(source, brought, refsOf)
			ok(t, s.begin(t.Context(), c))
			s = ready()
			if w.change != nil {
				w.change(s, c)
			}
			committed, err := s.in.ReadLock()
			ok(t, err)
			if got := c.Reuse(s.in, committed); got != w.reused {
				t.Fatalf("used again: %t, want %t", got, w.reused)
			}
			entries, err := os.ReadDir(s.in.DataDir)
			ok(t, err)
			if !w.reused {
				if lock, err := s.in.ReadLock(); len(entries) > 0 || err != nil || string(lock) != string(committed) {
					t.Errorf("it left %v, and %v, this lock file:\n%s", entries, err, lock)
				}
				return
			}
			list, err := os.ReadFile(filepath.Join(s.in.DataDir, moduleList))
			ok(t, err)
			if !strings.Contains(string(list), s.in.DataDir+"/modules/m") || strings.Count(string(list), "/modules/m") != 1 {
				t.Errorf("terraform's list: %s", list)
			}
			for _, name := range []string{"modules/m/main.tf", backendRecord, "providers/registry.terraform.io/hashicorp/local/1.4.0/" + platform()} {
				if _, err := os.Stat(filepath.Join(s.in.DataDir, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func (s *standIn) lock(text string) { s.file(LockFile, text) }

func (s *standIn) file(name, text string) {
	at := filepath.Join(s.in.WorkDir, name)
	ok(s.t, errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)))
}

// literalSource is the first source in a text.
func literalSource(text string) (string, bool) {
	_, rest, _ := strings.Cut(text, `source = "`)
	source, _, found := strings.Cut(rest, `"`)
	return source, found
}

// Which module a source means.
func TestExactSource(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("0123456789", 4)
	for _, c := range []struct {
		source, version string
		exact           bool
	}{
		{"acme/vpc/aws", "1.2.3", true},
		{"acme/vpc/aws", "= 1.2.3", true},
		{"acme/vpc/aws//sub/dir", "1.2.3-rc1", true},
		{"registry.example:8443/acme/vpc/aws", "1.2.3", true},
		{"acme/vpc/aws", "", false},
		{"acme/vpc/aws", "~> 1.2.3", false},
		{"acme/vpc/aws", "1.2", false},
		{"acme/vpc/aws", ">= 1.2.3, < 2.0.0", false},
		{"github.com/acme/vpc?ref=v1.2.3", "", true},
		{"github.com/acme/vpc", "1.2.3", false},
		{"github.com/acme/vpc//sub?ref=" + commit, "", true},
		{"git::ssh://git@git.example/vpc.git?depth=1&ref=v1.2.3", "", true},
		{"git@github.com:acme/vpc.git?ref=net/v1.2.3", "", true},
		{"git::https://git.example/vpc.git?ref=v1", "", false},
		{"git::https://git.example/vpc.git?ref=" + commit[:12], "", false},
		{"git::https://git.example/vpc.git?ref=v1.2.3&ref=main", "", false},
		{"git::https://git.example/vpc.git?ref=v1.2%2e3", "", false},
		{"git::https://git.example/vpc.git?ref=../v1.2.3", "", false},
		{"git::https://git.example/vpc.git//v1.2.3", "", false},
		{"https://example.com/vpc-1.2.3.zip", "", false},
		{"s3::https://s3.example/vpc-1.2.3.zip?ref=v1.2.3", "", false},
		{"hg::https://hg.example/vpc?rev=1.2.3", "", false},
		{"/srv/modules/vpc", "", false},
	} {
		if got := exactSource(c.source, c.version); got != c.exact {
			t.Errorf("%s %s: %t", c.source, c.version, got)
		}
	}
}

// Of an error that came with what is remembered, the next plan runs init; this one does if terraform asks for it.
func TestMisfit(t *testing.T) {
	t.Parallel()
	plain := errors.New("the disk is full")
	for _, c := range []struct {
		err             error
		misfit, forgets bool
	}{
		{err: &diag.Error{Diagnostics: []diag.Diagnostic{{Severity: "error", Summary: "Inconsistent dependency lock file"}}}, misfit: true, forgets: true},
		{err: &diag.Error{Diagnostics: []diag.Diagnostic{{Severity: "error", Summary: "x", Detail: "Run \"terraform init\" to install it."}}}, misfit: true, forgets: true},
		{err: &diag.Error{Output: "Error: Module not installed"}, misfit: true, forgets: true},
		{err: &diag.Error{Diagnostics: []diag.Diagnostic{{Severity: "warning", Summary: "terraform init"}}}, forgets: true},
		{err: &diag.Error{Output: "Error: Invalid function argument"}, forgets: true},
		{err: plain},
		{},
	} {
		k := New(t.TempDir())
		k.ready = map[string]ready{"box": {}}
		err := k.Misfit("box", c.err)
		var misfit *MisfitError
		if errors.As(err, &misfit) != c.misfit || !errors.Is(err, c.err) || (len(k.ready) == 0) != c.forgets {
			t.Errorf("%v: %T, remembered %d", c.err, err, len(k.ready))
		}
	}
}
