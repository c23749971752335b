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

// stage is the demo's directory: the repository, the cloud, and what the agent needs.
type stage struct {
	dir    string
	text   string // of the configuration
	config *config.Config
	repo   *git.Repository
	cloud  cloud.Cloud
	first  string // the first commit
	log    *os.File
	now    func() time.Time
}

// newStage makes one. executable is this program, which also is the cloud's provider.
func newStage(tool binary.Tool, executable string) (s *stage, err error) {
	parent := os.TempDir()
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
	if s.cloud, err = cloud.New(s.path("cloud")); err != nil {
		return nil, fmt.Errorf("making the cloud: %w", err)
	}
	lock, err := s.cloud.Install(s.path("providers"), executable)
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
	return s, s.configure(tool)
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
`, quote(s.path("data")), quote(s.path("agent.sock")), quote(repository.String()), quote(branch), quote(stackName),
		quote(tool.Path), engine, quote(s.path("providers")))
	file := s.path("sallyport.hcl")
	if err := os.WriteFile(file, []byte(s.text), 0o600); err != nil {
		return err
	}
	var err error
	s.config, err = config.Load(file, config.LoadOptions{})
	return err
}

// quote writes a string as HCL does.
func quote(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(text))
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) logPath() string { return s.path("agent.log") }

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
	return hash.String(), nil
}

// edit commits a change of the infrastructure.
func (s *stage) edit(subject, old, new string) (string, error) {
	tf, err := os.ReadFile(filepath.Join(s.path("infra"), filepath.FromSlash(tfFile)))
	if err != nil {
		return "", err
	}
	return s.commit(subject, map[string]string{tfFile: strings.ReplaceAll(string(tf), old, new)})
}

// remove takes the stage away. The agent and its runners must have ended.
func (s *stage) remove() error {
	if s.log != nil {
		_ = s.log.Close() // it goes away with the rest
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing the demo's directory: %w", err)
	}
	return nil
}
