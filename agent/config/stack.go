package config

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/agent/config/calendar"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/environment"
	"sallyport/agent/config/foreach"
	"sallyport/agent/config/identity"
	"sallyport/agent/config/naming"
	"sallyport/agent/config/shape"
)

// maxLabel is how many characters a label has at most: it stands first on a lock screen.
const maxLabel = 20

// stackDecoder reads the stack, stacks and defaults blocks.
type stackDecoder struct {
	l        *decode.Reader
	cfg      *Config
	defaults hcl.Attributes
	above    hcl.Blocks // of the defaults block
	blocks   []*stackBlock

	slackAt hcl.Range // the slack block
	unnamed []string  // blocks for which nobody in Slack is an approver
	partial bool      // a for_each is wrong, so that nobody knows all stacks
}

// stackBlock is a stack or stacks block together with its place, for the checks across blocks.
type stackBlock struct {
	*Stack
	of    *StackGlob // of a stacks block
	glob  string     // its
	attrs decode.Attributes
	scope decode.Scope
}

// useDefaults reads the defaults block. Its attributes are checked here too, so that one which every stack replaces is
// not left wrong.
func (d *stackDecoder) useDefaults(b *hcl.Block) {
	a := d.l.Block(b, shape.WithoutRequired(shape.Stack()))
	for _, name := range []string{"dir", "depends_on", foreach.Name, "name"} {
		if attr := a.Own[name]; attr != nil {
			d.l.Fault(attr.NameRange, "Misplaced attribute", "%s may not stand in defaults: every stack has its own.", name)
			delete(a.Own, name)
		}
	}
	for _, block := range decode.OfType(a.OwnBlocks, "hooks") {
		d.l.Fault(block.DefRange, "Misplaced block", "%s may not stand in defaults: outside of it, it holds for every stack, and a stack's own is added.", block.Type)
	}
	decode.In(d.l, decode.Scope{Dir: decode.NotYet()}, func() {
		d.decode(a, &Stack{})
		if a.Own["repository"] != nil {
			d.repository(a, &Stack{})
		}
	})
	d.defaults, d.above = a.Own, a.OwnBlocks
}

// repository resolves the repository's name; with one repository it need not be said.
func (d *stackDecoder) repository(a decode.Attributes, s *Stack) {
	if a.Get("repository") == nil {
		switch len(d.cfg.Repositories) {
		case 0: // said once, for the whole configuration
		case 1:
			s.Repository = d.cfg.Repositories[0].Name
		default:
			d.l.Fault(a.Header, "Missing repository", "With more than one repository each stack says which is its own: repository = %s.", decode.OrList(d.repositoryNames()))
		}
		return
	}
	given := false
	decode.Fixed(d.l, fixedRepository, func() { given = d.l.String(a, "repository", &s.Repository) })
	if given && d.cfg.Repository(s.Repository) == nil && len(d.cfg.Repositories) > 0 {
		d.l.Fault(a.At("repository"), "Unknown repository", "There is no repository %q, but %s.", s.Repository, decode.OrList(d.repositoryNames()))
	}
}

func (d *stackDecoder) repositoryNames() []string {
	var names []string
	for _, r := range d.cfg.Repositories {
		names = append(names, r.Name)
	}
	return names
}

// decode reads everything of a stack but its repository and directory.
func (d *stackDecoder) decode(a decode.Attributes, s *Stack) {
	s.Engine = EngineTerraform
	if d.l.String(a, "workspace", &s.Workspace) && !naming.ValidWorkspace(s.Workspace) {
		d.l.Fault(a.At("workspace"), "Invalid workspace", "%q cannot be the name of a Terraform workspace: letters, digits, dots, dashes and underscores, 90 at most.", s.Workspace)
	}
	d.l.Strings(a, "var_files", &s.VarFiles)
	for i, f := range s.VarFiles {
		if reason := naming.VarFileFault("", f); reason != "" {
			d.l.Fault(a.Element("var_files", i), "Invalid path", "%q: %s.", f, reason)
		}
	}
	d.globs(a, "watch", &s.Watch)
	s.Vars, s.Secrets.Vars = decode.ReadValues(d.l, a, "vars")
	s.Env, s.Secrets.Env = environment.Read(d.l, a, "env")
	s.PlanEnv, s.Secrets.PlanEnv = environment.Read(d.l, a, "plan_env")
	s.ApplyEnv, _ = environment.Read(d.l, a, "apply_env")
	s.BackendConfig, s.Secrets.Backend = d.l.SecretMap(a, "backend_config")
	for k := range s.BackendConfig {
		if !hclsyntax.ValidIdentifier(k) {
			d.l.Fault(a.Key("backend_config", k), "Invalid name", "%q cannot be the name of an argument of a backend.", k)
		}
	}
	d.tools(a, s)
	d.imageVars(a, s)
	d.decisions(a, s)
	d.windows(a, s)
	d.breakGlass(a, s)
	d.announcement(a, s)
}

// decisions reads who decides what, and for how long.
func (d *stackDecoder) decisions(a decode.Attributes, s *Stack) {
	d.l.Whole(a, "approvals", &s.Approvals)
	identity.ReadApprovers(d.l, a, "approvers", &s.Approvers)
	d.l.Bool(a, "allow_self_approval", &s.AllowSelfApproval)
	d.l.Duration(a, "plan_ttl", &s.PlanTTL)
	d.l.Duration(a, "plan_timeout", &s.PlanTimeout)
	d.l.Duration(a, "lock_timeout", &s.LockTimeout)
	d.l.Duration(a, "apply_alert", &s.ApplyAlert)
	d.l.Duration(a, "verify_after", &s.VerifyAfter)
	d.l.Strings(a, "depends_on", &s.DependsOn)
	d.patterns(a, "protect", &s.Protect)
	d.patterns(a, "replaceable", &s.Replaceable)
	var most int
	if d.l.Whole(a, "max_destroy", &most) {
		s.MaxDestroy = &most
	}
	d.policy(a, s)
}

// policy reads which plans apply by themselves, and when the stack is looked at for drift.
func (d *stackDecoder) policy(a decode.Attributes, s *Stack) {
	calendar.ReadSchedule(d.l, a, "drift", &s.Drift)
	var policy string
	if d.l.OneOf(a, "auto_apply", &policy) && policy != "never" {
		s.AutoApply = Policy(policy)
	}
	d.l.Whole(a, "auto_apply_limit", &s.AutoApplyLimit)
	if d.l.Strings(a, "recreate_also", &s.RecreateAlso) {
		for i, name := range s.RecreateAlso {
			if !hclsyntax.ValidIdentifier(name) {
				d.l.Fault(a.Element("recreate_also", i), "Invalid type", `%q is no resource type: write one like "aws_volume_attachment", without a name or a star.`, name)
			}
		}
	}
}

// patterns reads a list of patterns of addresses.
func (d *stackDecoder) patterns(a decode.Attributes, name string, dst *[]string) {
	if !d.l.Strings(a, name, dst) {
		return
	}
	for i, p := range *dst {
		if strings.TrimSpace(p) != p || p == "" {
			d.l.Fault(a.Element(name, i), "Invalid pattern", `%q matches no address: write one like "aws_ebs_volume.data" or "aws_ebs_volume.*".`, p)
		}
	}
}

// announcement reads where and how a stack's runs are told.
func (d *stackDecoder) announcement(a decode.Attributes, s *Stack) {
	var mode string
	if d.l.OneOf(a, "mode", &mode) && mode == "observe" {
		s.Mode = ModeObserve
	}
	identity.ReadChannel(d.l, a, &s.Channel)
	if d.l.Strings(a, "mention", &s.Mention) {
		for i, id := range s.Mention {
			if !identity.User.MatchString(id) && !identity.Group.MatchString(id) {
				d.l.Fault(a.Element("mention", i), "Invalid mention", `%q is neither the id of a user ("U01ABCDEF") nor of a user group ("S01OPSTEAM").`, id)
			}
		}
	}
	if d.l.String(a, "label", &s.Label) {
		unprintable := strings.ContainsFunc(s.Label, func(r rune) bool { return !unicode.IsPrint(r) })
		if utf8.RuneCountInString(s.Label) > maxLabel || unprintable {
			d.l.Fault(a.At("label"), "Invalid label", "A label has at most %d printable characters.", maxLabel)
		}
	}
	d.l.OneOf(a, "plan_in_slack", &s.PlanInSlack)
}

// globs reads a list of globs that are relative to the repository's root.
func (d *stackDecoder) globs(a decode.Attributes, name string, dst *[]string) {
	if !d.l.Strings(a, name, dst) {
		return
	}
	for i, g := range *dst {
		if reason := naming.GlobFault(g); reason != "" {
			d.l.Fault(a.Element(name, i), "Invalid glob", "%q: %s.", g, reason)
		}
	}
}
