package config

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/figures"
	"sallyport/agent/config/naming"
	"sallyport/agent/config/repository"
	"sallyport/agent/config/shape"
	"sallyport/agent/config/web"
)

// maxSocketPath is the longest path, in bytes, that the kernel binds a unix socket to.
const maxSocketPath = 107

// readConfig reads the whole body. What it returns may be used only if there are no faults.
func readConfig(l *decode.Reader, body hcl.Body) *Config {
	root := l.Content(body, shape.Root())
	cfg := &Config{}
	decode.UseLocals(l, root.Blocks.OfType("locals"))
	decode.EveryLocal(l)
	cfg.DataDir, cfg.Socket = readPaths(l, root.Attributes)
	top := decode.Attributes{Own: root.Attributes, Header: root.MissingItemRange, Known: shape.Root().Attributes}
	l.Bool(top, "cli_approvals", &cfg.CLIApprovals)

	d := &stackDecoder{l: l, cfg: cfg}
	repositories := map[string]hcl.Range{}
	for _, b := range root.Blocks.OfType("repository") {
		if checkLabel(l, b, repositories) {
			cfg.Repositories = append(cfg.Repositories, repository.Read(l, b))
		}
	}
	cfg.Terraform = readTerraform(l, l.Single(root.Blocks, "terraform"))
	cfg.Packer = readPacker(l, l.Single(root.Blocks, "packer"))
	if b := l.Single(root.Blocks, "slack"); b != nil {
		cfg.Slack, d.slackAt = readSlack(l, b), b.DefRange
	} else if !cfg.CLIApprovals {
		l.Fault(top.At("cli_approvals"), "Nobody can approve", "cli_approvals = false takes the decisions from the command line, and without a slack block there is no other place for them.")
	}
	if b := l.Single(root.Blocks, "backup"); b != nil {
		cfg.Backup = readBackup(l, b)
	}
	cfg.Web = web.Read(l, l.Single(root.Blocks, "web"), cfg.Socket)
	cfg.Hooks = readHooks(l, l.Single(root.Blocks, "hooks"))
	readNotify(l, cfg, root.Blocks.OfType("notify"))
	cfg.Metrics, cfg.PingURL = figures.Read(l, l.Single(root.Blocks, "metrics"), cfg.DataDir), figures.ReadPing(l, top)
	cfg.Retention = readRetention(l, l.Single(root.Blocks, "retention"))
	readPeople(l, cfg, root.Blocks.OfType("person"))
	if b := l.Single(root.Blocks, "defaults"); b != nil {
		d.useDefaults(b)
	}
	d.stacks(root.Blocks)
	d.images(root.Blocks)
	if len(repositories) == 0 {
		at := decode.Beginning(l)
		if len(d.blocks) > 0 {
			at = d.blocks[0].attrs.Header
		}
		l.Fault(at, "No repository", `The configuration names no repository: add a block repository "NAME" { url = "..." }.`)
	}
	if len(d.blocks) == 0 && !d.partial {
		at := decode.Beginning(l)
		if blocks := root.Blocks.OfType("repository"); len(blocks) > 0 {
			at = blocks[0].DefRange
		}
		l.Fault(at, "No stack", `The configuration names no stack: add a block stack "NAME" { dir = "..." }, or stacks "GLOB" {}.`)
	}
	d.crossCheck()
	for _, r := range cfg.Repositories {
		if r.Site.PlanPullRequests && cfg.Terraform.User == "" {
			l.Warn(repositories[r.Name], "DANGER: %s of %s are planned and terraform runs as the agent's own user: code that nobody has approved can "+
				"read the store and every secret and approve its own run; set terraform { user = \"sallyport-tf\" }, which install.sh makes", r.Site.Changes(), r.Name)
		}
	}
	return cfg
}

// readPaths reads data_dir and socket.
func readPaths(l *decode.Reader, attrs hcl.Attributes) (dataDir, socket string) {
	a := decode.Attributes{Own: attrs, Known: shape.Root().Attributes}
	for _, p := range []struct {
		name string
		dst  *string
	}{{"data_dir", &dataDir}, {"socket", &socket}} {
		if !l.String(a, p.name, p.dst) {
			continue
		}
		if !filepath.IsAbs(*p.dst) || filepath.Clean(*p.dst) == "/" {
			l.Fault(a.At(p.name), "Invalid path", "%s must be an absolute path below the root directory, not %q.", p.name, *p.dst)
			continue
		}
		*p.dst = filepath.Clean(*p.dst)
	}
	if len(socket) > maxSocketPath {
		l.Fault(a.At("socket"), "Invalid path", "The path of a unix socket has at most %d bytes, this one has %d.", maxSocketPath, len(socket))
	}
	return dataDir, socket
}

// checkLabel checks the name of a block and that it is the first of that name.
func checkLabel(l *decode.Reader, b *hcl.Block, taken map[string]hcl.Range) bool {
	name := b.Labels[0]
	if !naming.Valid(name) {
		l.Fault(b.LabelRanges[0], "Invalid name", "The name of a %s %s; %q does not.", b.Type, naming.PlainRule, name)
	}
	if first, dup := taken[name]; dup {
		l.Fault(b.LabelRanges[0], "Duplicate name", "There is a %s %q at %s already.", b.Type, name, decode.Place(first))
		return false
	}
	taken[name] = b.DefRange
	return true
}

// named is the name of a stack and where its block, or its element of for_each, is.
type named struct {
	name string
	at   hcl.Range
}

// checkStackLabel checks the name of a stack or image, and that it is the first of that name. Names that differ in case alone
// are one: people type them on a phone, and other machines' file systems hold backups.
func checkStackLabel(l *decode.Reader, b *hcl.Block, n named, taken map[string]named) bool {
	if !naming.ValidStack(n.name) {
		l.Fault(n.at, "Invalid name", "The name of a %s %s; %q does not.", b.Type, naming.StackRule, n.name)
	}
	first, dup := taken[strings.ToLower(n.name)]
	if !dup {
		if n.at == b.LabelRanges[0] {
			n.at = b.DefRange
		}
		taken[strings.ToLower(n.name)] = n
		return true
	}
	alone := ""
	if first.name != n.name {
		alone = ", and capitals do not tell names apart"
	}
	l.Fault(n.at, "Duplicate name", "There is a %s %q at %s already%s.", b.Type, first.name, decode.Place(first.at), alone)
	return false
}

// Repository returns the repository of a name, or nil.
func (c *Config) Repository(name string) *Repository {
	for _, r := range c.Repositories {
		if r.Name == name {
			return r
		}
	}
	return nil
}
