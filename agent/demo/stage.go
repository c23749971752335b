package demo

import (
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/config"
	"sallyport/agent/demo/cloud"
	"sallyport/agent/terraform/binary"
	"sallyport/notify/github/githubtest"
)

//go:embed infrastructure/ghe.tf
var infrastructure embed.FS

const (
	stackName = "ghe"
	branch    = "main"
	tfFile    = "ghe/ghe.tf" // in the repository
	lockFile  = "ghe/.terraform.lock.hcl"
	// longestDir leaves room for the socket's name, and the kernel takes 107 bytes for all of it.
	longestDir = 80
)

// stage is the demo's directory: the repository, the cloud, and what the agent needs; and the stand-ins beside it.
type stage struct {
	*props

	dir    string
	text   string // of the configuration
	config *config.Config
	repo   *git.Repository
	cloud  cloud.Cloud
	first  string // the first commit
	log    *os.File
	now    func() time.Time
}

// stageOptions say what a stage is made with.
type stageOptions struct {
	tool       binary.Tool
	executable string // this program, which also is the cloud's provider
	parent     string // of the directory; default os.TempDir
}

func newStage(o stageOptions) (s *stage, err error) {
	parent := o.parent
	if parent == "" {
		parent = os.TempDir()
	}
	if len(parent) > longestDir-len("/sallyport-demo-0123456789") {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "sallyport-demo-") // 0700
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	s = &stage{dir: dir, now: time.Now}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if s.props, err = newProps(); err != nil {
		return nil, err
	}
	if s.cloud, err = cloud.New(s.path("cloud")); err != nil {
		return nil, fmt.Errorf("making the cloud: %w", err)
	}
	lock, err := s.cloud.Install(s.path("providers"), o.executable)
	if err != nil {
		return nil, fmt.Errorf("making the mirror of providers: %w", err)
	}
	if s.log, err = os.OpenFile(s.logPath(), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if s.repo, err = git.PlainInitWithOptions(s.path("infra"), &git.PlainInitOptions{
		InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(branch)},
	}); err != nil {
		return nil, fmt.Errorf("making the repository: %w", err)
	}
	tf, err := infrastructure.ReadFile("infrastructure/ghe.tf")
	if err != nil {
		return nil, err
	}
	if s.first, err = s.commit("Add the code-hosting node", map[string]string{tfFile: string(tf), lockFile: lock}); err != nil {
		return nil, err
	}
	return s, s.configure(o.tool)
}

// configure writes the configuration and reads it as the agent does.
func (s *stage) configure(tool binary.Tool) error {
	engine := ""
	if filepath.Base(tool.Path) == config.EngineTofu {
		engine = "\n  engine          = " + quote(config.EngineTofu)
	}
	repository := url.URL{Scheme: "file", Path: s.path("infra")}
	s.text = fmt.Sprintf(`data_dir = %s
socket   = %s

repository "infra" {
  url      = %s
  branch   = %s
  schedule = "@every 1s"
  github {
    url           = %s
    repository    = %s
    token         = file(%s)
    pull_requests = "trusted"
  }
}

slack {
  api_url   = %s
  token     = file(%s)
  channel   = "#ops"
  approvers = [%s]
  poll      = "200ms"
}

stack %s {
  dir     = "ghe"
  label   = "DEMO"
  protect = ["cloud_volume.ghe_vol"]
}

terraform {
  binary          = %s%s
  provider_mirror = %s
}
`, quote(s.path("data")), quote(s.path("agent.sock")), quote(repository.String()), quote(branch), quote(s.github.URL()), quote(infraHub), quote(s.path("github-token")),
		quote(s.slack.URL()), quote(s.path("slack-token")), quote(kim), quote(stackName), quote(tool.Path), engine, quote(s.path("providers")))
	for file, text := range map[string]string{
		s.configPath(): s.text, s.path("github-token"): s.github.Token(), s.path("slack-token"): s.slack.Token(),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	var err error
	s.config, err = config.Load(s.configPath(), config.LoadOptions{})
	return err
}

// quote writes a string as HCL does.
func quote(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(text))
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) logPath() string { return s.path("agent.log") }

// logged is the newest line of the agent's log with a text, without its time.
func (s *stage) logged(text string) (string, error) {
	log, err := os.ReadFile(s.logPath())
	if err != nil {
		return "", err
	}
	found := ""
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, text) {
			_, found, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
	}
	if found == "" {
		return "", fmt.Errorf("the agent's log has no line with %q", text)
	}
	return found, nil
}

func (s *stage) configPath() string { return s.path("sallyport.hcl") }

// commit writes files of the repository, by their names there, and returns the commit's hash.
func (s *stage) commit(subject string, files map[string]string) (string, error) {
	tree, err := s.repo.Worktree()
	if err != nil {
		return "", err
	}
	for name, text := range files {
		file := filepath.Join(s.path("infra"), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		if _, err := tree.Add(name); err != nil {
			return "", fmt.Errorf("adding %s: %w", name, err)
		}
	}
	hash, err := tree.Commit(subject, &git.CommitOptions{
		Author: &object.Signature{Name: "Jane Doe", Email: "jane@example.com", When: s.now()},
	})
	if err != nil {
		return "", fmt.Errorf("committing: %w", err)
	}
	s.github.AddCommit(infraHub, githubtest.Commit{SHA: hash.String(), Author: "jane"})
	return hash.String(), nil
}

// infrastructureNow is the file as the branch has it.
func (s *stage) infrastructureNow() (string, error) {
	tf, err := os.ReadFile(filepath.Join(s.path("infra"), filepath.FromSlash(tfFile)))
	return string(tf), err
}

// edit commits a change of the infrastructure.
func (s *stage) edit(subject, old, new string) (string, error) {
	tf, err := s.infrastructureNow()
	if err != nil {
		return "", err
	}
	if !strings.Contains(tf, old) {
		return "", fmt.Errorf("there is no %s to change", old)
	}
	return s.commit(subject, map[string]string{tfFile: strings.ReplaceAll(tf, old, new)})
}

// propose makes a commit that changes the infrastructure the head of a new pull request, and leaves the branch where it is.
func (s *stage) propose(subject, old, new string) (number int, err error) {
	tree, err := s.repo.Worktree()
	if err != nil {
		return 0, err
	}
	topic := plumbing.NewBranchReferenceName("topic")
	if err := tree.Checkout(&git.CheckoutOptions{Branch: topic, Create: true, Force: true}); err != nil {
		return 0, err
	}
	hash, err := s.edit(subject, old, new)
	if err != nil {
		return 0, err
	}
	if err := tree.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName(branch), Force: true}); err != nil {
		return 0, err
	}
	const first = 1
	head := plumbing.NewHashReference(plumbing.ReferenceName(fmt.Sprintf("refs/pull/%d/head", first)), plumbing.NewHash(hash))
	if err := s.repo.Storer.SetReference(head); err != nil {
		return 0, err
	}
	if number = s.github.OpenPull(infraHub, githubtest.Pull{Author: "jane", Title: subject, Head: hash, HeadRef: "topic"}); number != first {
		return 0, fmt.Errorf("the first pull request is #%d", number)
	}
	return number, nil
}

// remove takes the stage away. The agent and its runners must have ended.
func (s *stage) remove() error {
	if s.log != nil {
		_ = s.log.Close() // it goes away with the rest
	}
	if s.props != nil {
		s.close()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing the demo's directory: %w", err)
	}
	return nil
}
